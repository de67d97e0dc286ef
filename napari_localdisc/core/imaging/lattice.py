"""Label maps brought onto one lattice of pixels.

They are turned where they only differ in the order of their axes, and resampled to the nearest
pixel where they lie otherwise. A matrix maps an index (plane, row, column, 1) to a place in
millimetres.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.uint8]
Shape = tuple[int, ...]

_OFF = 0.1
"""Part of a pixel by which places that headers give may differ: they are rounded."""


def index_map(fixed: Matrix, moving: Matrix) -> Matrix:
    """Map indices of a fixed label map to those of a moving one.

    Where every pixel centre of one falls on a centre of the other, rounding that headers bring is
    taken out by `on_lattice`.
    """
    return np.asarray(np.linalg.inv(moving) @ fixed, dtype=np.float64)


def on_lattice(steps: Matrix, shape: Shape) -> Matrix | None:
    """Round a map of indices to whole steps; None if the pixels of two label maps do not meet.

    Parameters
    ----------
    steps : ndarray of float64, shape (4, 4)
        As of `index_map`.
    shape : tuple of int
        Of the fixed label map, (N, H, W).
    """
    whole = np.rint(steps)
    is_turn = np.array_equal(np.abs(whole[:3, :3]) @ np.ones(3), np.ones(3)) and np.array_equal(
        np.ones(3) @ np.abs(whole[:3, :3]), np.ones(3)
    )
    off = np.abs((steps - whole) @ _corners(np.zeros(3), np.array(shape) - 1)).max()
    return whole if is_turn and off <= _OFF else None


def covers_alike(steps: Matrix, fixed: Shape, moving: Shape) -> bool:
    """Whether two label maps of one lattice have the same extent."""
    ends = (steps @ _corners(np.zeros(3), np.array(fixed) - 1))[:3]
    return bool((ends.min(axis=1) == 0).all() and (ends.max(axis=1) == np.array(moving) - 1).all())


def farthest(fixed: Matrix, moving: Matrix, shape: Shape) -> float:
    """Tell how far two label maps of one shape lie apart at most, in millimetres."""
    corners = _corners(np.zeros(3), np.array(shape) - 1)
    return float(np.linalg.norm(((fixed - moving) @ corners)[:3], axis=0).max())


def extension(steps: Matrix, fixed: Shape, moving: Labels) -> tuple[tuple[int, int], ...]:
    """Tell how many pixels a fixed label map lacks to hold all that the moving one has found.

    Returns
    -------
    tuple of (int, int)
        Before and after it, along each axis.
    """
    found = [np.flatnonzero(moving.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not found[0].size:
        return ((0, 0),) * 3
    low, high = (np.array([axis[end] for axis in found], dtype=np.float64) for end in (0, -1))
    ends = (np.linalg.inv(steps) @ _corners(low, high))[:3]
    before = np.maximum(0, -np.floor(ends.min(axis=1) + _OFF)).astype(int)
    after = np.maximum(0, np.ceil(ends.max(axis=1) - _OFF) - np.array(fixed) + 1).astype(int)
    return tuple(zip(before.tolist(), after.tolist(), strict=True))


def resampled(moving: Labels, steps: Matrix, shape: Shape, first: tuple[int, ...]) -> Labels:
    """Look up a moving label map at the pixels of a fixed one; 0 beyond its edge.

    Parameters
    ----------
    moving : ndarray of uint8, shape (N, H, W)
    steps : ndarray of float64, shape (4, 4)
        From indices of the fixed label map to those of the moving one.
    shape : tuple of int
        Of the result.
    first : tuple of int
        Index, in the fixed label map, of the result's first pixel.
    """
    offset = steps[:3, :3] @ np.array(first, dtype=np.float64) + steps[:3, 3]
    return np.asarray(
        affine_transform(moving, steps[:3, :3], offset, shape, order=0, mode="grid-constant"),
        dtype=np.uint8,
    )


def _corners(low: npt.NDArray[np.generic], high: npt.NDArray[np.generic]) -> Matrix:
    """Corners of a box, shape (4, 8)."""
    corners = np.array(list(product(*zip(low.tolist(), high.tolist(), strict=True))), np.float64)
    return np.vstack([corners.T, np.ones(len(corners))])
