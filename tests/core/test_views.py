from __future__ import annotations

import pytest
import torch

from napari_localdisc.core.augmentation import Turn, photometric
from napari_localdisc.core.image_pool import fill_pool
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.core.points import PointSampler
from napari_localdisc.core.pretrain_config import PretrainConfig
from napari_localdisc.core.progress import drain
from napari_localdisc.core.views import ViewFeeder
from tests.conftest import tiny_encoder

CPU = torch.device("cpu")


def feeder(one_crop_each: bool, **settings) -> ViewFeeder:
    card = tiny_encoder().card
    images = [xray_phantom(seed, 64).image for seed in range(6)]
    pool = drain(fill_pool(images, range(6), card))
    config = PretrainConfig(crop=32, crops=6, images=2, scales=(1.0,), **settings)
    return ViewFeeder(pool, card, config, one_crop_each)


class TestViews:
    def test_both_views_show_the_same_place(self):
        views = feeder(one_crop_each=True)(CPU)
        first, second = views.first[:, 0], views.turn.undo(views.second)[:, 0]
        for one, same, other in zip(first, second, second.roll(1, 0), strict=True):
            agreement = torch.corrcoef(torch.stack([one.flatten(), same.flatten()]))[0, 1]
            chance = torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1]
            assert agreement > 0.7
            assert agreement > chance
            assert not torch.equal(one, same)

    def test_one_crop_each_of_different_images(self):
        draw = feeder(one_crop_each=True)
        assert sorted(draw(CPU).image.tolist()) == [0, 1, 2, 3, 4, 5]

    def test_several_crops_of_a_few_images(self):
        draw = feeder(one_crop_each=False)
        assert all(len(set(draw(CPU).image.tolist())) <= 2 for _ in range(5))

    def test_smaller_scales_show_more_at_once(self):
        draw = feeder(one_crop_each=True)
        half = ViewFeeder(
            draw.pool, draw.card, draw.config.model_copy(update={"scales": (0.5,)}), True
        )
        assert half(CPU).first.shape == draw(CPU).first.shape == (6, 3, 32, 32)


class TestTurn:
    @pytest.mark.parametrize("quarters", range(4))
    @pytest.mark.parametrize("mirrored", [True, False])
    def test_undo(self, quarters, mirrored):
        x = torch.arange(24.0).view(1, 1, 4, 6)
        turn = Turn(quarters, mirrored)
        assert torch.equal(turn.undo(turn(x)), x)

    def test_all_eight_are_drawn(self):
        generator = torch.Generator().manual_seed(0)
        assert len({Turn.draw(generator) for _ in range(200)}) == 8


class TestPoints:
    def test_windows_and_neighbours(self):
        points = PointSampler(side=32, reach=8, seed=0).draw(3)
        assert points.owner.unique().tolist() == [0, 1, 2]
        for places in (points.rows, points.columns):
            assert 0 <= places.min() <= places.max() < 32
            assert (places.amax(dim=1) - places.amin(dim=1)).max() < 8
        assert not points.near.diagonal(dim1=1, dim2=2).any()
        assert torch.equal(points.near, points.near.transpose(1, 2))

    def test_gather_picks_the_named_pixels(self):
        maps = torch.arange(2 * 3 * 16 * 16.0).view(2, 3, 16, 16)
        points = PointSampler(side=16, reach=16, seed=1).draw(2)
        vectors = points.gather(maps)
        owner, row, column = points.owner[7], points.rows[7, 5], points.columns[7, 5]
        assert torch.equal(vectors[7, 5], maps[owner, :, row, column])
        assert points.far(vectors).shape[1] == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_photometric_keeps_the_shape_and_changes_the_picture(channels):
    torch.manual_seed(0)
    image = torch.rand(2, channels, 32, 32)
    varied = photometric(channels)(image)
    assert varied.shape == image.shape
    assert not torch.allclose(varied, image)
