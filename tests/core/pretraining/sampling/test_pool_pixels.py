from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.phantoms import fundus_phantom
from napari_localdisc.core.pretraining.sampling.image_pool import fill_pool
from napari_localdisc.core.pretraining.sampling.normalised_pool import NormalisedPool
from napari_localdisc.core.pretraining.sampling.pool_pixels import PoolPixels
from tests.conftest import tiny_encoder

CPU = torch.device("cpu")


class TestPoolPixels:
    @pytest.fixture
    def draw(self):
        card = tiny_encoder(channels=3).card.model_copy(update={"field_of_view": True})
        images = [fundus_phantom(seed, 64).image for seed in range(3)]
        pool = drain(fill_pool(images, range(3), card))
        return PoolPixels(NormalisedPool(pool, card), scales=(1.0, 0.5), seed=0)

    def test_draws_the_same_pixels_of_each_image_whatever_sees_them(self, draw):
        network = draw.pool.card.build().eval()
        inputs = draw.pool.card.preprocessing.inputs
        plain = [draw(index, CPU, lambda x: x) for index in range(len(draw))]
        features = [draw(index, CPU, network.body) for index in range(len(draw))]
        assert len(draw) == 3
        for one, other in zip(plain, features, strict=True):
            np.testing.assert_array_equal(one, other[:, :inputs])

    def test_looks_at_each_scale_inside_the_field_of_view(self, draw):
        counts = [len(draw(index, CPU, lambda x: x)) for index in range(2)]
        for index, count in enumerate(counts):
            side = draw.pool.card.working_size // (index + 1)
            _, field = draw.pool.pool.take([index], CPU)
            inside = float(field.mean()) * side**2
            assert count == pytest.approx(min(1000, inside), rel=0.05)
            assert inside < 0.95 * side**2
