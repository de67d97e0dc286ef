from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.core.imaging.lattice import (
    covers_alike,
    extension,
    farthest,
    index_map,
    on_lattice,
    resampled,
)

SHAPE = (5, 8, 9)
LABELS = np.random.default_rng(0).integers(0, 3, SHAPE, np.uint8)


def matrix(spacing=(3.0, 1.0, 0.5), origin=(0.0, 0.0, 0.0), angle=0.0) -> np.ndarray:
    """Planes, rows and columns along z, y and x, turned about z."""
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    found = np.eye(4)
    found[:3, :3] = turn @ np.diag(spacing)[:, ::1][[2, 1, 0]]
    found[:3, 3] = origin
    return found


def itk_image(labels: np.ndarray, where: np.ndarray):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(labels)
    columns = where[:3, [2, 1, 0]]
    sizes = np.linalg.norm(columns, axis=0)
    image.SetSpacing(sizes.tolist())
    image.SetDirection((columns / sizes).ravel().tolist())
    image.SetOrigin(where[:3, 3].tolist())
    return image


@pytest.mark.parametrize("angle", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("spacing", [(3.0, 1.0, 0.5), (1.1, 0.9, 0.7), (4.0, 1.7, 1.3)])
def test_resampling_is_that_of_simpleitk(spacing: tuple[float, ...], angle: float):
    sitk = pytest.importorskip("SimpleITK")
    fixed, moving = matrix(), matrix(spacing, (0.313, -1.207, 2.111), angle)
    steps = index_map(fixed, moving)
    found = resampled(LABELS, steps, (7, 10, 11), (0, 0, 0))
    like = itk_image(np.zeros((7, 10, 11), np.uint8), fixed)
    image = itk_image(LABELS, moving)
    theirs = sitk.Resample(image, like, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    np.testing.assert_array_equal(found, sitk.GetArrayFromImage(theirs))
    assert found.any()


def test_axes_of_other_order_and_direction_are_one_lattice():
    fixed = matrix()
    turned = np.ascontiguousarray(LABELS[::-1].transpose(2, 0, 1))
    order = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
    back = np.eye(4)
    back[0, 0], back[0, 3] = -1, SHAPE[0] - 1
    moving = fixed @ back @ order
    moving[:3, 3] += 0.01  # as headers round
    steps = on_lattice(index_map(fixed, moving), SHAPE)
    assert steps is not None
    assert covers_alike(steps, SHAPE, turned.shape)
    np.testing.assert_array_equal(resampled(turned, steps, SHAPE, (0, 0, 0)), LABELS)


@pytest.mark.parametrize(
    "moving",
    [matrix((3, 1, 0.6)), matrix(origin=(0.25, 0, 0)), matrix(angle=0.05), matrix((6, 1, 0.5))],
)
def test_pixels_that_do_not_meet(moving: np.ndarray):
    assert on_lattice(index_map(matrix(), moving), SHAPE) is None


def test_what_lies_beyond_the_grid_is_counted_and_kept():
    fixed, moving = matrix(), matrix(origin=(1.0, -3.0, 9.0))
    steps = index_map(fixed, moving)
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 2:8, 3] = 1
    room = extension(steps, SHAPE, labels)
    assert room == ((0, 2), (1, 0), (0, 0))
    wide = resampled(labels, steps, (7, 9, 9), (0, -1, 0))
    assert wide.sum() == labels.sum()
    assert extension(steps, SHAPE, np.zeros_like(labels)) == ((0, 0),) * 3
    assert farthest(fixed, moving, SHAPE) == pytest.approx(np.sqrt(91))
