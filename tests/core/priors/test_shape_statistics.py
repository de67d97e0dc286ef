from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_localdisc.core.priors import simulate
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics


def disc(row, column, radius, side=512):
    rows, columns = np.mgrid[:side, :side]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def rules(*masks):
    return ShapeStatistics.of(Prior.from_masks(masks, "made up"), 0)


class TestMeasuring:
    def test_a_disc(self):
        measured = rules(disc(256, 256, 60), disc(200, 300, 60))
        assert measured.parts == 1
        assert measured.solid
        assert not measured.curvilinear
        assert measured.width == pytest.approx(60, rel=0.05)
        assert measured.area == pytest.approx(np.pi * 60**2 / 512**2, rel=0.01)
        assert measured.density == pytest.approx(1, abs=0.05)

    def test_a_ring_is_not_solid(self):
        assert not rules(disc(256, 256, 100) & ~disc(256, 256, 50)).solid

    def test_a_thin_ring_is_as_wide_as_what_it_encloses(self):
        measured = rules(disc(256, 256, 60) & ~disc(256, 256, 42))
        assert not measured.curvilinear
        assert measured.width == pytest.approx(60, rel=0.05)

    @pytest.mark.parametrize("scale", [0.2, 0.5, 1.0])
    def test_a_slender_bar_is_compact_at_every_size(self, scale):
        bar = np.zeros((512, 512), bool)
        bar[200 : 200 + round(40 * scale), 100 : 100 + round(300 * scale)] = True
        measured = rules(bar)
        assert not measured.curvilinear
        assert not measured.scattered

    @pytest.mark.parametrize("seed", range(8))
    def test_a_small_optic_cup_is_no_network_of_lines(self, seed):
        prior = simulate("optic-cup", 10, seed)
        assert not any(ShapeStatistics.of(prior, target).curvilinear for target in (0, 1))

    def test_many_parts_anywhere_are_scattered(self):
        rng = np.random.default_rng(0)
        masks = [
            np.any([disc(*rng.integers(0, 512, 2), 9) for _ in range(25)], axis=0) for _ in range(4)
        ]
        measured = rules(*masks)
        assert measured.scattered
        assert measured.local
        assert not measured.curvilinear

    def test_many_parts_in_their_places_are_not(self):
        rng = np.random.default_rng(0)
        teeth = [
            np.any([disc(250 + rng.integers(-2, 3), 60 + 40 * i, 17) for i in range(10)], axis=0)
            for _ in range(4)
        ]
        assert not rules(*teeth).scattered

    def test_files_of_old_knew_the_width_alone(self):
        measured = rules(disc(256, 256, 60)).model_dump(exclude={"elongation", "scattered"})
        assert ShapeStatistics(**measured | {"width": 12.0}).curvilinear
        assert not ShapeStatistics(**measured).curvilinear

    def test_a_line_is_curvilinear(self):
        line = np.zeros((512, 512), bool)
        line[250:256, 20:490] = True
        assert rules(line).curvilinear

    def test_two_parts(self):
        assert rules(disc(256, 128, 50) | disc(256, 384, 50)).parts == 2

    @pytest.mark.parametrize(
        ("name", "curvilinear", "parts"),
        [("vessels", True, None), ("lungs", False, 2), ("optic-disc", False, 1)],
    )
    def test_built_in_priors(self, name, curvilinear, parts):
        measured = ShapeStatistics.of(simulate(name, 6), 0)
        assert measured.curvilinear == curvilinear
        assert parts is None or measured.parts == parts

    def test_a_smaller_canvas_changes_little(self):
        large, small = (
            ShapeStatistics.of(simulate("lungs", 4, size=side), 0) for side in (512, 128)
        )
        assert not small.curvilinear
        assert small.width == pytest.approx(large.width, rel=0.1)
        assert small.smallest == pytest.approx(large.smallest, rel=0.2)

    def test_empty_references_are_left_out(self):
        prior = Prior(
            "made up", ("x",), np.stack([disc(9, 9, 90), disc(0, 0, -1) & False])[:, None]
        )
        assert ShapeStatistics.of(prior, 0).parts == 1


class TestTidying:
    def test_specks_and_holes_go_and_the_disc_stays(self):
        wanted = disc(64, 64, 20, 128)
        mask = wanted.copy()
        mask[60:64, 60:64] = False
        mask[5:8, 5:8] = mask[120, 100:110] = True
        np.testing.assert_array_equal(rules(disc(256, 256, 70)).tidy(mask), wanted)

    def test_only_as_many_parts_as_references_have(self):
        both = disc(64, 30, 20, 128) | disc(64, 95, 22, 128)
        one = rules(disc(256, 256, 80)).tidy(both)
        np.testing.assert_array_equal(one, disc(64, 95, 22, 128))
        two = rules(disc(256, 120, 80) | disc(256, 390, 80)).tidy(both)
        np.testing.assert_array_equal(two, both)

    def test_parts_of_equal_size_are_not_both_kept(self):
        both = disc(64, 30, 20, 128) | disc(64, 95, 20, 128)
        assert ndimage.label(rules(disc(256, 256, 80)).tidy(both))[1] == 1

    def test_holes_stay_where_references_have_them(self):
        ring = disc(256, 256, 100) & ~disc(256, 256, 50)
        np.testing.assert_array_equal(rules(ring).tidy(ring), ring)

    def test_the_largest_part_of_a_compact_target_stays_however_small(self):
        speck = disc(64, 64, 2, 128)
        np.testing.assert_array_equal(rules(disc(256, 256, 100)).tidy(speck), speck)

    def test_specks_of_a_curvilinear_target_all_go(self):
        line = np.zeros((512, 512), bool)
        line[250:256, 20:490] = True
        speck = np.zeros((512, 512), bool)
        speck[7:9, 7:9] = True
        assert not rules(line).tidy(speck).any()
        np.testing.assert_array_equal(rules(line).tidy(line | speck), line)

    def test_nothing_stays_nothing(self):
        assert not rules(disc(256, 256, 50)).tidy(np.zeros((64, 64), bool)).any()
