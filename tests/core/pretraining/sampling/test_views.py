from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.imaging.augmentation import Turn, exposure, hide
from napari_localdisc.core.imaging.scale_space import blur
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.core.pretraining.config import PretrainConfig
from napari_localdisc.core.pretraining.pseudo_labels.pseudo_label_maps import PseudoLabelMaps
from napari_localdisc.core.pretraining.sampling.image_pool import fill_pool
from napari_localdisc.core.pretraining.sampling.points import PointSampler
from napari_localdisc.core.pretraining.sampling.views import ViewFeeder
from napari_localdisc.core.pretraining.sampling.warp import Warp
from napari_localdisc.core.pretraining.sampling.windows import Windows
from tests.conftest import tiny_encoder

CPU = torch.device("cpu")


def feeder(one_crop_each: bool, **settings) -> ViewFeeder:
    card = tiny_encoder().card
    images = [xray_phantom(seed, 64).image for seed in range(6)]
    pool = drain(fill_pool(images, range(6), card))
    config = PretrainConfig(crop=32, crops=6, images=2, scales=(1.0,), **settings)
    return ViewFeeder(pool, card, config, one_crop_each)


def place_of(part: torch.Tensor, whole: torch.Tensor) -> tuple[int, int]:
    """Find the row and column at which a square (C, side, side) was cut out of maps (C, S, S)."""
    side = part.shape[-1]
    places = whole.unfold(1, side, 1).unfold(2, side, 1)
    away = (places - part[:, None, None]).abs().amax(dim=(0, 3, 4)).numpy()
    assert away.min() < 1e-6
    row, column = np.unravel_index(int(away.argmin()), away.shape)
    return int(row), int(column)


class TestViews:
    def test_both_views_show_the_same_place(self):
        views = feeder(one_crop_each=True, hidden=0.0)(CPU)
        first, second = (x[:, 0] for x in views.shared(views.first, views.second))
        for one, same, other in zip(first, second, second.roll(1, 0), strict=True):
            agreement = torch.corrcoef(torch.stack([one.flatten(), same.flatten()]))[0, 1]
            chance = torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1]
            assert agreement > 0.7
            assert agreement > chance
            assert not torch.equal(one, same)

    def test_plain_is_cut_from_the_image(self):
        draw = feeder(one_crop_each=True)
        views = draw(CPU)
        assert views.plain[0] is views.plain[1]
        for plain, index in zip(views.plain[0], views.image.tolist(), strict=True):
            whole = draw.normalised.take(index, 64, CPU).float()[:-1]
            place_of(plain, whole)

    @pytest.mark.parametrize("mirrored", [False, True])
    def test_mirrored_images_are_learned_from_up_to_their_border(self, mirrored):
        draw = feeder(one_crop_each=True, mirrored=mirrored)
        seen = torch.zeros(64, 64, dtype=torch.bool)
        for _ in range(20):
            views = draw(CPU)
            for plain, index in zip(views.plain[0], views.image.tolist(), strict=True):
                whole = draw.normalised.take(index, 64, CPU).float()[:-1]
                row, column = place_of(plain, whole)
                seen[row : row + 24, column : column + 24] = True
        rows, columns = np.nonzero(seen.numpy())
        assert rows.min() == columns.min() == (0 if mirrored else 20)
        assert rows.max() == columns.max() == (63 if mirrored else 43)

    def test_beyond_its_border_an_image_goes_on_as_its_mirror(self):
        draw = feeder(one_crop_each=True, mirrored=True, turns="none")
        draw.vary = torch.nn.Identity()
        beyond = 0
        for _ in range(5):
            views = draw(CPU)
            for index, *pair in zip(views.image.tolist(), views.first, views.second, strict=True):
                whole = draw.normalised.take(index, 64, CPU).float()[:-1].numpy()
                wide = torch.from_numpy(np.pad(whole, ((0, 0), (24, 24), (24, 24)), "reflect"))
                for view in pair:
                    place = np.array(place_of(view[: len(whole)], wide))
                    beyond += bool((place < 24).any() or (place > 24 + 64 - 32).any())
        assert 10 < beyond < 60

    def test_codes_are_cut_where_the_plain_view_is(self):
        teacher = tiny_encoder()
        draw = feeder(one_crop_each=True, turns="square", zoom=1.2, tilt=10)
        draw.pseudo_labels = PseudoLabelMaps(teacher, draw.pool, CPU)
        views = draw(CPU)
        assert views.pseudo_labels.shape == (6, 1, views.windows.core, views.windows.core)
        for plain, codes, index in zip(
            views.plain[0], views.pseudo_labels, views.image.tolist(), strict=True
        ):
            whole = draw.normalised.take(index, 64, CPU).float()[:-1]
            row, column = place_of(plain, whole)
            wanted = draw.pseudo_labels.take(index, 64)[:, row : row + 24, column : column + 24]
            assert torch.equal(codes, wanted)

    def test_warped_views_show_the_same_place_where_they_overlap(self):
        views = feeder(one_crop_each=True, zoom=1.5, tilt=20, turns="square")(CPU)
        assert not torch.equal(views.plain[0], views.plain[1])
        first, second = (x[:, 0] for x in views.shared(views.first, views.second))
        assert 0.3 < views.overlap.float().mean() < 1
        for one, same, shown in zip(first, second, views.overlap, strict=True):
            pair = torch.stack([one[shown], same[shown]])
            assert torch.corrcoef(pair)[0, 1] > 0.6

    def test_parts_of_the_second_view_are_hidden(self):
        for share in (0.0, 0.5):
            views = feeder(one_crop_each=True, hidden=share)(CPU)
            gone = (views.second == 0).all(dim=1).float().mean()
            assert not (views.first == 0).all(dim=1).any()
            assert abs(float(gone) - share) < 0.2

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


class TestWindows:
    def test_both_show_the_middle(self):
        generator = torch.Generator().manual_seed(0)
        for size in (32, 36, 64):
            windows = Windows.draw(32, 8, size, generator)
            assert windows.cut <= size
            cut = torch.arange(windows.cut**2).view(1, 1, windows.cut, windows.cut)
            for corner in (windows.first, windows.second):
                seen = windows.view(cut, corner)
                assert seen.shape[-2:] == (32, 32)
                assert torch.equal(windows.shared(seen, corner), windows.middle(cut))

    def test_are_shifted_where_there_is_room(self):
        generator = torch.Generator().manual_seed(0)
        drawn = [Windows.draw(32, 8, 64, generator) for _ in range(300)]
        assert {one.first[0] for one in drawn} == {one.second[1] for one in drawn} == set(range(9))
        assert {(one.slack, one.margin, one.cut) for one in drawn} == {(8, 8, 56)}

    def test_fill_an_image_that_is_no_larger(self):
        windows = Windows.draw(32, 8, 32, torch.Generator().manual_seed(0))
        assert (windows.core, windows.cut) == (32, 32)


class TestWarp:
    def test_a_window_is_brought_back_to_where_it_was(self):
        line = torch.linspace(-1, 1, 64)
        ramps = torch.stack([line[:, None].expand(64, 64), line.expand(64, 64)]).expand(
            5, 2, 64, 64
        )
        generator = torch.Generator().manual_seed(0)
        windows = Windows(32, 8, 12, (1, 7), (6, 3))
        warp = Warp.draw(5, 1.8, 20, generator)
        seen = windows.view(warp(ramps), windows.second)
        corner = windows.from_middle(windows.second)
        straight, shown = warp.undo(seen, corner, windows.core)
        wanted = windows.middle(ramps)
        error = (straight - wanted).abs().amax(dim=1)
        # A pixel is 2 / 63 on the ramps; half of one, shown smaller and tilted, is at most 1.2.
        assert error[shown].max() < 1.25 * 2 / 63
        assert 0.5 < shown.float().mean() < 1

    def test_a_quarter_turn_is_exact(self):
        square = torch.arange(36.0).view(1, 1, 6, 6)
        warp = Warp(torch.tensor([[[0.0, -1.0], [1.0, 0.0]]]))
        torch.testing.assert_close(warp(square), torch.rot90(square, -1, (-2, -1)))
        straight, shown = warp.undo(warp(square), (-6, -6), 6)
        torch.testing.assert_close(straight, square)
        assert shown.all()

    def test_twice_the_size_shows_the_middle_half(self):
        warp = Warp(torch.eye(2)[None] * 2)
        _, shown = warp.undo(torch.zeros(1, 1, 8, 8), (-8, -8), 8)
        assert shown[0, 2:6, 2:6].all()
        assert shown.sum() == 16

    def test_factors_and_angles_are_drawn_both_ways(self):
        matrix = Warp.draw(500, 2.0, 30.0, torch.Generator().manual_seed(0)).matrix
        factor = torch.linalg.det(matrix).sqrt()
        angle = torch.rad2deg(torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0]))
        assert 0.5 <= factor.min() < 0.55 < 1.8 < factor.max() <= 2
        assert -30 <= angle.min() < -25 < 25 < angle.max() <= 30

    def test_none_leaves_all_as_it_is(self):
        warp = Warp.draw(3, 1.0, 0.0, torch.Generator())
        square = torch.rand(3, 2, 8, 8)
        assert warp(square) is square


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

    def test_only_those_allowed(self):
        generator = torch.Generator().manual_seed(0)
        mirrored = {Turn.draw(generator, "mirror") for _ in range(50)}
        assert mirrored == {Turn(0, False), Turn(0, True)}
        assert {Turn.draw(generator, "none") for _ in range(50)} == {Turn(0, False)}


class TestPoints:
    def test_windows_and_neighbours(self):
        points = PointSampler(reach=8, apart=2.5, seed=0).draw(3, side=32)
        assert points.owner.unique().tolist() == [0, 1, 2]
        for places in (points.rows, points.columns):
            assert 0 <= places.min() <= places.max() < 32
            assert (places.amax(dim=1) - places.amin(dim=1)).max() < 8
        assert not points.near_negatives.diagonal(dim1=1, dim2=2).any()
        assert torch.equal(points.near_negatives, points.near_negatives.transpose(1, 2))

    def test_twins_are_the_most_alike_of_other_crops(self):
        points = PointSampler(reach=8, apart=2.5, seed=0).draw(3, side=32)
        generator = torch.Generator().manual_seed(0)
        vectors = torch.randn(*points.rows.shape, 4, generator=generator)
        nearest_neighbours = points.nearest_neighbours(vectors)
        for group in (0, 7, 17):
            others = vectors[points.owner != points.owner[group]].flatten(0, 1)
            wanted = max(others, key=lambda other: float(other @ vectors[group, 3]))
            assert torch.equal(nearest_neighbours[group, 3], wanted)

    def test_gather_picks_the_named_pixels(self):
        maps = torch.arange(2 * 3 * 16 * 16.0).view(2, 3, 16, 16)
        points = PointSampler(reach=16, apart=2.5, seed=1).draw(2, side=16)
        vectors = points.gather(maps)
        owner, row, column = points.owner[7], points.rows[7, 5], points.columns[7, 5]
        assert torch.equal(vectors[7, 5], maps[owner, :, row, column])
        assert points.far_negatives(vectors, 10).shape == (10, 3)
        assert points.far_negatives(vectors, 0).shape == (0, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_exposure_keeps_the_picture_recognisable(channels):
    torch.manual_seed(0)
    image = 3 * blur(torch.randn(2, channels, 32, 32), 1.5)
    varied = exposure()(image)
    assert varied.shape == image.shape
    assert not torch.allclose(varied, image)
    assert torch.corrcoef(torch.stack([image.flatten(), varied.flatten()]))[0, 1] > 0.7


class TestHide:
    def test_blocks_are_hidden_as_a_whole_and_the_rest_is_untouched(self):
        generator = torch.Generator().manual_seed(0)
        views = 1 + torch.rand(40, 2, 50, 50, generator=generator)
        hidden = hide(views, 0.3, generator)
        gone = hidden == 0
        assert torch.equal(gone[:, 0], gone[:, 1])
        assert torch.equal(hidden[~gone], views[~gone])
        assert 0.25 < gone.float().mean() < 0.35
        edges = (gone[:, 0, :, 1:] != gone[:, 0, :, :-1]).any(dim=1).any(dim=0).nonzero().flatten()
        assert (edges % 10 == edges[0] % 10).all()

    def test_nothing_is_hidden_unless_asked(self):
        views = torch.rand(2, 1, 33, 33)
        assert torch.equal(hide(views, 0.0, torch.Generator()), views)
