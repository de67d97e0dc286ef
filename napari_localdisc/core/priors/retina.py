"""Geometry of simulated fundus photographs: field of view, optic disc, fovea and arcades.

Lengths are in pixels of a 512-pixel frame, whatever the size that is drawn in the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FRAME = 512.0
FOVEA_DISTANCE = 2.5
"""Disc diameters from the disc's centre to the fovea's, along the horizontal."""
FOVEA_DROP = 0.3
"""Disc diameters that the fovea lies below the disc's centre."""


@dataclass(frozen=True)
class Eyes:
    """N retinas at once, one row each.

    Attributes
    ----------
    disc, fovea, middle : ndarray, shape (N, 2)
        Centres (x, y) of the optic disc, the fovea and the circular field of view.
    diameter, radius, avascular, wiggle : ndarray, shape (N,)
        Disc diameter, radius of the field of view, radius of the zone without vessels around the
        fovea, and how tortuous the vessels are (1 is usual).
    """

    disc: Floats
    fovea: Floats
    middle: Floats
    diameter: Floats
    radius: Floats
    avascular: Floats
    wiggle: Floats

    @property
    def temporal(self) -> Floats:
        """Unit vectors from disc to fovea, shape (N, 2)."""
        along = self.fovea - self.disc
        return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))


def random_eyes(count: int, rng: np.random.Generator) -> Eyes:
    """Draw eyes as fundus cameras see them, left and right, most of them centred on the macula."""
    whole = rng.random(count) < 0.15
    radius = np.where(whole, rng.uniform(0.53, 0.62, count), rng.uniform(0.45, 0.49, count)) * FRAME
    middle = FRAME / 2 + rng.normal(0.0, 3.0, (count, 2))
    diameter = rng.uniform(0.136, 0.168, count) * 2 * np.minimum(radius, 0.5 * FRAME)
    side = rng.choice([-1.0, 1.0], count)
    offset = np.stack([side * rng.normal(FOVEA_DISTANCE, 0.2, count), _drops(count, rng)], axis=1)
    offset *= diameter[:, None]
    # Share of the way from fovea to disc at which the camera aims: 0 is the macula.
    aim = np.where(
        rng.random(count) < 0.2, rng.uniform(0.4, 1.0, count), rng.normal(0, 0.08, count)
    )
    fovea = middle + aim[:, None] * offset + rng.normal(0.0, 10.0, (count, 2))
    return Eyes(
        disc=fovea - offset,
        fovea=fovea,
        middle=middle,
        diameter=diameter,
        radius=radius,
        avascular=diameter * rng.uniform(0.3, 0.5, count),
        wiggle=rng.lognormal(0.0, 0.3, count).clip(0.6, 1.6),
    )


def _drops(count: int, rng: np.random.Generator) -> Floats:
    return rng.normal(FOVEA_DROP, 0.15, count)


def field_of_view(eyes: Eyes, size: int) -> npt.NDArray[np.bool_]:
    """Circular fields of view, shape (N, size, size)."""
    centres = (np.arange(size) + 0.5) * (FRAME / size)
    down = (centres[:, None] - eyes.middle[:, 1, None, None]) ** 2
    right = (centres - eyes.middle[:, 0, None, None]) ** 2
    return np.asarray(down + right <= eyes.radius[:, None, None] ** 2)
