"""Subspaces that features are brought to before they are clustered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

Vectors = npt.NDArray[np.float32]

DECODER_AXES = 8
"""Principal components that clusters are told apart by where only a decoder's features count."""

_LEAST = 1e-6
"""A deviation below which a feature tells nothing."""


@dataclass(frozen=True)
class Subspace:
    """A linear view of features.

    Attributes
    ----------
    mean : ndarray of float32, shape (F,)
    axes : ndarray of float32, shape (Q, F)
        From features, less their mean, to the subspace.
    """

    mean: Vectors
    axes: Vectors

    def place(self, features: Vectors) -> Vectors:
        """Bring features (P, F) to the subspace (P, Q)."""
        return np.ascontiguousarray((features - self.mean) @ self.axes.T, dtype=np.float32)


def principal_subspace(features: Vectors, axes: int) -> Subspace:
    """Find the leading principal components of standardised features.

    Parameters
    ----------
    features : ndarray of float32, shape (P, F)
    axes : int
        Q; fewer where features vary in fewer directions.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > _LEAST, spread, np.inf)
    found = PCA(min(axes, *features.shape), svd_solver="covariance_eigh")
    found.fit((features - mean) / scale)
    leading = found.components_[found.explained_variance_ > _LEAST]
    return Subspace(mean, np.asarray(leading / scale, dtype=np.float32))
