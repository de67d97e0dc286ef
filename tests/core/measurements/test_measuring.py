from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from skimage.measure import perimeter_crofton

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.measurements.measurement import Measurement
from napari_localdisc.core.measurements.measuring import measure_labels
from napari_localdisc.core.measurements.registry import MEASUREMENTS
from napari_localdisc.core.measurements.shape import crofton_perimeter


def table(*arguments, **options) -> dict[tuple[str, str], float]:
    """What was measured, by name and unit."""
    return {(one.name, one.unit): one.value for one in measure_labels(*arguments, **options)}


def rectangle(rows: int, columns: int) -> np.ndarray:
    labels = np.zeros((40, 50), np.uint8)
    labels[5 : 5 + rows, 7 : 7 + columns] = 1
    return labels


def disc(radius: float, spacing: tuple[float, float]) -> np.ndarray:
    rows, columns = np.mgrid[-60:61, -60:61]
    return np.hypot(rows * spacing[0], columns * spacing[1]) <= radius


class TestRectangle:
    """Ten rows of 0.5 mm, twenty columns of 0.2 mm: 5 mm by 4 mm."""

    @pytest.fixture
    def found(self):
        return table(rectangle(10, 20), spacing=(0.5, 0.2), unit="mm")

    def test_size(self, found):
        assert found["area", "px"] == 200
        assert found["area", "mm²"] == pytest.approx(20)
        assert found["equivalent diameter", "mm"] == pytest.approx(math.sqrt(4 * 20 / math.pi))

    def test_axes_of_the_ellipse_with_its_moments(self, found):
        # n points in a row have the variance (n² - 1) / 12; an axis is four standard deviations
        assert found["major axis", "mm"] == pytest.approx(4 * 0.5 * math.sqrt(99 / 12))
        assert found["minor axis", "mm"] == pytest.approx(4 * 0.2 * math.sqrt(399 / 12))

    def test_perimeter_by_the_lines_that_cross_its_border(self, found):
        tilt = math.atan(0.5 / 0.2)
        along = 2 * 10 * 0.5 * tilt + 2 * 20 * 0.2 * (math.pi / 2 - tilt)
        across = 2 * (2 * 29) * (0.5 * 0.2 / math.hypot(0.5, 0.2)) * math.pi / 4
        assert found["perimeter", "mm"] == pytest.approx((along + across) / 2)
        assert found["perimeter", "mm"] == pytest.approx(18, rel=0.12)
        circularity = 4 * math.pi * 20 / found["perimeter", "mm"] ** 2
        assert found["circularity", ""] == pytest.approx(circularity)

    def test_form_and_place(self, found):
        assert found["solidity", ""] == pytest.approx(1)
        assert (found["centroid row", "px"], found["centroid column", "px"]) == (9.5, 16.5)
        assert found["parts", ""] == 1

    def test_without_spacing_all_is_in_pixels(self):
        found = table(rectangle(10, 20))
        assert {unit for _, unit in found} == {"px", ""}
        assert found["area", "px"] == found["largest part", "px"] == 200
        assert found["major axis", "px"] == pytest.approx(4 * math.sqrt(399 / 12))


class TestDisc:
    @pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.8, 0.4), (0.5, 0.9)])
    def test_of_twenty_millimetres(self, spacing):
        found = table(disc(20, spacing), spacing=spacing)
        assert found["area", "mm²"] == pytest.approx(math.pi * 400, rel=0.01)
        assert found["perimeter", "mm"] == pytest.approx(math.pi * 40, rel=0.02)
        assert found["circularity", ""] == pytest.approx(1, abs=0.04)
        for name in ("major axis", "minor axis", "equivalent diameter"):
            assert found[name, "mm"] == pytest.approx(40, rel=0.01)
        assert found["solidity", ""] > 0.95


class TestParts:
    def test_two_of_different_size(self):
        labels = np.zeros((20, 20), np.uint8)
        labels[1, 2:5] = 1
        labels[10:13, 10:13] = labels[13, 13] = 1  # the last one by its corner
        found = table(labels, spacing=(2, 2))
        assert found["parts", ""] == 2
        assert found["median part", "mm²"] == pytest.approx(4 * (3 + 10) / 2)
        assert found["largest part", "mm²"] == pytest.approx(4 * 10)

    def test_solidity_of_an_l(self):
        labels = np.zeros((30, 30), bool)
        labels[2:12, 2:12] = True
        labels[2:12, 12:22] = np.arange(10)[:, None] >= 9
        assert table(labels)["solidity", ""] < 0.75


class TestStack:
    def test_volume_and_parts(self):
        labels = np.zeros((4, 20, 20), np.uint8)
        labels[1:3, 5:15, 5:15] = 1
        labels[0, 0, 0] = 1
        found = table(labels, spacing=(5.0, 2.0, 2.0))
        assert found["volume", "px"] == 201
        assert found["volume", "ml"] == pytest.approx(201 * 20 / 1000)
        assert found["parts", ""] == 2
        assert found["largest part", "ml"] == pytest.approx(4)
        assert found["equivalent diameter", "mm"] == pytest.approx((6 * 4020 / math.pi) ** (1 / 3))
        place = [found[f"centroid {axis}", "px"] for axis in ("plane", "row", "column")]
        assert place == pytest.approx([200 * 1.5 / 201, 200 * 9.5 / 201, 200 * 9.5 / 201])
        assert ("area", "px") not in found

    @pytest.mark.parametrize(("unit", "factor"), [("cm", 1.0), ("um", 1e-12), ("µm", 1e-12)])
    def test_millilitres_of_other_units(self, unit, factor):
        found = table(np.ones((2, 3, 4), bool), spacing=(1, 1, 1), unit=unit)
        assert found["volume", "ml"] == pytest.approx(24 * factor)

    def test_a_unit_that_is_not_metric(self):
        found = table(np.ones((2, 3, 4), bool), spacing=(1, 1, 2), unit="inch")
        assert found["volume", "inch³"] == 48


class TestIntensity:
    def test_grey(self):
        labels = np.zeros((4, 4), np.uint8)
        labels[0] = 1
        image = np.array([[1, 3, 1, 3]] + [[900] * 4] * 3, np.uint16)
        found = table(labels, image=image)
        assert (found["mean intensity", ""], found["SD of intensity", ""]) == (2, 1)
        assert ("mean intensity", "") not in table(labels)

    def test_colour_by_its_luminance(self):
        image = np.zeros((4, 4, 3), np.uint8)
        image[...] = (100, 50, 10)
        found = table(np.ones((4, 4), bool), image=image)
        assert found["mean intensity", ""] == pytest.approx(29.9 + 29.35 + 1.14)
        assert found["SD of intensity", ""] == pytest.approx(0)


class TestTargets:
    def test_by_name_and_an_empty_one(self):
        found = measure_labels(rectangle(3, 4), ("disc", "cup"), (1, 1))
        areas = {one.target: one.value for one in found if (one.name, one.unit) == ("area", "mm²")}
        assert areas == {"disc": 12, "cup": 0}
        empty = {one.name: one.value for one in found if one.target == "cup"}
        assert empty["parts"] == empty["perimeter"] == 0
        assert math.isnan(empty["solidity"])
        assert math.isnan(empty["centroid row"])

    def test_without_names(self):
        labels = rectangle(3, 4).astype(np.int64) * 255
        assert {one.target for one in measure_labels(labels)} == {"255"}
        assert measure_labels(labels * 0) == []

    def test_a_measurement_of_some_structures_alone(self):
        ratio = Measurement("share", "", lambda one: one.pixels / 12, targets=frozenset({"cup"}))
        found = measure_labels(rectangle(3, 4), ("cup",), measurements=[ratio])
        assert [(one.name, one.value) for one in found] == [("share", 1.0)]
        assert measure_labels(rectangle(3, 4), ("disc",), measurements=[ratio]) == []


@pytest.mark.parametrize("seed", range(3))
def test_crofton_agrees_with_scikit_image_where_that_measures(seed: int):
    mask = np.random.default_rng(seed).random((30, 40)) > 0.4
    assert crofton_perimeter(mask, (0.7, 0.7)) == pytest.approx(0.7 * perimeter_crofton(mask))


def test_no_two_measurements_share_a_name_and_a_unit():
    for axes in (2, 3):
        names = [(one.name, one.unit) for one in MEASUREMENTS if axes in one.axes]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("labels", "options", "problem"),
    [
        (np.zeros(4, int), {}, "have shape"),
        (np.zeros((0, 4), int), {}, "have shape"),
        (np.zeros((4, 4)), {}, "hold float64"),
        (-np.ones((4, 4), int), {}, "below 0"),
        (np.ones((4, 4), int), {"spacing": (1, 1, 1)}, "expected 2 positive numbers"),
        (np.ones((4, 4), int), {"spacing": (1, 0)}, "expected 2 positive numbers"),
        (np.ones((4, 4), int), {"spacing": (1, math.nan)}, "expected 2 positive numbers"),
        (np.ones((4, 4), int), {"spacing": (1, 1), "unit": "px"}, "unit of the spacing"),
        (np.ones((4, 4), int), {"image": np.zeros((4, 5))}, "the image has shape"),
        (2 * np.ones((4, 4), int), {"targets": ("disc",)}, "go up to 2"),
    ],
)
def test_bad_input(labels, options, problem: str):
    with pytest.raises(LocaldiscError, match=problem):
        measure_labels(labels, **options)


def test_measuring_does_not_wait_for_torch():
    code = "import sys; import napari_localdisc.core.measurements.measuring;"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
