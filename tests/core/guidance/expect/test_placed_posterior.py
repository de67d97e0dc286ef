from __future__ import annotations

import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.guidance.expect.placed_posterior import PlacedPosterior, border_residual
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.priors.pose_prior import PosePrior
from napari_localdisc.core.segmenter.pixel_features import PixelSet

SIDE, COUNT = 64, 6


def ellipse(row, column, height, width):
    line = torch.arange(SIDE)
    rows, columns = (line[:, None] - row) / height, (line[None] - column) / width
    return (rows**2 + columns**2 <= 1).float()


@pytest.fixture(scope="module")
def references():
    places = [(28, 30, 10), (32, 34, 11), (30, 34, 12), (33, 29, 11)]
    return torch.stack([ellipse(row, column, r, r) for row, column, r in places])[:, None]


@pytest.fixture(scope="module")
def truth():
    """Ellipses, where the references are discs."""
    return torch.stack([ellipse(30 + i % 3, 33 - i % 2, 13, 10) for i in range(COUNT)])


@pytest.fixture(scope="module")
def pixels(truth):
    generator = torch.Generator().manual_seed(1)
    image = 2 * truth[:, None] + 0.3 * torch.randn(COUNT, 1, SIDE, SIDE, generator=generator)
    others = 0.5 * torch.randn(COUNT, 3, SIDE, SIDE, generator=generator)
    features = torch.cat([image - image.mean(), others], dim=1)
    fields = torch.ones(COUNT, SIDE, SIDE, dtype=torch.bool)
    return PixelSet(features.half(), image.half(), fields, torch.eye(4), Preprocessing(1, False))


def dice(masks, truth):
    found = (masks > 0.5).float()
    shared = 2 * (found * truth).sum(dim=(1, 2))
    return float((shared / (found.sum(dim=(1, 2)) + truth.sum(dim=(1, 2)))).mean())


def matched(pixels, references, **switches):
    prior = PosePrior.of(references)
    posterior = PlacedPosterior(pixels, references > 0.5, prior, torch.zeros(COUNT, 2), **switches)
    starting = references.mean(dim=0).expand(COUNT, -1, -1, -1)
    (evidence,) = drain(posterior.match(starting))
    return posterior, evidence


def test_finds_shapes_of_another_build_than_the_references(pixels, references, truth):
    posterior, evidence = matched(pixels, references)
    assert dice(evidence.probability, truth) > 0.95
    assert evidence.certain.all()
    assert posterior.first_image_probabilities().shape == (1, SIDE, SIDE)


def test_without_the_edges_of_the_images_it_finds_but_templates(pixels, references, truth):
    with_edges = dice(matched(pixels, references)[1].probability, truth)
    without = matched(pixels, references, follow_edges=False)[1].probability
    assert dice(without, truth) < with_edges - 0.03


class TestBorderResidual:
    def test_is_nothing_for_equal_shapes_at_different_places(self):
        alike = torch.stack([ellipse(20, 20, 8, 8), ellipse(40, 36, 8, 8)])[:, None]
        assert border_residual(alike, PosePrior.of(alike)) <= 1 / SIDE

    def test_is_the_distance_of_the_nearest_other_shape(self):
        """Ellipses of one area that stand and lie: 3 px off at the tips, less between."""
        standing, lying = ellipse(32, 32, 15, 9.6), ellipse(32, 32, 9.6, 15)
        both = torch.stack([standing, lying])[:, None]
        assert 1.5 / SIDE < border_residual(both, PosePrior.of(both)) < 5.4 / SIDE

    def test_a_single_reference_has_room_in_its_size(self):
        alone = ellipse(32, 32, 12, 12)[None, None]
        assert border_residual(alone, PosePrior.of(alone)) > 0
