"""Which points lie inside an outline that somebody drew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw

_GRID = 1024
"""Steps across an outline: a point is told inside or outside to that accuracy."""


def inside_outline(
    points: npt.NDArray[np.floating], outline: npt.NDArray[np.floating]
) -> npt.NDArray[np.bool_]:
    """Tell which points are inside a closed outline.

    Parameters
    ----------
    points : ndarray of float, shape (2, ...)
        Coordinates along the first axis.
    outline : ndarray of float, shape (n, 2)
        Corners; the last is joined to the first.

    Returns
    -------
    ndarray of bool, shape (...)
    """
    low, high = outline.min(axis=0), outline.max(axis=0)
    step = np.maximum((high - low) / (_GRID - 1), 1e-12)
    # Pillow fills by scan lines: scikit-image's test of each point holds the window for 0.3 s.
    drawn = PIL.Image.new("1", (_GRID, _GRID))
    corners = [(float(x), float(y)) for y, x in (outline - low) / step]
    PIL.ImageDraw.Draw(drawn).polygon(corners, fill=1)
    mask = np.pad(np.asarray(drawn), 1)
    shape = (2, *(1,) * (points.ndim - 1))
    at = (points.astype(np.float32) - low.reshape(shape)) / step.reshape(shape)
    row, column = np.clip(np.rint(at), -1, _GRID).astype(np.intp) + 1
    return np.asarray(mask[row, column])
