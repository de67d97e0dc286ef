"""Random variation of any prior, so that a few drawn references stand for many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.priors.prior import Prior

Floats = npt.NDArray[np.float64]


def vary(
    prior: Prior,
    count: int,
    seed: int = 0,
    *,
    amount: float = 1.0,
    scale: float = 0.1,
    rotation: float = 5.0,
    shift: float = 0.04,
    elastic: float = 0.012,
    mirror: bool = False,
) -> Prior:
    """Make randomly changed copies of a prior's references.

    All targets of a reference change together, so their relative place is kept.

    Parameters
    ----------
    prior : Prior
        N references; they are used in turn, so that each is varied about equally often.
    count : int
        Number of references to return, at least 1.
    seed : int
        The same seed gives the same masks.
    amount : float
        What all standard deviations are multiplied by.
    scale, rotation, shift, elastic : float
        Standard deviations: of the logarithm of the size (half as much of height against width), of
        the angle in degrees, of the shift and of smooth local displacements as fractions of the
        canvas.
    mirror : bool
        Also swap left and right, at random.

    Returns
    -------
    Prior
        Its masks have shape (count, K, S, S). Shifts are held back so that what was inside the
        frame before a shift is inside after it.

    Raises
    ------
    LocaldiscError
        If `count` is below 1.
    """
    if count < 1:
        raise LocaldiscError(f"a prior needs at least 1 reference, got {count}; raise the count.")
    rng = np.random.default_rng(seed)
    masks = np.stack(
        [
            _varied(
                prior.masks[index % len(prior)],
                rng,
                amount * scale,
                amount * rotation,
                amount * shift,
                amount * elastic,
                mirror,
            )
            for index in range(count)
        ]
    )
    return Prior(prior.name, prior.targets, masks)


def _varied(
    masks: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    scale: float,
    rotation: float,
    shift: float,
    elastic: float,
    mirror: bool,
) -> npt.NDArray[np.bool_]:
    size = masks.shape[-1]
    angle = np.radians(rng.normal(0.0, rotation))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = rng.normal(0.0, 0.5 * scale)
    matrix = turn @ np.diag(np.exp(rng.normal(0.0, scale) + np.array([stretch, -stretch])))
    if mirror and rng.random() < 0.5:
        matrix = matrix @ np.diag([1.0, -1.0])
    wanted = rng.normal(0.0, shift, 2) * size
    bend = _smooth_field(size, elastic, rng)
    spots = np.argwhere(masks.any(axis=0)).astype(np.float64)
    if not len(spots):
        return masks.copy()
    middle = (spots.min(axis=0) + spots.max(axis=0)) / 2
    target = _kept_inside((spots - middle) @ matrix.T, middle + wanted, size)
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=-1)
    source = (grid - target) @ np.linalg.inv(matrix).T + middle + bend
    coordinates = np.moveaxis(source, -1, 0)
    return np.stack(
        [map_coordinates(plane.astype(np.float32), coordinates, order=1) >= 0.5 for plane in masks]
    )


def _smooth_field(size: int, spread: float, rng: np.random.Generator) -> Floats:
    """Smooth displacements in pixels, shape (size, size, 2)."""
    coarse = rng.normal(size=(2, 12, 12))
    at = np.linspace(0.0, 11.0, size)
    grid = np.stack(np.meshgrid(at, at, indexing="ij"))
    planes = [map_coordinates(gaussian_filter(plane, 1.2), grid, order=3) for plane in coarse]
    field = np.stack([plane / (plane.std() + 1e-9) for plane in planes], axis=-1)
    return np.asarray(field * spread * size)


def _kept_inside(spots: Floats, target: Floats, size: int) -> Floats:
    """Move the centre `target` of shifted `spots` so that they lie inside, as far as they fit."""
    low, high = -spots.min(axis=0), size - 1 - spots.max(axis=0)
    return np.where(low <= high, np.clip(target, low, high), (low + high) / 2)
