"""Phantoms of colour fundus photographs."""

from __future__ import annotations

import numpy as np

from napari_localdisc.core.phantoms.canvas import (
    Floats,
    Mask,
    Phantom,
    check_size,
    clouds,
    phantom_rng,
    soft,
    to_uint8,
)
from napari_localdisc.core.priors.raster import Ellipse, fill_ellipse
from napari_localdisc.core.priors.retina import FRAME, Eyes, field_of_view, random_eyes
from napari_localdisc.core.priors.vessels import draw_vessels


def fundus_phantom(seed: int, size: int = 256) -> Phantom:
    """Paint a fundus photograph.

    Parameters
    ----------
    seed : int
        The same seed gives the same phantom.
    size : int
        Side in pixels, at least 64.

    Returns
    -------
    Phantom
        Image of shape (size, size, 3); masks ``"vessels"``, ``"optic-disc"``, ``"fovea"`` and
        ``"field-of-view"``.

    Raises
    ------
    ValueError
        If `size` is below 64.
    """
    check_size(size)
    rng = phantom_rng(seed, kind=1)
    eyes = random_eyes(1, rng)
    field = field_of_view(eyes, size)[0]
    disc = _disc(eyes, size, rng)
    vessels = draw_vessels(eyes, rng.uniform(0.13, 0.16, 1), rng, size)[0]
    masks = {
        "vessels": vessels,
        "optic-disc": fill_ellipse(disc, (size, size)) & field,
        "fovea": fill_ellipse(_fovea(eyes, size), (size, size)) & field,
        "field-of-view": field,
    }
    retina = _paint_macula(_paint_ground(size, rng), eyes, size)
    retina = _paint_vessels(_paint_disc(retina, disc, rng), vessels, size, rng)
    return Phantom(_photograph(retina, eyes, field, rng), masks)


def _disc(eyes: Eyes, size: int, rng: np.random.Generator) -> Ellipse:
    scale = size / FRAME
    x, y = eyes.disc[0] * scale - 0.5
    radius, upright = eyes.diameter[0] / 2 * scale, np.sqrt(rng.uniform(1.0, 1.2))
    return Ellipse(x, y, radius / upright, radius * upright, rng.normal(0.0, np.radians(8.0)))


def _fovea(eyes: Eyes, size: int) -> Ellipse:
    x, y = eyes.fovea[0] * (size / FRAME) - 0.5
    radius = 0.45 * eyes.diameter[0] * (size / FRAME)
    return Ellipse(x, y, radius, radius)


def _paint_ground(size: int, rng: np.random.Generator) -> Floats:
    """Paint retina and choroid."""
    red = rng.uniform(0.62, 0.8)
    colour = np.array([red, red * rng.uniform(0.45, 0.58), red * rng.uniform(0.18, 0.3)])
    texture = 0.035 * clouds(size, 0.05, rng) + 0.02 * clouds(size, 0.015, rng)
    grain = 0.012 * clouds(size, 0.005, rng)
    return np.asarray(colour * (1.0 + texture + grain)[..., None])


def _paint_macula(retina: Floats, eyes: Eyes, size: int) -> Floats:
    fovea = _fovea(eyes, size)
    rows, columns = np.ogrid[:size, :size]
    away = np.hypot(columns - fovea.x, rows - fovea.y) / fovea.radius_x
    shade = 0.28 * np.exp(-(away**2) / 2) + 0.10 * np.exp(-(away**2) / 8)
    return np.asarray(retina * (1.0 - shade[..., None] * (0.7, 1.0, 0.8)))


def _paint_disc(retina: Floats, disc: Ellipse, rng: np.random.Generator) -> Floats:
    shape = (retina.shape[0], retina.shape[1])
    cup_share = rng.uniform(0.3, 0.6)
    cup = Ellipse(disc.x, disc.y, disc.radius_x * cup_share, disc.radius_y * cup_share, disc.tilt)
    rim = soft(fill_ellipse(disc, shape), 0.05 * disc.radius_x)[..., None]
    pit = soft(fill_ellipse(cup, shape), 0.2 * disc.radius_x)[..., None]
    glow = rng.uniform(0.92, 1.04) * np.array([0.98, 0.74, 0.42])
    painted = retina + rim * (glow - retina)
    return np.asarray(painted + 0.8 * pit * (np.array([1.0, 0.9, 0.66]) - painted))


def _paint_vessels(retina: Floats, vessels: Mask, size: int, rng: np.random.Generator) -> Floats:
    pixel = size / 256.0
    wide = (1.6 * soft(vessels, 1.6 * pixel)).clip(0.0, 1.0)
    blood = soft(vessels, 0.45 * pixel) * (0.42 + 0.58 * wide)
    reflex = soft(soft(vessels, 1.2 * pixel) > 0.9, 0.5 * pixel)
    depth = rng.uniform(0.42, 0.55) * blood - 0.12 * reflex
    return np.asarray(retina * (1.0 - depth[..., None] * (0.5, 1.0, 0.75)))


def _photograph(
    retina: Floats, eyes: Eyes, field: Mask, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Light the retina unevenly, look through a round aperture and add the sensor's noise."""
    size = len(retina)
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    x, y = eyes.middle[0] / FRAME + rng.normal(0.0, 0.1, 2)
    away = np.hypot(columns - x, rows - y)
    light = rng.uniform(1.0, 1.15) - rng.uniform(0.5, 1.3) * away**2
    slope = rng.normal(0.0, 0.15, 2)
    light += slope[0] * (columns - 0.5) + slope[1] * (rows - 0.5)
    picture = (retina * light[..., None]).clip(0.0, 1.0) ** rng.uniform(0.9, 1.15)
    picture *= soft(field, 0.6)[..., None]
    return to_uint8(picture + rng.normal(0.0, rng.uniform(0.008, 0.016), picture.shape))
