"""Curves and ellipses to pixels.

Points are (x, y), in pixels of the canvas; the centre of pixel (row, column) is (column, row).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline
from skimage import draw

Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ellipse:
    """An ellipse with its centre (x, y), half axes in x and y, and tilt in radians."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    tilt: float = 0.0


def smooth_curve(points: Points, samples: int = 120) -> Points:
    """Sample the smooth curve through control points, shape (n, 2) to (samples, 2).

    The centripetal spacing of its knots keeps the curve from overshooting between close points.
    """
    steps = np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1))
    knots = np.concatenate([[0.0], np.cumsum(steps)])
    sampled = CubicSpline(knots, points)(np.linspace(0.0, knots[-1], samples))
    return np.asarray(sampled, dtype=np.float64)


def fill_outline(outline: Points, size: int) -> Mask:
    """Fill a closed outline of (x, y) points on a square canvas, giving (size, size)."""
    # Pillow takes in the pixels that the outline runs through, which scikit-image leaves out.
    picture = Image.new("1", (size, size))
    ImageDraw.Draw(picture).polygon([(x, y) for x, y in outline.tolist()], fill=1)
    return np.array(picture, dtype=np.bool_)


def fill_ellipse(ellipse: Ellipse, shape: tuple[int, int]) -> Mask:
    """Fill an ellipse on a canvas of a (height, width)."""
    mask = np.zeros(shape, dtype=np.bool_)
    half_axes = ellipse.radius_y, ellipse.radius_x
    mask[draw.ellipse(ellipse.y, ellipse.x, *half_axes, shape, -ellipse.tilt)] = True
    return mask


def stamp_discs(
    canvas: Mask, indices: npt.NDArray[np.int64], points: Points, radii: Points
) -> None:
    """Set, in place, every pixel whose centre lies within a radius of a point.

    Parameters
    ----------
    canvas : ndarray of bool, shape (N, S, S)
        N masks; discs outside of them are clipped.
    indices : ndarray of int, shape (P,)
        The mask each disc belongs to.
    points : ndarray, shape (P, 2)
        Centres (x, y).
    radii : ndarray, shape (P,)
        A disc of any radius covers at least the pixel nearest to its centre.
    """
    size = canvas.shape[-1]
    nearest = np.rint(points).astype(np.int64)
    reaches = np.ceil(radii - 0.5).clip(0).astype(np.int64)
    for reach in np.unique(reaches):
        chosen = reaches == reach
        side = np.arange(-reach, reach + 1)
        offsets = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        pixels = nearest[chosen][:, None] + offsets
        gap = pixels - points[chosen][:, None]
        near = gap[..., 0] ** 2 + gap[..., 1] ** 2 <= radii[chosen][:, None] ** 2
        keep = (near | ~offsets.any(axis=1)) & ((pixels >= 0) & (pixels < size)).all(axis=-1)
        mask = np.broadcast_to(indices[chosen][:, None], keep.shape)[keep]
        canvas[mask, pixels[keep, 1], pixels[keep, 0]] = True
