from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.core.gaussian import differential
from napari_localdisc.core.phantoms import fundus_phantom
from napari_localdisc.core.preprocessing import Preprocessing


@pytest.fixture
def pixels():
    return torch.rand(2, 3, 60, 80, generator=torch.Generator().manual_seed(0))


class TestPreprocessing:
    def test_zero_mean_and_unit_variance_inside_the_field(self, pixels):
        field = torch.zeros(2, 1, 60, 80)
        field[..., 10:50, 20:70] = 1
        prepared = Preprocessing(3, True)(pixels, field)
        assert prepared.shape == (2, 9, 60, 80)
        inside = prepared[..., 10:50, 20:70]
        assert inside[:, :3].mean(dim=(2, 3)).abs().max() < 1e-4
        assert (inside[:, :3].std(dim=(2, 3)) - 1).abs().max() < 0.05
        assert (prepared * (1 - field)).abs().max() == 0

    def test_what_lies_outside_the_field_does_not_matter(self, pixels):
        field = torch.zeros(2, 1, 60, 80)
        field[..., 10:50, 20:70] = 1
        prepare = Preprocessing(3, True)
        other = torch.where(field > 0, pixels, 1 - pixels)
        torch.testing.assert_close(prepare(pixels, field), prepare(other, field))

    def test_brightness_and_contrast_hardly_matter(self, pixels):
        field = torch.ones(2, 1, 60, 80)
        prepare = Preprocessing(3, False)
        difference = prepare(pixels, field) - prepare(0.5 * pixels + 0.2, field)
        assert difference.abs().max() < 0.2

    def test_differential_structure_comes_after_the_normalised_channels(self, pixels):
        field = torch.ones(2, 1, 60, 80)
        plain, rich = Preprocessing(3, False), Preprocessing(3, False, scales=(1.0, 2.0))
        prepared = rich(pixels, field)
        assert prepared.shape == (2, rich.inputs, 60, 80) == (2, 9 + 24, 60, 80)
        torch.testing.assert_close(prepared[:, : rich.normalised], plain(pixels, field))
        wanted = differential(prepared[:, 6:9], 1.0)
        torch.testing.assert_close(prepared[:, 9:21], wanted)

    def test_a_constant_image_is_zero(self):
        prepared = Preprocessing(1, False)(
            torch.full((1, 1, 40, 40), 0.3), torch.ones(1, 1, 40, 40)
        )
        assert prepared.abs().max() < 0.05

    @pytest.mark.parametrize("side", [1, 2, 5])
    def test_tiny_images(self, side):
        prepared = Preprocessing(1, False)(torch.rand(1, 1, side, 7), torch.ones(1, 1, side, 7))
        assert prepared.shape == (1, 3, side, 7)
        assert torch.isfinite(prepared).all()

    def test_planes(self):
        phantom = fundus_phantom(0, 96)
        image = phantom.image.astype(np.float32) / 255
        pixels, field = Preprocessing(3, True).planes(image)
        assert pixels.shape == (1, 3, 96, 96)
        wrong = (field[0, 0].numpy() > 0) != phantom.masks["field-of-view"]
        assert wrong.mean() < 0.05
        assert Preprocessing(1, False).planes(image)[1].min() == 1
