from __future__ import annotations

import math

import numpy as np
import pytest

import napari_localdisc as ld
from napari_localdisc.core.phantoms import fundus_phantom


def square(value: int = 1, dtype: str = "uint8") -> np.ndarray:
    mask = np.zeros((30, 30), dtype)
    mask[5:15, 5:15] = value
    return mask


@pytest.fixture(scope="module")
def cup():
    image = fundus_phantom(0, 96).image
    return image, ld.load_segmenter("optic-cup", device="cpu").segment(image)


class TestMeasure:
    def test_targets_of_a_segmentation(self, cup):
        image, result = cup
        found = ld.measure(result, spacing=(0.2, 0.2), unit="mm", image=image)
        assert {one.target for one in found} == {"neuroretinal-rim", "optic-cup"}
        (area,) = [
            one.value for one in found if (one.target, one.name, one.unit)
            == ("optic-cup", "area", "mm²")
        ]  # fmt: skip
        assert area == pytest.approx(0.04 * (result.labels == 2).sum())

    @pytest.mark.parametrize(
        "mask", [square(), square(1, "bool"), square(255), square(9000, "int32")]
    )
    def test_masks_of_any_kind(self, mask):
        (area,) = [one.value for one in ld.measure(mask) if one.name == "area"]
        assert area == 100

    def test_numbers_that_are_no_labels(self):
        with pytest.raises(ld.LocaldiscError, match="hold float64 numbers"):
            ld.measure(square().astype(float))


class TestEvaluate:
    def test_a_shifted_square(self):
        (score,) = ld.evaluate(square(), np.roll(square(255), 2, axis=0), spacing=(0.5, 0.1))
        assert (score.target, score.unit) == ("1", "mm")
        assert score.dice == pytest.approx(0.8)
        assert score.hd95 == pytest.approx(1.0)
        assert ld.evaluate(square(), square())[0].unit == "px"

    def test_a_stack_of_thick_slices(self):
        truth = np.zeros((6, 30, 30), np.uint8)
        truth[2:4, 5:15, 5:15] = 1
        (score,) = ld.evaluate(np.roll(truth, 1, axis=0), truth, (3, 0.5, 0.5), tolerance=2.9)
        assert (score.dice, score.hd95, score.unit) == (0.5, 3.0, "mm")
        assert (score.size, score.true_size, score.size_unit) == (0.15, 0.15, "ml")
        assert score.difference == 0
        assert score.surface_dice < 1 == ld.evaluate(truth, truth)[0].surface_dice

    def test_names_and_labels_without_one(self):
        truth = square()
        truth[20:25, 20:25] = 3
        scores = ld.evaluate(square(), truth, targets=["disc", "cup"])
        assert [score.target for score in scores] == ["disc", "cup", "3"]
        assert [score.dice for score in scores] == [1, 1, 0]
        assert math.isinf(scores[2].boundary)

    def test_of_a_segmentation(self, cup):
        _, result = cup
        scores = ld.evaluate(result, result.labels)
        assert {score.target: score.dice for score in scores} == dict.fromkeys(result.targets, 1.0)

    @pytest.mark.parametrize(
        ("truth", "options", "problem"),
        [
            (square()[:-1], {}, r"shapes \(30, 30\) and \(29, 30\)"),
            (square()[None], {}, "of one image or stack"),
            (square(), {"spacing": (1, 1, 1)}, "2 positive numbers"),
            (square(), {"spacing": (0, 1)}, "2 positive numbers"),
        ],
    )
    def test_what_cannot_be_compared(self, truth, options, problem: str):
        with pytest.raises(ld.LocaldiscError, match=problem):
            ld.evaluate(square(), truth, **options)
