from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.core.imaging.window import WHOLE
from napari_localdisc.core.priors.place import lie_anywhere
from napari_localdisc.core.priors.pose_prior import PosePrior, centroids, log_sizes

SIDE = 80


def square(row, column, width=16):
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, row : row + width, column : column + width] = 1
    return mask


@pytest.fixture
def together():
    return torch.stack([square(30, 40), square(34, 40), square(26, 40)])


@pytest.fixture
def apart():
    return torch.stack([square(0, 0), square(60, 60), square(0, 60), square(60, 0)])


class TestPosePrior:
    def test_measures_places_in_shares_of_the_side(self, together):
        prior = PosePrior.of(together)
        assert prior.centre.tolist() == pytest.approx([38 / 80, 48 / 80])
        # Rows 34, 38 and 42 have a standard deviation of 4, widened by the root of 4/3.
        assert float(prior.centre_spread[0]) == pytest.approx(4 / 80 * (4 / 3) ** 0.5)

    def test_references_at_one_place_leave_a_little_room(self, together):
        assert float(PosePrior.of(together).centre_spread[1]) == pytest.approx(0.02)

    def test_sizes_are_roots_of_shares(self, together):
        assert PosePrior.of(together).log_size == pytest.approx(np.log(16 / 80), abs=1e-5)
        assert log_sizes(together[:, 0]).tolist() == pytest.approx([np.log(0.2)] * 3)

    def test_a_single_drawing_holds_its_place_with_room(self):
        prior = PosePrior.of(square(30, 40)[None])
        assert not prior.free
        assert prior.centre_spread.tolist() == pytest.approx([0.05, 0.05])
        assert prior.log_size_spread > 0

    @pytest.mark.parametrize(("place", "free"), [("auto", True), ("drawn", False), ("free", True)])
    def test_references_apart_lie_anywhere_unless_told(self, apart, place, free):
        assert PosePrior.of(apart, place).free is free

    @pytest.mark.parametrize(("place", "free"), [("auto", False), ("drawn", False), ("free", True)])
    def test_references_together_have_a_place_unless_told(self, together, place, free):
        assert PosePrior.of(together, place).free is free


class TestWindow:
    def test_holds_the_references_and_room_around(self, together):
        window = PosePrior.of(together).window(together)
        assert window.side < 0.75
        rows, columns = window.spans(SIDE)
        assert rows.start < 26
        assert rows.stop > 50
        assert columns.start < 40
        assert columns.stop > 56

    def test_is_the_whole_frame_for_what_lies_anywhere(self, apart):
        assert PosePrior.of(apart).window(apart) == WHOLE

    def test_is_the_whole_frame_for_what_nearly_fills_it(self):
        large = torch.stack([square(4, 4, 70), square(6, 6, 70)])
        assert PosePrior.of(large).window(large) == WHOLE

    def test_a_prior_within_it_lies_where_the_cut_masks_lie(self, together):
        prior = PosePrior.of(together)
        window = prior.window(together)
        rows, columns = window.spans(SIDE)
        cut = centroids(together[:, 0, rows, columns]).mean(dim=0)
        assert prior.within(window).centre.tolist() == pytest.approx(cut.tolist(), abs=0.02)


def test_lie_anywhere_is_by_overlap_with_the_mean_of_the_others(together, apart):
    assert not lie_anywhere(together[:, 0].numpy() > 0)
    assert lie_anywhere(apart[:, 0].numpy() > 0)
