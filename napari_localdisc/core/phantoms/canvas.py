"""Noise, soft edges and random generators of phantoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SMALLEST = 64
"""Smallest side of a phantom in pixels: below it, ribs and vessels run into each other."""


@dataclass(frozen=True)
class Phantom:
    """A made-up image and the shapes in it.

    Attributes
    ----------
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        The picture.
    masks : dict of str to ndarray of bool, shape (H, W)
        The structures that were painted, by name.
    """

    image: npt.NDArray[np.uint8]
    masks: dict[str, Mask]


def phantom_rng(seed: int, kind: int) -> np.random.Generator:
    """Make a generator that shares no stream with the simulated priors of the same seed."""
    return np.random.default_rng([kind, 0x7068, seed])


def check_size(size: int) -> None:
    """Raise ValueError unless a phantom of this side can be painted."""
    if size < SMALLEST:
        raise ValueError(f"Expected argument `size` to be at least {SMALLEST}, got {size}.")


def clouds(size: int, grain: float, rng: np.random.Generator) -> Floats:
    """Make smooth noise of mean 0 and deviation 1, its grain a fraction of the size."""
    blurred = gaussian_filter(rng.normal(size=(size, size)), grain * size, mode="wrap")
    return np.asarray((blurred - blurred.mean()) / blurred.std())


def soft(mask: Mask, sigma: float) -> Floats:
    """Blur a mask's edge."""
    return np.asarray(gaussian_filter(mask.astype(np.float64), sigma))


def to_uint8(picture: Floats) -> npt.NDArray[np.uint8]:
    """Turn values in [0, 1] to bytes; what lies outside is clipped."""
    return np.rint(picture.clip(0.0, 1.0) * 255.0).astype(np.uint8)
