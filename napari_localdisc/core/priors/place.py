"""Whether references lie together or anywhere in the frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_ANYWHERE = 0.15
"""Dice of a reference with the mean of the others, below which they lie anywhere."""


def lie_anywhere(masks: npt.NDArray[np.bool_]) -> bool:
    """Whether two or more references (N, S, S) hardly overlap with the mean of the others."""
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    others = (flat.sum(axis=0) - flat) / (len(flat) - 1)
    shared = 2 * (others * flat).sum(axis=1)
    return float(np.mean(shared / (others + flat).sum(axis=1).clip(1e-6))) < _ANYWHERE
