"""Measurements of certain structures, on shapes worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_localdisc.core.measurements.measuring import measure_labels


def table(labels: np.ndarray, target: str) -> dict[tuple[str, str], float]:
    found = measure_labels(labels, (target,), (0.5, 0.2))
    return {(one.name, one.unit): one.value for one in found}


def two_lungs() -> np.ndarray:
    """12 by 8 pixels on the left of the image, 10 by 6 on its right, and a crumb."""
    labels = np.zeros((40, 50), np.uint8)
    labels[5:17, 4:12] = labels[10:20, 30:36] = labels[30, 45] = 1
    return labels


def test_the_right_lung_is_on_the_left_of_the_image():
    found = table(two_lungs(), "lungs")
    assert found["right lung", "mm²"] == pytest.approx(96 * 0.1)
    assert found["left lung", "mm²"] == pytest.approx(60 * 0.1)
    assert found["right to left lung", ""] == pytest.approx(1.6)
    mirrored = table(two_lungs()[:, ::-1], "lungs")
    assert mirrored["right lung", "mm²"] == pytest.approx(60 * 0.1)


def test_lungs_that_meet_have_no_sides():
    labels = np.zeros((40, 50), np.uint8)
    labels[5:17, 4:30] = 1
    found = table(labels, "lungs")
    assert math.isnan(found["right lung", "mm²"])
    assert math.isnan(found["right to left lung", ""])


def test_height_and_width_of_lungs():
    labels = two_lungs()
    labels[30, 45] = 0
    found = table(labels, "lungs")
    assert found["height", "mm"] == pytest.approx(15 * 0.5)
    assert found["width", "mm"] == pytest.approx(32 * 0.2)


@pytest.mark.parametrize("target", ["optic-disc", "optic-cup"])
def test_diameters_of_disc_and_cup(target: str):
    rows, columns = np.mgrid[:40, :50]
    ellipse = ((rows - 20) / 8) ** 2 + ((columns - 25) / 15) ** 2 <= 1
    found = table(ellipse, target)
    assert found["vertical diameter", "mm"] == pytest.approx(17 * 0.5)
    assert found["horizontal diameter", "mm"] == pytest.approx(31 * 0.2)


def test_other_structures_have_none_of_these():
    assert not {name for name, _ in table(two_lungs(), "heart")} & {
        "right lung", "height", "vertical diameter",
    }  # fmt: skip


def test_empty_lungs_have_no_sides():
    assert math.isnan(table(np.zeros((40, 50), np.uint8), "lungs")["right lung", "mm²"])
