from __future__ import annotations

import doctest

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core import priors
from napari_localdisc.core.priors import BUILT_IN_PRIORS, simulate
from napari_localdisc.core.priors.raster import (
    Ellipse,
    fill_ellipse,
    fill_outline,
    smooth_curve,
    stamp_discs,
)

TARGETS = {
    "fovea": ("optic-disc", "fovea"),
    "lungs": ("lungs",),
    "lungs-left-right": ("right-lung", "left-lung"),
    "optic-cup": ("neuroretinal-rim", "optic-cup"),
    "optic-disc": ("optic-disc",),
    "vessels": ("vessels",),
}


def test_the_built_in_names():
    assert set(BUILT_IN_PRIORS) == set(TARGETS)


@pytest.mark.parametrize("name", BUILT_IN_PRIORS)
class TestEveryPrior:
    def test_shape_and_targets(self, name):
        prior = simulate(name, count=3, size=128)
        assert prior.name == name
        assert prior.targets == TARGETS[name]
        assert prior.masks.shape == (3, len(prior.targets), 128, 128)
        assert prior.masks.dtype == bool
        assert prior.masks.any(axis=(2, 3)).all()

    def test_default_canvas_is_that_of_priors(self, name):
        assert simulate(name, count=1).masks.shape[-2:] == (512, 512)

    def test_the_seed_decides(self, name):
        first = simulate(name, count=2, seed=4, size=96).masks
        np.testing.assert_array_equal(first, simulate(name, count=2, seed=4, size=96).masks)
        assert (first != simulate(name, count=2, seed=5, size=96).masks).any()

    def test_references_differ(self, name):
        masks = simulate(name, count=6, size=96).masks
        assert len({mask.tobytes() for mask in masks}) == 6

    def test_global_random_state_is_left_alone(self, name):
        np.random.seed(0)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        simulate(name, count=1, size=64)
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("liver",), "no built-in prior 'liver'; choose one of: .*lungs.*vessels"),
        (("lungs", 0), "at least 1 reference, got 0"),
        (("lungs", 2, 0, 8), "at least 32 pixels wide, got 8"),
    ],
)
def test_what_cannot_be_simulated_is_said(arguments, message):
    with pytest.raises(LocaldiscError, match=message):
        simulate(*arguments)


def test_examples_in_docstrings():
    assert doctest.testmod(priors).failed == 0


class TestRaster:
    def test_ellipse_has_its_area_and_tilt(self):
        mask = fill_ellipse(Ellipse(50.0, 40.0, 30.5, 10.5, np.radians(90)), (90, 100))
        assert mask.sum() == pytest.approx(np.pi * 30.5 * 10.5, rel=0.02)
        rows, columns = np.nonzero(mask)
        assert np.ptp(rows) == 60
        assert np.ptp(columns) == 20

    def test_curve_runs_through_its_ends_and_near_its_points(self):
        points = np.array([[0.0, 0.0], [1.0, 3.0], [4.0, 3.5], [9.0, -1.0]])
        curve = smooth_curve(points, 400)
        np.testing.assert_allclose(curve[[0, -1]], points[[0, -1]])
        gaps = np.linalg.norm(curve[:, None] - points, axis=-1).min(axis=0)
        assert gaps.max() < 0.05

    def test_outline_is_filled(self):
        square = np.array([[10.0, 20.0], [29.0, 20.0], [29.0, 49.0], [10.0, 49.0]])
        mask = fill_outline(square, 64)
        assert mask[20:50, 10:30].all()
        assert mask.sum() == 600

    def test_discs_agree_with_distances(self):
        rng = np.random.default_rng(0)
        points, radii = rng.uniform(-3, 43, (40, 2)), rng.uniform(0.2, 5.0, 40)
        owner = rng.integers(0, 2, 40)
        canvas = np.zeros((2, 40, 40), dtype=bool)
        stamp_discs(canvas, owner, points, radii)
        rows, columns = np.mgrid[:40, :40]
        for index in range(2):
            expected = np.zeros((40, 40), dtype=bool)
            for (x, y), radius in zip(points[owner == index], radii[owner == index], strict=True):
                expected |= np.hypot(columns - x, rows - y) <= radius
                nearest = round(y), round(x)
                if all(0 <= place < 40 for place in nearest):
                    expected[nearest] = True
            np.testing.assert_array_equal(canvas[index], expected)
