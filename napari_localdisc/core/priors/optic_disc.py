"""The optic disc: a slightly upright ellipse, anywhere near the middle of a fundus photograph."""

from __future__ import annotations

import numpy as np

from napari_localdisc.core.priors.raster import Ellipse, Mask, fill_ellipse

CENTRAL = 0.8
"""Fraction of the frame, around its middle, in which disc centres lie."""


def random_disc(rng: np.random.Generator, size: int) -> Ellipse:
    """Draw a disc with a diameter of 1/9 to 1/5 of the frame's side.

    Fields of 45 to 50 degrees show it at 1/7 to 1/6; narrower fields larger.
    """
    diameter = size * np.clip(rng.lognormal(np.log(0.152), 0.16), 1 / 9, 1 / 5)
    upright = np.sqrt(rng.uniform(1.0, 1.2))
    margin = (1 - CENTRAL) / 2
    x, y = size * rng.uniform(margin, 1 - margin, 2)
    tilt = rng.normal(0.0, np.radians(8.0))
    return Ellipse(x, y, diameter / 2 / upright, diameter / 2 * upright, tilt)


def simulate_optic_disc(count: int, rng: np.random.Generator, size: int) -> Mask:
    """One disc in each mask, shape (count, 1, size, size)."""
    masks = [fill_ellipse(random_disc(rng, size), (size, size)) for _ in range(count)]
    return np.stack(masks)[:, None]
