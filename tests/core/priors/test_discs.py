from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes
from skimage.measure import label, regionprops

from napari_localdisc.core.priors import simulate

SIZE = 256


def centre(mask):
    """Centre (x, y) of a mask."""
    return np.argwhere(mask).mean(axis=0)[::-1]


def diameter(mask):
    return 2 * np.sqrt(mask.sum() / np.pi)


@pytest.fixture(scope="module")
def discs():
    return simulate("optic-disc", count=80, seed=2, size=SIZE).masks[:, 0]


@pytest.fixture(scope="module")
def cups():
    return simulate("optic-cup", count=80, seed=4, size=512).masks


@pytest.fixture(scope="module")
def pairs():
    return simulate("fovea", count=80, seed=3, size=SIZE).masks


class TestOpticDisc:
    def test_upright_ellipses_of_the_right_size(self, discs):
        for disc in discs:
            (region,) = regionprops(label(disc))
            across = region.equivalent_diameter_area / SIZE
            assert 1 / 9.5 < across < 1 / 4.7
            assert region.axis_major_length / region.axis_minor_length < 1.25
            height, width = np.ptp(np.argwhere(disc), axis=0)
            assert height >= width - 1
            assert region.solidity > 0.95

    def test_usual_size_is_that_of_45_to_50_degrees(self, discs):
        sizes = [diameter(disc) / SIZE for disc in discs]
        assert 1 / 7.2 < np.median(sizes) < 1 / 6

    def test_centres_fill_the_middle_of_the_frame(self, discs):
        centres = np.array([centre(disc) for disc in discs]) / SIZE
        assert centres.min() > 0.09
        assert centres.max() < 0.91
        assert (np.ptp(centres, axis=0) > 0.7).all()


class TestOpticCup:
    def test_rim_and_cup_share_no_pixel_and_make_up_a_disc(self, cups):
        for rim, cup in cups:
            assert not (rim & cup).any()
            (disc,) = regionprops(label(rim | cup))
            assert disc.solidity > 0.95

    def test_rim_runs_all_the_way_round(self, cups):
        for rim, cup in cups:
            assert (binary_fill_holes(rim) & cup).sum() == cup.sum()

    def test_sizes_of_healthy_and_of_glaucomatous_cups(self, cups):
        ratios = np.array(
            [np.ptp(np.argwhere(cup)[:, 0]) / np.ptp(np.argwhere(rim)[:, 0]) for rim, cup in cups]
        )
        assert 0.5 < np.median(ratios) < 0.66
        assert ratios.min() < 0.4
        assert ratios.max() > 0.75


class TestFovea:
    def test_place_relative_to_the_disc(self, pairs):
        steps = np.array([(centre(f) - centre(d)) / diameter(d) for d, f in pairs])
        aside = abs(steps[:, 0])
        assert aside.mean() == pytest.approx(2.5, abs=0.1)
        assert 0.1 < aside.std() < 0.35
        assert steps[:, 1].mean() == pytest.approx(0.3, abs=0.08)
        assert 0.08 < steps[:, 1].std() < 0.25

    def test_left_and_right_eyes(self, pairs):
        rightwards = [centre(f)[0] > centre(d)[0] for d, f in pairs]
        assert 0.3 < np.mean(rightwards) < 0.7

    def test_both_are_whole_and_apart(self, pairs):
        edge = np.ones((SIZE, SIZE), bool)
        edge[1:-1, 1:-1] = False
        assert not (pairs & edge).any()
        assert not (pairs[:, 0] & pairs[:, 1]).any()

    def test_size_relative_to_the_disc(self, pairs):
        shares = [diameter(fovea) / diameter(disc) for disc, fovea in pairs]
        assert min(shares) > 0.7
        assert max(shares) < 1.06
