from __future__ import annotations

import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.start.intensity import match_brightness
from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.pixel_features import PixelSet
from tests.conftest import tiny_encoder

SIDE = 128


def nuclei(seed):
    """Some thirty discs anywhere."""
    generator = torch.Generator().manual_seed(seed)
    line = torch.arange(SIDE)
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for row, column in torch.randint(0, SIDE, (30, 2), generator=generator).tolist():
        mask |= (line[:, None] - row) ** 2 + (line[None] - column) ** 2 <= 25
    return mask


@pytest.fixture(scope="module")
def prior_match():
    prior = Prior.from_masks([nuclei(seed).numpy() for seed in range(10, 16)], "nuclei")
    resolution = WorkingResolution.of(prior, tiny_encoder().card, SIDE)
    assert resolution.scattered == (0,)
    assert not resolution.compact
    assert not resolution.curvilinear
    return PriorMatch(resolution.references(prior), resolution)


@pytest.mark.parametrize("sign", [1, -1])
def test_takes_the_side_that_looks_like_the_prior(prior_match, sign):
    masks = torch.stack([nuclei(seed) for seed in range(4)])
    generator = torch.Generator().manual_seed(0)
    images = sign * masks.float() + 0.1 * torch.randn(masks.shape, generator=generator)
    fields = torch.ones_like(masks)
    pixels = PixelSet(
        images[:, None].half(),
        images[:, None].half(),
        fields,
        torch.eye(1),
        Preprocessing(1, False),
    )
    evidence = drain(match_brightness(pixels, prior_match))
    found = evidence.probability > 0.5
    assert min(dice(a.numpy(), b.numpy()) for a, b in zip(found, masks, strict=True)) > 0.95
