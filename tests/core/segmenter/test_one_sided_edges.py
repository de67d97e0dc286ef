from __future__ import annotations

import pytest
import torch

from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.core.segmenter.one_sided_edges import one_sided_edges, remove_one_sided_edges

SIDE = 96
LINES = (
    (slice(8, 11), slice(0, SIDE)),
    (slice(20, 22), slice(0, SIDE)),
    (slice(60, 64), slice(0, 40)),
)
BRIGHT = (slice(44, 84), slice(56, 90))
BESIDE = (slice(48, 80), slice(90, 93))
"""A line that runs along the other edge of it."""
RIM = (slice(48, 80), slice(52, 56))
"""Beside the bright block, where labels run along its edge."""


@pytest.fixture(scope="module")
def labels():
    found = torch.zeros(1, SIDE, SIDE, dtype=torch.int8)
    for span in (*LINES, BESIDE, RIM):
        found[0][span] = 1
    return found


def pixels_of(shown):
    noise = 0.1 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    seen = (shown + noise).half()
    fields = torch.ones(1, SIDE, SIDE, dtype=torch.bool)
    return seen, fields


@pytest.fixture(scope="module")
def pixels():
    """Dark lines, and a bright block."""
    shown = torch.zeros(1, 1, SIDE, SIDE)
    for span in LINES:
        shown[0, 0][span] = -1
    shown[0, 0][BRIGHT] = 2
    shown[0, 0][BESIDE] = -1.5
    return pixels_of(shown)


def test_an_edge_is_found_and_lines_are_not(pixels, labels):
    found = one_sided_edges(*pixels, labels, 1)
    assert found[0][RIM].float().mean() > 0.9
    found[0][RIM] = False
    assert not found.any()


@pytest.mark.parametrize("sign", [-1, 1])
def test_brightness_may_be_reversed(pixels, labels, sign):
    shown = sign * pixels[0].float()
    assert (
        one_sided_edges(*pixels_of(shown), labels, 1) == one_sided_edges(*pixels, labels, 1)
    ).float().mean() > 0.99


def test_a_target_that_lies_on_edges_is_kept():
    """Layers between a bright and a dark region stand out from one side, as all of them do."""
    shown = (torch.arange(SIDE) / 40).floor().clamp_max(1).expand(SIDE, SIDE)[None, None].clone()
    labels = torch.zeros(1, SIDE, SIDE, dtype=torch.int8)
    labels[..., 40:44] = 1
    assert not one_sided_edges(*pixels_of(shown), labels, 1).any()


@pytest.mark.parametrize("other", [0, -1])
def test_without_the_target_nothing_is_found(pixels, other):
    labels = torch.full((1, SIDE, SIDE), other, dtype=torch.int8)
    assert not one_sided_edges(*pixels, labels, 1).any()


@pytest.fixture(scope="module")
def probabilities(labels):
    """Two targets of equal shape, each with a probability of its own."""
    found = labels.float()
    return torch.stack([1 - 0.9 * found, 0.6 * found, 0.3 * found], dim=1)


def shape_statistics(*curvilinear):
    return tuple(
        ShapeStatistics(
            width=4 if one else 40, area=0.1, density=0.3, parts=9, smallest=0, solid=False
        )
        for one in curvilinear
    )


def test_edges_are_taken_from_a_curvilinear_target_alone(pixels, labels, probabilities):
    cleared = remove_one_sided_edges(
        probabilities, *pixels, (0.5, 0.5), shape_statistics(True, False)
    )
    edges = one_sided_edges(*pixels, labels, 1)
    assert edges.any()
    assert (cleared[:, 1] == torch.where(edges, 0, probabilities[:, 1])).all()
    assert (cleared[:, [0, 2]] == probabilities[:, [0, 2]]).all()


def test_compact_targets_keep_their_edges(pixels, probabilities):
    assert (
        remove_one_sided_edges(probabilities, *pixels, (0.5, 0.5), shape_statistics(False, False))
        == probabilities
    ).all()
