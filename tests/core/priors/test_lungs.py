from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import label, regionprops

from napari_localdisc.core.priors import simulate

SIZE = 256


@pytest.fixture(scope="module")
def pairs():
    """Right and left lungs of 60 chests, (60, 2, SIZE, SIZE)."""
    return simulate("lungs-left-right", count=60, seed=1, size=SIZE).masks


@pytest.fixture(scope="module")
def lungs():
    return simulate("lungs", count=60, seed=1, size=SIZE).masks[:, 0]


def spans(masks):
    rows = masks.any(axis=2).sum(axis=1) / SIZE
    columns = np.array([np.ptp(np.nonzero(mask.any(axis=0))) for mask in masks]) / SIZE
    return rows, columns


def test_pair_is_the_same_chest(pairs, lungs):
    np.testing.assert_array_equal(pairs.any(axis=1), lungs)


def test_two_separate_lungs(lungs):
    assert {int(label(mask).max()) for mask in lungs} == {2}


def test_each_lung_is_one_piece_without_holes(pairs):
    for mask in pairs.reshape(-1, SIZE, SIZE):
        (region,) = regionprops(label(mask))
        assert region.euler_number == 1


def test_size_in_the_frame(lungs):
    area = lungs.mean(axis=(1, 2))
    assert 0.21 < area.mean() < 0.29
    assert area.min() > 0.12
    assert area.max() < 0.42
    heights, widths = spans(lungs)
    assert 0.55 < heights.mean() < 0.72
    assert 0.65 < widths.mean() < 0.76


def test_nothing_is_cut_off(lungs):
    border = np.ones((SIZE, SIZE), bool)
    border[2:-2, 2:-2] = False
    assert not (lungs & border).any()


def test_chests_vary(lungs):
    heights, widths = spans(lungs)
    assert (heights / widths).std() > 0.05
    assert widths.std() > 0.03
    assert lungs.mean(axis=(1, 2)).std() > 0.03


def test_right_lung_lies_left_in_the_picture_and_is_larger(pairs):
    right, left = pairs[:, 0], pairs[:, 1]
    columns = np.arange(SIZE)
    middles = [
        (side.sum(axis=1) * columns).sum(1) / side.sum(axis=(1, 2)) for side in (right, left)
    ]
    assert (middles[0] < middles[1]).all()
    assert right.mean() > 1.08 * left.mean()


def dome_top(mask, start, stop):
    """Highest place of the lower border, over a part of the lung's width from the left."""
    columns = np.nonzero(mask.any(axis=0))[0]
    part = columns[int(start * len(columns)) : int(stop * len(columns))]
    return (SIZE - 1 - np.argmax(mask[::-1, part], axis=0)).min()


def test_right_dome_is_higher(pairs):
    higher = [dome_top(right, 0.2, 0.8) < dome_top(left, 0.6, 0.9) for right, left in pairs]
    assert np.mean(higher) > 0.75


def test_heart_takes_room_from_the_left_lung(pairs):
    """Low in the chest the left lung is narrower than at mid height, the right one is not."""
    shares = []
    for target in (0, 1):
        for mask in pairs[:, target]:
            rows = np.nonzero(mask.any(axis=1))[0]
            low, middle = (rows[int(share * len(rows))] for share in (0.75, 0.45))
            shares.append(mask[low].sum() / mask[middle].sum())
    right, left = np.array(shares).reshape(2, -1)
    assert np.median(left) < 0.85
    assert np.median(right) > 1.0


def test_apices_are_narrow_and_costophrenic_angles_lateral(pairs):
    for side, target in ((-1, 0), (1, 1)):
        lowest = []
        for mask in pairs[:, target]:
            rows, columns = np.nonzero(mask)
            level = rows.min() + int(0.04 * np.ptp(rows))
            assert mask[level].sum() < 0.7 * mask.sum(axis=1).max()
            centre = (columns.min() + columns.max()) / 2
            lowest.append(side * (columns[rows == rows.max()].mean() - centre) / np.ptp(columns))
        assert np.median(lowest) > 0.35
