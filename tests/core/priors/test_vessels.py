from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label

from napari_localdisc.core.priors import simulate
from napari_localdisc.core.priors.retina import field_of_view, random_eyes
from napari_localdisc.core.priors.vessel_growth import STEP
from napari_localdisc.core.priors.vessel_trees import FINEST, grow_trees
from napari_localdisc.core.priors.vessels import draw_vessels

COUNT = 12


@pytest.fixture(scope="module")
def eyes():
    return random_eyes(COUNT, np.random.default_rng(6))


@pytest.fixture(scope="module")
def trees(eyes):
    return grow_trees(eyes, np.full(COUNT, 0.15), np.random.default_rng(7))


@pytest.fixture(scope="module")
def masks(eyes):
    return draw_vessels(eyes, np.full(COUNT, 0.15), np.random.default_rng(7), 512)


class TestMasks:
    def test_area(self):
        area = simulate("vessels", count=20, seed=8).masks.mean(axis=(1, 2, 3))
        assert 0.065 < area.mean() < 0.105
        assert area.min() > 0.045
        assert area.max() < 0.13

    def test_share_of_the_field_of_view(self, eyes, masks):
        field = field_of_view(eyes, 512)
        shares = masks.sum(axis=(1, 2)) / field.sum(axis=(1, 2))
        assert 0.09 < shares.mean() < 0.14

    def test_clipped_to_the_field_of_view(self, eyes, masks):
        assert not (masks & ~field_of_view(eyes, 512)).any()

    def test_most_fields_are_circles_inside_the_frame(self):
        radius = random_eyes(200, np.random.default_rng(0)).radius
        assert 0.75 < (radius < 256).mean() < 0.95

    def test_calibres(self, masks):
        for mask in masks:
            calibre = 2 * distance_transform_edt(mask).max()
            assert 5.0 < calibre < 22.0  # where vessels meet on the disc it is the sum of theirs
        thin = masks & ~np.array([opened(mask) for mask in masks])
        assert 0.3 < thin.sum() / masks.sum() < 0.9

    def test_avascular_zone(self, eyes, masks):
        rows, columns = np.mgrid[:512, :512]
        for index, mask in enumerate(masks):
            x, y = eyes.fovea[index]
            near = np.hypot(columns - x, rows - y) < eyes.avascular[index] - 4
            assert not (mask & near).any()

    def test_mostly_connected(self, masks):
        for mask in masks:
            pieces, _ = label(mask, np.ones((3, 3)))
            sizes = np.sort(np.bincount(pieces.ravel())[1:])
            assert sizes[-1] > 0.7 * mask.sum()

    def test_smaller_canvas_shows_smaller_vessels(self):
        small = simulate("vessels", count=3, seed=1, size=128).masks
        assert 2 * max(distance_transform_edt(mask[0]).max() for mask in small) < 8


def opened(mask):
    """Where a disc of radius 2 fits."""
    core = distance_transform_edt(mask) > 2
    return distance_transform_edt(~core) <= 2


class TestTrees:
    def test_calibre_falls_along_every_branch(self, trees):
        steps = np.diff(trees.cubes, axis=1)[trees.valid[:, 1:]]
        assert steps.max() <= 1e-12

    def test_radii_stay_in_range(self, trees):
        radii = np.cbrt(trees.cubes[trees.valid])
        assert radii.min() >= FINEST - 1e-9
        assert radii.max() <= 3.6

    def test_murray_at_every_branching(self, trees):
        """The parent loses the child's cube where the child leaves it."""
        for child in np.flatnonzero(trees.parent >= 0):
            parent = trees.parent[child]
            path = trees.paths[parent, : trees.steps[parent]]
            at = int(np.argmin(np.linalg.norm(path - trees.paths[child, 0], axis=1)))
            lost = trees.cubes[parent, at - 1] - trees.cubes[parent, at]
            assert trees.cubes[child, 0] <= lost + 1e-9

    def test_children_leave_their_parents_in_the_same_eye(self, trees):
        children = np.flatnonzero(trees.parent >= 0)
        assert len(children) > 40 * COUNT
        np.testing.assert_array_equal(trees.eye[children], trees.eye[trees.parent[children]])
        assert (trees.parent[children] < children).all()

    def test_trunks_start_on_the_disc(self, eyes, trees):
        trunks = np.flatnonzero(trees.parent < 0)
        away = np.linalg.norm(trees.paths[trunks, 0] - eyes.disc[trees.eye[trunks]], axis=1)
        assert (away < 0.5 * eyes.diameter[trees.eye[trunks]]).all()

    def test_arcades_embrace_the_macula(self, eyes, trees):
        """Thick vessels pass above and below the fovea."""
        across = np.stack([-eyes.temporal[:, 1], eyes.temporal[:, 0]], axis=1)
        for index in range(COUNT):
            mine = trees.valid & (trees.eye == index)[:, None] & (np.cbrt(trees.cubes) > 1.8)
            place = trees.paths[mine] - eyes.fovea[index]
            beside = abs(place @ eyes.temporal[index]) < 0.7 * eyes.diameter[index]
            height = (place @ across[index])[beside] / eyes.diameter[index]
            assert height.max(initial=0.0) > 1.0 or height.min(initial=0.0) < -1.0

    def test_steps_are_even(self, trees):
        gaps = np.linalg.norm(np.diff(trees.paths, axis=1), axis=-1)[trees.valid[:, 1:]]
        np.testing.assert_allclose(gaps, STEP)
