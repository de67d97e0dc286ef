from __future__ import annotations

import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.core.pretraining.sampling.image_pool import ImagePool, fill_pool
from napari_localdisc.core.pretraining.sampling.normalised_pool import NormalisedPool
from tests.conftest import tiny_encoder

CARD = tiny_encoder().card
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pool() -> ImagePool:
    images = [xray_phantom(seed, 64).image for seed in range(4)]
    return drain(fill_pool(images, range(4), CARD))


def test_holds_normalised_channels_and_the_field(pool):
    got = NormalisedPool(pool, CARD).take(2, 64, CPU)
    pixels, field = pool.take([2], CPU)
    wanted = CARD.preprocessing.normalise(pixels, field)[0]
    torch.testing.assert_close(got[:-1].float(), wanted, atol=2e-3, rtol=2e-3)
    assert torch.equal(got[-1].float(), field[0, 0])


def test_looks_at_an_image_at_any_size(pool):
    got = NormalisedPool(pool, CARD).take(0, 32, CPU)
    assert got.shape == (CARD.preprocessing.normalised + 1, 32, 32)


def test_normalises_once_and_forgets_what_was_not_used_for_longest(pool):
    one = NormalisedPool(pool, CARD).take(0, 64, CPU)
    kept = NormalisedPool(pool, CARD, most_bytes=2 * one.nbytes)
    first, second = kept.take(0, 64, CPU), kept.take(1, 64, CPU)
    assert kept.take(0, 64, CPU) is first
    kept.take(2, 64, CPU)
    assert kept.take(0, 64, CPU) is first
    assert kept.take(1, 64, CPU) is not second
