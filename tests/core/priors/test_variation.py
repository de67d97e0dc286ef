from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.priors import simulate
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.priors.variation import vary


@pytest.fixture(scope="module")
def pairs():
    return simulate("lungs-left-right", count=3, seed=1, size=128)


def centre(mask):
    return np.argwhere(mask).mean(axis=0)


def test_keeps_name_targets_and_canvas(pairs):
    varied = vary(pairs, 7, seed=2)
    assert (varied.name, varied.targets) == (pairs.name, pairs.targets)
    assert varied.masks.shape == (7, 2, 128, 128)


def test_the_seed_decides(pairs):
    first = vary(pairs, 4, seed=2).masks
    np.testing.assert_array_equal(first, vary(pairs, 4, seed=2).masks)
    assert (first != vary(pairs, 4, seed=3).masks).any()


def test_without_variation_references_come_back_in_turn(pairs):
    still = vary(pairs, 5, scale=0, rotation=0, shift=0, elastic=0)
    np.testing.assert_array_equal(still.masks, pairs.masks[[0, 1, 2, 0, 1]])


def test_copies_of_one_reference_differ(pairs):
    one = Prior(pairs.name, pairs.targets, pairs.masks[:1])
    masks = vary(one, 30, seed=1).masks
    areas = masks.any(axis=1).mean(axis=(1, 2))
    assert areas.std() / areas.mean() > 0.1
    assert len({mask.tobytes() for mask in masks}) == 30


def test_scale_has_the_stated_deviation(pairs):
    one = Prior(pairs.name, pairs.targets, pairs.masks[:1])
    masks = vary(one, 150, seed=1, scale=0.05, rotation=0, shift=0, elastic=0).masks
    sizes = np.log(masks.any(axis=1).sum(axis=(1, 2))) / 2
    assert sizes.std() == pytest.approx(0.05, rel=0.25)


def test_targets_move_together(pairs):
    """The way from one lung to the other turns and stretches, but only a little."""
    before = [centre(left) - centre(right) for right, left in pairs.masks]
    after = [centre(left) - centre(right) for right, left in vary(pairs, 30, seed=5).masks]
    for index, step in enumerate(after):
        assert np.linalg.norm(step - before[index % 3]) < 0.45 * np.linalg.norm(step)


def test_nothing_is_pushed_out_of_the_frame():
    corner = np.zeros((1, 1, 128, 128), dtype=bool)
    corner[..., 4:40, 90:124] = True
    varied = vary(Prior("corner", ("box",), corner), 40, seed=1, shift=0.5, elastic=0, rotation=0)
    areas = varied.masks.sum(axis=(1, 2, 3))
    assert areas.min() > 0.5 * corner.sum()


def test_mirror_swaps_sides(pairs):
    masks = vary(pairs, 30, seed=1, mirror=True).masks
    swapped = [centre(right)[1] > centre(left)[1] for right, left in masks]
    assert 0.2 < np.mean(swapped) < 0.8
    unswapped = vary(pairs, 30, seed=1).masks
    assert all(centre(right)[1] < centre(left)[1] for right, left in unswapped)


def test_an_empty_reference_stays_empty():
    masks = np.zeros((2, 1, 64, 64), dtype=bool)
    masks[1, 0, 20:40, 20:40] = True
    varied = vary(Prior("half", ("box",), masks), 4)
    np.testing.assert_array_equal(varied.masks.any(axis=(1, 2, 3)), [False, True, False, True])


def test_a_count_below_one_is_refused(pairs):
    with pytest.raises(LocaldiscError, match="at least 1 reference, got 0"):
        vary(pairs, 0)
