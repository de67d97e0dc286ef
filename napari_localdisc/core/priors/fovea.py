"""The fovea, by its place: beside the optic disc, a little lower."""

from __future__ import annotations

import numpy as np

from napari_localdisc.core.priors.optic_disc import random_disc
from napari_localdisc.core.priors.raster import Ellipse, Mask, fill_ellipse
from napari_localdisc.core.priors.retina import FOVEA_DISTANCE, FOVEA_DROP, Floats


def _offset(rng: np.random.Generator) -> Floats:
    """Draw the step (temporal, down) from disc to fovea in disc diameters."""
    return np.array([rng.normal(FOVEA_DISTANCE, 0.2), rng.normal(FOVEA_DROP, 0.15)])


def _fovea_at(centre: Floats, diameter: float, rng: np.random.Generator) -> Ellipse:
    across = diameter * rng.uniform(0.8, 1.0) / 2
    return Ellipse(centre[0], centre[1], across, across * rng.uniform(0.9, 1.05))


def simulate_fovea(count: int, rng: np.random.Generator, size: int) -> Mask:
    """Optic disc and fovea of left and right eyes, shape (count, 2, size, size)."""
    masks = np.zeros((count, 2, size, size), dtype=np.bool_)
    for index in range(count):
        disc = random_disc(rng, size)
        diameter = disc.radius_x + disc.radius_y
        offset = _offset(rng) * diameter * (rng.choice([-1.0, 1.0]), 1.0)
        fovea = _fovea_at(np.array([disc.x, disc.y]) + offset, diameter, rng)
        disc, fovea = _framed(disc, fovea, rng, size)
        masks[index, 0] = fill_ellipse(disc, (size, size))
        masks[index, 1] = fill_ellipse(fovea, (size, size))
    return masks


def _framed(
    disc: Ellipse, fovea: Ellipse, rng: np.random.Generator, size: int
) -> tuple[Ellipse, Ellipse]:
    """Shift both together to a random place at which both lie inside the frame."""
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
