from __future__ import annotations

import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.guidance.start.alignment import align, at_one_pose
from napari_localdisc.core.imaging.similarity import from_frame
from napari_localdisc.core.priors.pose_prior import PosePrior

SIDE, COUNT = 48, 10


def disc(row, column, radius):
    line = torch.arange(SIDE)
    return ((line[:, None] - row) ** 2 + (line[None] - column) ** 2 <= radius**2).float()


@pytest.fixture(scope="module")
def references():
    places = [(17, 18), (21, 22), (25, 26), (18, 26), (24, 18)]
    return torch.stack([disc(row, column, 5) for row, column in places])[:, None]


@pytest.fixture(scope="module")
def scene():
    """Discs with a bar beside them, in features of noise; elsewhere a disc without one."""
    generator = torch.Generator().manual_seed(3)
    shifts = torch.randint(-4, 5, (COUNT, 2), generator=generator)
    shifts -= shifts.float().mean(dim=0).round().long()
    features = 0.4 * torch.randn(COUNT, 6, SIDE, SIDE, generator=generator)
    masks = torch.zeros(COUNT, SIDE, SIDE)
    for index, (row, column) in enumerate((shifts + torch.tensor([21, 22])).tolist()):
        masks[index] = disc(row, column, 5)
        features[index, 0] += 2 * masks[index]
        features[index, 1, row - 4 : row + 5, column + 6 : column + 9] += 2
        features[index, 0] += 2 * disc(40, 40, 5)
    return features, masks, shifts


@pytest.fixture(scope="module")
def fields():
    return torch.ones(COUNT, SIDE, SIDE, dtype=torch.bool)


@pytest.fixture(scope="module")
def aligned(scene, fields, references):
    """Poses, and what was told on the way."""
    events = []
    poses = drain(align(scene[0], fields, references, PosePrior.of(references)), events.append)
    return poses, events


def overlap(masks, others):
    shared = 2 * (masks * others).sum(dim=(1, 2))
    return shared / (masks.sum(dim=(1, 2)) + others.sum(dim=(1, 2)))


def test_finds_where_the_structure_lies_in_each_image(scene, aligned, references):
    _, masks, shifts = scene
    poses, _ = aligned
    prior = PosePrior.of(references)
    shape = at_one_pose(references, prior).mean(dim=0)
    found = from_frame(shape.expand(COUNT, -1, -1, -1), poses, prior.centre)[:, 0] > 0.5
    where_they_lie = (references.mean(dim=0) > 0.5).float().expand(COUNT, -1, -1)
    assert overlap(found.float(), masks).mean() > 0.85
    assert overlap(where_they_lie, masks).mean() < 0.75
    assert (poses[:, :2] * SIDE - shifts).abs().mean() < 1.5


def test_shaken_floating_point_changes_no_place(scene, aligned, fields, references):
    features, _, _ = scene
    noise = 1e-4 * torch.randn(features.shape, generator=torch.Generator().manual_seed(0))
    shaken = drain(align(features + noise, fields, references, PosePrior.of(references)))
    assert (aligned[0][:, :2] - shaken[:, :2]).abs().max() * SIDE <= 1


def test_nothing_is_left_to_chance(scene, aligned, fields, references):
    again = drain(align(scene[0], fields, references, PosePrior.of(references)))
    assert torch.equal(aligned[0], again)


def test_the_mean_pose_stays_that_of_the_references(aligned):
    assert aligned[0].mean(dim=0).abs().max() < 1e-5


def test_every_round_says_how_alike_the_images_are(aligned):
    _, events = aligned
    assert {event.stage for event in events} == {"align"}
    assert all(0 < event.values["likeness"] < 1 for event in events)
    assert events[-1].values["likeness"] > events[0].values["likeness"]
