"""The fovea, by its place: beside the optic disc, a little lower, and free of vessels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.priors.optic_disc import random_disc
from napari_localdisc.core.priors.raster import Ellipse, Mask, fill_ellipse
from napari_localdisc.core.priors.retina import FOVEA_DISTANCE, FOVEA_DROP, Floats

_CANDIDATES = 64


def _offsets(count: int, rng: np.random.Generator) -> Floats:
    """Draw steps (temporal, down) from disc to fovea in disc diameters, shape (count, 2)."""
    aside = rng.normal(FOVEA_DISTANCE, 0.2, count)
    return np.stack([aside, rng.normal(FOVEA_DROP, 0.15, count)], axis=1)


def _fovea_at(centre: Floats, diameter: float, rng: np.random.Generator) -> Ellipse:
    across = diameter * rng.uniform(0.8, 1.0) / 2
    return Ellipse(centre[0], centre[1], across, across * rng.uniform(0.9, 1.05))


def simulate_fovea(count: int, rng: np.random.Generator, size: int) -> Mask:
    """Optic disc and fovea of left and right eyes, shape (count, 2, size, size)."""
    masks = np.zeros((count, 2, size, size), dtype=np.bool_)
    for index in range(count):
        disc = random_disc(rng, size)
        diameter = disc.radius_x + disc.radius_y
        offset = _offsets(1, rng)[0] * diameter * (rng.choice([-1.0, 1.0]), 1.0)
        fovea = _fovea_at(np.array([disc.x, disc.y]) + offset, diameter, rng)
        disc, fovea = _framed(disc, fovea, rng, size)
        masks[index, 0] = fill_ellipse(disc, (size, size))
        masks[index, 1] = fill_ellipse(fovea, (size, size))
    return masks


def _framed(
    disc: Ellipse, fovea: Ellipse, rng: np.random.Generator, size: int
) -> tuple[Ellipse, Ellipse]:
    """Shift both together to a random place inside the frame."""
    shifts = []
    for axis, radius in (("x", "radius_x"), ("y", "radius_y")):
        ends = [(getattr(e, axis), getattr(e, radius)) for e in (disc, fovea)]
        low = min(centre - reach for centre, reach in ends)
        high = max(centre + reach for centre, reach in ends)
        margin = 0.02 * size
        middle = (size - low - high) / 2
        room = max((size - (high - low)) / 2 - margin, 0.0)
        shifts.append(np.clip(rng.normal(middle, 0.12 * size), middle - room, middle + room))
    moved = [
        Ellipse(e.x + shifts[0], e.y + shifts[1], e.radius_x, e.radius_y, e.tilt)
        for e in (disc, fovea)
    ]
    return moved[0], moved[1]


def place_fovea(
    disc: npt.NDArray[np.generic], vessels: npt.NDArray[np.generic], rng: np.random.Generator
) -> Mask:
    """Place a fovea relative to an optic disc and the vessels around it.

    Its centre lies 2.5 disc diameters from the disc's, on the side with the longer way to the
    frame's edge and fewer vessels close to the disc, about 0.3 diameters lower, where the fewest
    vessels are.

    Parameters
    ----------
    disc, vessels : ndarray, shape (H, W)
        Masks of the same eye, above 0 inside the structure. `vessels` may be empty.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The fovea, an ellipse of 0.8 to 1 disc diameters.

    Raises
    ------
    LocaldiscError
        If the masks differ in shape, or the disc is empty, or so large or so near the edges that
        the fovea would lie outside of the frame.

    Examples
    --------
    A prior with the disc as context from a person's own masks:

    >>> rng = np.random.default_rng(0)
    >>> disc = np.zeros((96, 96), dtype=bool)
    >>> disc[40:56, 10:26] = True
    >>> fovea = place_fovea(disc, np.zeros_like(disc), rng)
    >>> pair = np.stack([disc, fovea])
    """
    if disc.shape != vessels.shape or disc.ndim != 2:
        raise LocaldiscError(
            "the optic disc mask and the vessel mask must be two planes of one shape, got"
            f" {disc.shape} and {vessels.shape}; give masks of the same image."
        )
    rows, columns = np.nonzero(disc)
    if not len(rows):
        raise LocaldiscError("the optic disc mask is empty; the fovea is placed relative to it.")
    diameter = float(2 * np.sqrt(len(rows) / np.pi))
    centre = np.array([columns.mean(), rows.mean()])
    inside = _inside_frame(centre, diameter, disc.shape, rng)
    crowd = gaussian_filter(np.asarray(vessels, dtype=bool).astype(np.float64), diameter / 4)
    spots = np.rint(inside).astype(np.int64)
    side = np.sign(inside[:, 0] - centre[0])
    cost = crowd[spots[:, 1], spots[:, 0]] + _nasal_cost(centre, diameter, vessels, side)
    best = inside[np.argmin(cost)]
    return fill_ellipse(_fovea_at(best, diameter, rng), (disc.shape[0], disc.shape[1]))


def _inside_frame(
    centre: Floats, diameter: float, shape: tuple[int, ...], rng: np.random.Generator
) -> Floats:
    """Candidate centres on both sides, those inside the frame, shape (n, 2)."""
    offsets = _offsets(2 * _CANDIDATES, rng) * diameter
    offsets[::2, 0] *= -1
    spots = centre + offsets
    limit = np.array([shape[1] - 1, shape[0] - 1])
    inside = spots[((spots >= 0) & (spots <= limit)).all(axis=1)]
    if not len(inside):
        raise LocaldiscError(
            f"an optic disc of {diameter:.0f} pixels leaves no room for a fovea in a mask of"
            f" {shape[1]}x{shape[0]}; give the mask of a whole fundus photograph."
        )
    return np.asarray(inside)


def _nasal_cost(
    centre: Floats, diameter: float, vessels: npt.NDArray[np.generic], side: Floats
) -> Floats:
    """How much a side looks nasal: little frame left, many vessels beside the disc."""
    height, width = vessels.shape
    rows, columns = np.ogrid[:height, :width]
    level = abs(rows - centre[1]) < diameter
    costs = {}
    for sign in (-1.0, 1.0):
        aside = sign * (columns - centre[0]) / diameter
        near = level & (aside > 0.6) & (aside < 1.6)
        dense = np.asarray(vessels[near], dtype=bool).mean() if near.any() else 1.0
        room = (centre[0] if sign < 0 else width - centre[0]) / width
        costs[sign] = dense - room
    return np.asarray(np.where(side < 0, costs[-1.0], costs[1.0]))
