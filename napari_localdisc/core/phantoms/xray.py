"""Phantoms of frontal chest X-rays.

The picture is the sum of what absorbs along each ray (soft tissue, bone, and less of it where there
is air), darkened exponentially and shown as radiologists see it: air black, bone white.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter

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
from napari_localdisc.core.phantoms.chest import Chest, bones, lung_vessels, measure_chest
from napari_localdisc.core.priors.lungs import simulate_lung_pairs
from napari_localdisc.core.priors.raster import Ellipse, fill_ellipse


def xray_phantom(seed: int, size: int = 256) -> Phantom:
    """Paint a frontal chest X-ray.

    Parameters
    ----------
    seed : int
        The same seed gives the same phantom.
    size : int
        Side in pixels, at least 64.

    Returns
    -------
    Phantom
        Image of shape (size, size); masks ``"lungs"``, ``"right-lung"`` and ``"left-lung"``. The
        right lung lies on the left of the picture.

    Raises
    ------
    ValueError
        If `size` is below 64.
    """
    check_size(size)
    rng = phantom_rng(seed, kind=2)
    right, left = simulate_lung_pairs(1, rng, size)[0]
    chest = measure_chest(right, left)
    absorbed = _soft_tissue(chest, size, rng)
    absorbed *= 1.0 - _air(right | left, rng)
    absorbed += _heart_and_spine(chest, size, rng) + bones(chest, size, rng)
    absorbed += lung_vessels(chest, right, left, rng)
    absorbed -= _windpipe(chest, size)
    image = _expose(absorbed, size, rng)
    return Phantom(image, {"lungs": right | left, "right-lung": right, "left-lung": left})


# Level from the apex (0) to the costophrenic angle (1); half width, the lungs' being 1.
_TRUNK = np.array(
    [
        (-0.6, 0.37),  # neck
        (-0.24, 0.34),
        (-0.13, 0.5),
        (-0.03, 1.15),  # shoulders
        (0.06, 1.5),
        (0.2, 1.45),
        (0.38, 1.22),  # armpits
        (0.6, 1.15),
        (1.0, 1.12),
        (1.5, 1.15),  # belly
    ]
)


def _soft_tissue(chest: Chest, size: int, rng: np.random.Generator) -> Floats:
    """Thickness of neck, shoulders, trunk and upper arms."""
    rows, columns = np.mgrid[:size, :size].astype(np.float64)
    down = (rows - chest.top) / chest.height
    aside = abs(columns - chest.middle) / chest.half_width
    sag = rng.uniform(0.0, 0.05)
    width = np.interp(down + sag, *_TRUNK.T) * rng.uniform(0.95, 1.1)
    deep = np.interp(down, [-0.2, 0.15, 0.9, 1.1], [0.62, 0.9, 0.95, 1.15])
    trunk = np.sqrt(1.0 - (aside / width).clip(0.0, 1.0) ** 2) * deep
    arm_at = rng.uniform(1.4, 1.5) + 0.2 * (down - 0.1)
    arm = np.sqrt(1.0 - ((aside - arm_at) / 0.24).clip(-1.0, 1.0) ** 2) * 0.5
    arm *= 1.0 / (1.0 + np.exp(-(down - 0.12) / 0.03))
    whole = gaussian_filter(np.maximum(trunk, arm), 0.008 * size)
    return np.asarray(whole * (1.0 + 0.02 * clouds(size, 0.04, rng)))


def _air(lungs: Mask, rng: np.random.Generator) -> Floats:
    """Share of the tissue that is air: most in the middle of a lung, with vessel markings."""
    size = len(lungs)
    inward = distance_transform_edt(lungs) / (0.09 * size)
    marks = clouds(size, 0.012, rng) + clouds(size, 0.03, rng)
    share = rng.uniform(0.42, 0.58) * (0.72 + 0.28 * inward.clip(0.0, 1.0)) - 0.025 * marks
    return np.asarray(share * soft(lungs, 0.004 * size))


def _heart_and_spine(chest: Chest, size: int, rng: np.random.Generator) -> Floats:
    rows, columns = np.mgrid[:size, :size].astype(np.float64)
    heart = Ellipse(
        chest.middle + 0.2 * chest.half_width,
        chest.top + 0.72 * chest.height,
        0.42 * chest.half_width,
        0.24 * chest.height,
        np.radians(30.0),
    )
    level = (rows - chest.top) / chest.height
    bodies = 0.8 + 0.2 * np.cos(2 * np.pi * level / rng.uniform(0.085, 0.1)) ** 2
    spine = np.exp(-(((columns - chest.middle) / (0.13 * chest.half_width)) ** 4)) * bodies
    return np.asarray(
        0.16 * soft(fill_ellipse(heart, (size, size)), 0.02 * size)
        + rng.uniform(0.1, 0.18) * gaussian_filter(spine, 0.004 * size)
    )


def _windpipe(chest: Chest, size: int) -> Floats:
    rows, columns = np.mgrid[:size, :size].astype(np.float64)
    across = np.exp(-(((columns - chest.middle) / (0.07 * chest.half_width)) ** 2))
    ends = 1.0 / (1.0 + np.exp((rows - chest.top - 0.3 * chest.height) / (0.02 * size)))
    return np.asarray(0.1 * across * ends)


def _expose(absorbed: Floats, size: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Let the rays through, count them, and show few of them as white."""
    rays = np.exp(-rng.uniform(2.2, 2.8) * absorbed)
    rays = gaussian_filter(rays, 0.0025 * size) + 0.02
    counted = rng.poisson(rays * rng.uniform(2500, 6000)) + 1.0
    picture = -np.log(counted)
    low, high = np.percentile(picture, (0.5, 99.7))
    picture = ((picture - low) / (high - low)).clip(0.0, 1.0) ** rng.uniform(0.8, 1.3)
    return to_uint8(picture * rng.uniform(0.88, 1.0) + rng.uniform(0.0, 0.03))
