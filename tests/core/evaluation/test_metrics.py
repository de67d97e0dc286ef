from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from napari_localdisc.core.evaluation import metrics
from napari_localdisc.core.evaluation.metrics import dice, surface_distances


def random_masks(seed, shape=(23, 31)):
    """Two masks of blobs, holes, edge contact and specks."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((2, 6, 8)) < rng.uniform(0.2, 0.8)
    blobs = coarse.repeat(4, axis=1).repeat(4, axis=2)[:, : shape[0], : shape[1]]
    return blobs ^ (rng.random((2, *shape)) < 0.03)


def boundary_by_hand(mask):
    height, width = mask.shape
    spots = []
    for row, column in np.argwhere(mask):
        for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= near[0] < height and 0 <= near[1] < width
            if not inside or not mask[near]:
                spots.append((row, column))
                break
    return np.array(spots, dtype=float)


class TestDice:
    @pytest.mark.parametrize("seed", range(8))
    def test_agrees_with_set_arithmetic(self, seed):
        first, second = random_masks(seed)
        one, two = ({tuple(spot) for spot in np.argwhere(mask)} for mask in (first, second))
        expected = 2 * len(one & two) / (len(one) + len(two))
        assert dice(first, second) == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize("seed", range(4))
    def test_agrees_with_torchmetrics(self, seed):
        segmentation = pytest.importorskip("torchmetrics.functional.segmentation")
        torch = pytest.importorskip("torch")
        pair = [torch.from_numpy(mask.astype(np.int64))[None, None] for mask in random_masks(seed)]
        expected = segmentation.dice_score(*pair, num_classes=1, include_background=True)
        assert dice(*random_masks(seed)) == pytest.approx(float(expected.mean()), abs=1e-6)

    def test_counts_only_the_field(self):
        prediction = np.array([[1, 1, 0, 0]])
        truth = np.array([[1, 0, 0, 1]])
        assert dice(prediction, truth) == pytest.approx(0.5)
        assert dice(prediction, truth, field=np.array([[1, 0, 1, 0]])) == 1.0
        assert dice(prediction, truth, field=np.array([[0, 1, 1, 1]])) == 0.0

    def test_empty_masks(self):
        empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
        assert dice(empty, empty) == 1.0
        assert dice(empty, full) == 0.0
        assert dice(full, full, field=empty) == 1.0

    def test_any_positive_label_is_foreground(self):
        assert dice(np.array([[0, 255, 2]], np.uint8), np.array([[False, True, True]])) == 1.0

    @given(st.integers(0, 10**6))
    def test_is_symmetric_and_bounded(self, seed):
        first, second = random_masks(seed)
        assert 0.0 <= dice(first, second) == dice(second, first) <= 1.0


class TestSurfaceDistances:
    @pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 2.0)])
    @pytest.mark.parametrize("seed", range(6))
    def test_agrees_with_all_pairs(self, seed, spacing):
        first, second = random_masks(seed)
        scaled = [boundary_by_hand(mask) * spacing for mask in (first, second)]
        gaps = cdist(*scaled)
        there, back = gaps.min(axis=1), gaps.min(axis=0)
        found = surface_distances(first, second, spacing)
        assert found.mean == pytest.approx((there.sum() + back.sum()) / (len(there) + len(back)))
        assert found.hd95 == pytest.approx(max(np.quantile(there, 0.95), np.quantile(back, 0.95)))

    def test_shifted_square(self):
        truth = np.zeros((40, 40), bool)
        truth[10:20, 10:20] = True
        moved = np.roll(truth, 5, axis=1)
        found = surface_distances(moved, truth)
        assert found.hd95 == 5.0
        assert 0.0 < found.mean < 5.0
        same = surface_distances(truth, truth)
        assert (same.mean, same.hd95, same.surface_dice(0)) == (0, 0, 1)

        assert found.surface_dice(0.5) < found.surface_dice(4.5) < found.surface_dice(5) == 1

    def test_empty_masks(self):
        empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
        for pair, apart, alike in (
            ((empty, empty), 0, 1), ((empty, full), np.inf, 0), ((full, empty), np.inf, 0),
        ):  # fmt: skip
            found = surface_distances(*pair)
            assert (found.mean, found.hd95, found.surface_dice(3)) == (apart, apart, alike)

    @given(st.integers(0, 10**6))
    def test_is_symmetric(self, seed):
        first, second = random_masks(seed)
        there, back = surface_distances(first, second), surface_distances(second, first)
        assert there.mean == pytest.approx(back.mean)
        assert there.hd95 == pytest.approx(back.hd95)


class TestValidation:
    mask = np.ones((3, 4), bool)

    @pytest.mark.parametrize("metric", [dice, surface_distances])
    @pytest.mark.parametrize(
        ("prediction", "message"),
        [
            (np.ones(3, bool), r"`prediction` to be a plane .* got shape \(3,\)"),
            (np.ones((0, 4), bool), r"`prediction` to be a plane .* got shape \(0, 4\)"),
            (np.ones((3, 4)), "`prediction` to hold booleans or integers, got float64"),
            (np.ones((4, 3), bool), r"`prediction` to have the shape of `truth`, \(3, 4\), got"),
        ],
    )
    def test_prediction(self, metric, prediction, message):
        with pytest.raises(ValueError, match=message):
            metric(prediction, self.mask)

    def test_field(self):
        with pytest.raises(ValueError, match="`field` to have the shape of `truth`"):
            dice(self.mask, self.mask, field=np.ones((3, 5), bool))

    @pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, -2.0), (1.0, np.inf)])
    def test_spacing(self, spacing):
        with pytest.raises(ValueError, match="`spacing` to be 2 positive numbers, got"):
            surface_distances(self.mask, self.mask, spacing)


def test_examples_in_docstrings():
    assert doctest.testmod(metrics).failed == 0
