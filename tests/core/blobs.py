"""Vectors of three kinds, for what finds clusters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def blobs() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Vectors (900, 11), and which kind each is of."""
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, 900)
    centres = rng.normal(0, 40, (3, 11))
    vectors = centres[kinds] + rng.normal(0, 1, (900, 11)) * np.linspace(0.5, 2, 11)
    return vectors.astype(np.float32), kinds
