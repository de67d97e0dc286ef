"""Mixtures of round normal distributions along principal components, fitted by k-means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from napari_localdisc.core.subspace import Subspace, Vectors, principal_subspace

_LEAST = 1e-6
"""The variance of clusters whose vectors are all alike."""


@dataclass(frozen=True)
class Mixture:
    """Round clusters of one width, of features along their principal components.

    Attributes
    ----------
    space : Subspace
    centres : ndarray of float32, shape (M, Q)
    variance : float
        Of vectors about their centre, along any of the axes.
    """

    space: Subspace
    centres: Vectors
    variance: float


def fit_mixture(features: Vectors, clusters: int, axes: int, seed: int) -> Mixture:
    """Fit clusters by k-means.

    Parameters
    ----------
    features : ndarray of float32, shape (P, F)
        Of at least as many pixels as clusters.
    clusters : int
        M.
    axes : int
        Q; fewer where features vary in fewer directions.
    seed : int
    """
    space = principal_subspace(features, axes)
    placed = space.place(features)
    centres, away = kmeans(placed, clusters, seed)
    return Mixture(space, centres, max(away / placed.size, _LEAST))


def kmeans(placed: Vectors, clusters: int, seed: int) -> tuple[Vectors, float]:
    """Find the centres (M, Q) of clusters of vectors (P, Q), and the sum of squares about them."""
    model = MiniBatchKMeans(clusters, random_state=seed, n_init=5, batch_size=4096).fit(placed)
    return np.asarray(model.cluster_centers_, np.float32), float(model.inertia_)
