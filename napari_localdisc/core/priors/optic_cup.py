"""The optic cup within the disc: what is left of the disc around it is the neuroretinal rim."""

from __future__ import annotations

import numpy as np

from napari_localdisc.core.priors.optic_disc import random_disc
from napari_localdisc.core.priors.raster import Ellipse, Mask, fill_ellipse


def simulate_optic_cup(count: int, rng: np.random.Generator, size: int) -> Mask:
    """Neuroretinal rim and cup of healthy and glaucomatous discs, shape (count, 2, size, size)."""
    masks = np.zeros((count, 2, size, size), dtype=np.bool_)
    for index in range(count):
        disc = random_disc(rng, size)
        cup = fill_ellipse(_cup_in(disc, rng), (size, size))
        whole = fill_ellipse(disc, (size, size))
        masks[index, 0] = whole & ~cup
        masks[index, 1] = whole & cup
    return masks


def _cup_in(disc: Ellipse, rng: np.random.Generator) -> Ellipse:
    """Draw a cup of 0.3 to 0.85 disc diameters, about as wide as high, off the middle a little."""
    tall = float(np.clip(rng.normal(0.58, 0.14), 0.3, 0.85))
    wide = min(tall * rng.uniform(0.9, 1.1), 0.88)
    aside = rng.uniform(-0.5, 0.5) * (1 - wide) * disc.radius_x
    down = rng.uniform(-0.4, 0.4) * (1 - tall) * disc.radius_y
    return Ellipse(
        disc.x + aside, disc.y + down, wide * disc.radius_x, tall * disc.radius_y, disc.tilt
    )
