from __future__ import annotations

import pytest
import torch

from napari_localdisc.core.guidance.expect.pose_posterior import PosePosterior
from napari_localdisc.core.priors.pose_prior import PosePrior

SIDE = 48
NOWHERE = torch.zeros(1, 2)


def disc(row, column, radius=5):
    line = torch.arange(SIDE)
    return ((line[:, None] - row) ** 2 + (line[None] - column) ** 2 <= radius**2).float()


@pytest.fixture
def references():
    places = [(20, 20), (22, 24), (24, 22), (20, 24)]
    return torch.stack([disc(*place) for place in places])[:, None]


@pytest.fixture
def field():
    return torch.ones(1, SIDE, SIDE, dtype=torch.bool)


def dice(mask, other):
    return float(2 * (mask * other).sum() / (mask.sum() + other.sum()))


def evidence(*discs):
    return (2 * torch.stack(discs).amax(dim=0) - 1)[None, None]


def posterior(references):
    return PosePosterior(references, PosePrior.of(references))


def test_finds_the_shape_that_the_evidence_shows(references, field):
    posed = posterior(references)(evidence(disc(25, 19)), field, NOWHERE)
    assert posed.shape == (1, 1, SIDE, SIDE)
    assert dice(posed[0, 0], disc(25, 19)) > 0.9


def test_of_two_alike_the_one_where_the_references_lie_is_taken(references, field):
    near, far = disc(22, 22), disc(38, 38)
    found = posterior(references)(evidence(near, far), field, NOWHERE)[0, 0]
    assert dice(found, near) > 0.9


def test_a_shift_moves_where_it_is_looked_for(references, field):
    near, far = disc(22, 22), disc(38, 38)
    shift = torch.tensor([[16 / SIDE, 16 / SIDE]])
    found = posterior(references)(evidence(near, far), field, shift)[0, 0]
    assert dice(found, far) > 0.9


def test_without_evidence_it_is_the_prior(references, field):
    found = posterior(references)(torch.zeros(1, 1, SIDE, SIDE), field, NOWHERE)[0, 0]
    line = torch.arange(SIDE)
    centre = [float((found.sum(dim=axis) @ line.float()) / found.sum()) for axis in (1, 0)]
    assert centre == pytest.approx([21.5, 22.5], abs=1)


def test_finds_another_size_where_the_references_vary_in_it(field):
    references = torch.stack([disc(22, 22, radius) for radius in (4, 5, 6, 7)])[:, None]
    large = disc(22, 22, 6.5)
    found = posterior(references)(evidence(large), field, NOWHERE)[0, 0]
    assert dice(found, large) > 0.9


def test_targets_are_posed_together(field):
    """A second target without evidence of its own comes along with the first."""
    references = torch.stack(
        [torch.stack([disc(22, c), disc(22, c + 12, 3)]) for c in (18, 20, 22)]
    )
    shown = torch.cat([evidence(disc(23, 17)), torch.zeros(1, 1, SIDE, SIDE)], dim=1)
    found = posterior(references)(shown, field, NOWHERE)[0]
    assert dice(found[0], disc(23, 17)) > 0.9
    assert dice(found[1], disc(23, 29, 3)) > 0.6


def test_what_is_out_of_view_is_no_place_for_a_structure(references):
    field = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    field[:, :, :24] = True
    found = posterior(references)(evidence(disc(22, 30)) * field, field, NOWHERE)[0, 0]
    assert float((found * ~field[0]).sum()) <= 0.25 * float(found.sum())


def test_an_image_without_a_field_of_view_has_the_prior(references):
    field = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    found = posterior(references)(torch.zeros(1, 1, SIDE, SIDE), field, NOWHERE)
    assert found.isfinite().all()
    assert found.max() > 0.5
