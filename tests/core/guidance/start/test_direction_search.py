from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.guidance.start.direction_search import screen_features, search_direction
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.segmenter.pixel_features import PixelSet

SIDE = 128


def lines(seed):
    """Some ten thin lines across the canvas."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for angle, offset in torch.rand(10, 2, generator=generator).tolist():
        normal = torch.tensor([angle * torch.pi]).sin(), torch.tensor([angle * torch.pi]).cos()
        distance = (rows - SIDE / 2) * normal[0] + (columns - SIDE / 2) * normal[1]
        mask |= (distance - (offset - 0.5) * SIDE).abs() < 1.5
    return mask


@pytest.fixture(scope="module")
def pixels():
    """Lines in a mixture of two features; the third is noise."""
    masks = torch.stack([lines(seed) for seed in range(4)]).float()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4, 3, SIDE, SIDE, generator=generator)
    smooth = torch.linspace(-2, 2, SIDE).expand(4, SIDE, SIDE)
    planes = torch.stack([masks - smooth, masks + smooth, noise[:, 2]], dim=1)
    features = planes + 0.1 * noise
    fields = torch.ones(4, SIDE, SIDE, dtype=torch.bool)
    return PixelSet(features.half(), features.half(), fields, torch.eye(3), Preprocessing(3, False))


@pytest.fixture(scope="module")
def references():
    return torch.stack([lines(seed) for seed in range(10, 18)])


def search(pixels, references, seed=0):
    return drain(search_direction(pixels, references, candidates=16, generations=24, seed=seed))


def test_cma_es_finds_the_mixture_that_no_single_feature_shows(pixels, references):
    alone = drain(screen_features(pixels, references, seed=0))
    found = search(pixels, references)
    assert found.kl < 0.5 * alone.kl
    mixture = torch.tensor([1.0, 1.0, 0.0]) / 2**0.5
    assert float(found.direction @ mixture) > 0.9


def test_draws_from_generators_of_its_own(pixels, references):
    np.random.seed(1)  # noqa: NPY002 - the caller's
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    found = search(pixels, references)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    assert torch.equal(search(pixels, references).direction, found.direction)
