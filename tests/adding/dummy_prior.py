"""The smallest prior: squares."""

from __future__ import annotations

import numpy as np

from napari_localdisc.core.priors.raster import Mask


def simulate_dummy(count: int, rng: np.random.Generator, size: int) -> Mask:
    """A square in each mask, shape (count, 1, size, size)."""
    masks = np.zeros((count, 1, size, size), dtype=np.bool_)
    for mask, (top, left) in zip(masks[:, 0], rng.integers(0, size // 2, (count, 2)), strict=True):
        mask[top : top + size // 3, left : left + size // 3] = True
    return masks
