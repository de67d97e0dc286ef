from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.core.imaging.preprocessing import Preprocessing, fill, without_rim
from napari_localdisc.core.imaging.scale_space import differential
from napari_localdisc.core.phantoms import fundus_phantom


@pytest.fixture
def pixels():
    return torch.rand(2, 3, 60, 80, generator=torch.Generator().manual_seed(0))


class TestPreprocessing:
    def test_zero_mean_and_unit_variance_inside_the_field(self, pixels):
        field = torch.zeros(2, 1, 60, 80)
        field[..., 10:50, 20:70] = 1
        prepared = Preprocessing(3, True)(pixels, field)
        assert prepared.shape == (2, 9, 60, 80)
        inside = prepared[..., 11:49, 21:69]
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


class TestRim:
    def test_the_field_shrinks_by_a_share_of_the_longer_side(self):
        field = torch.zeros(1, 1, 250, 200)
        field[..., 40:210, 30:170] = 1
        inside = without_rim(field)
        wanted = torch.zeros_like(field)
        wanted[..., 42:208, 32:168] = 1
        assert torch.equal(inside, wanted)

    def test_the_edge_of_the_image_is_no_rim(self):
        field = torch.ones(1, 1, 250, 200)
        assert torch.equal(without_rim(field), field)

    def test_a_field_that_is_all_rim_stays(self):
        field = torch.zeros(1, 1, 250, 250)
        field[..., 100:102, :] = 1
        assert torch.equal(without_rim(field), field)

    def test_a_dim_rim_leaves_no_edge(self, pixels):
        # A bright disc whose rim is dim: at the rim nothing stands out from its surroundings.
        rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
        radius = (rows - 127.5).hypot(columns - 127.5)
        field = (radius < 110).float()[None, None]
        disc = 0.6 * field * (1 - 0.5 * ((radius > 109) & (radius < 110)))
        detail = Preprocessing(1, True)(disc, field)[:, 1:]
        assert detail.abs().max() < 0.1


class TestFill:
    def test_keeps_what_is_inside_and_continues_it_outside(self, pixels):
        inside = torch.zeros(2, 1, 60, 80)
        inside[..., :, :40] = 1
        level = torch.tensor([0.2, 0.7]).reshape(2, 1, 1, 1)
        filled = fill(level.expand(2, 3, 60, 80) * inside, inside)
        torch.testing.assert_close(filled, level.expand(2, 3, 60, 80), atol=2e-3, rtol=0)
        assert torch.equal((fill(pixels, inside) * inside), pixels * inside)
