"""Mixtures of round normal distributions along principal components, fitted by k-means.

k-means divides what most pixels show, and cuts a structure of few pixels as chance will have it.
Small clusters that are merged by their likeness, however many pixels each holds, leave it whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering, MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin, pairwise_distances_argmin_min

from napari_localdisc.core.pretraining.pseudo_labels.subspace import (
    Subspace,
    Vectors,
    principal_subspace,
)

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


def fit_mixture(features: Vectors, clusters: int, axes: int, seed: int, small: int = 0) -> Mixture:
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
    small : int
        Clusters by k-means that are merged to the M ones, see `ward_merge`; 0 for M by k-means.
    """
    space = principal_subspace(features, axes)
    placed = space.place(features)
    if small:
        centres, away = ward_merge(placed, clusters, small, seed)
    else:
        centres, away = kmeans(placed, clusters, seed)
    return Mixture(space, centres, max(away / placed.size, _LEAST))


def kmeans(placed: Vectors, clusters: int, seed: int) -> tuple[Vectors, float]:
    """Find the centres (M, Q) of clusters of vectors (P, Q), and the sum of squares about them."""
    model = MiniBatchKMeans(clusters, random_state=seed, n_init=5, batch_size=4096).fit(placed)
    return np.asarray(model.cluster_centers_, np.float32), float(model.inertia_)


def ward_merge(placed: Vectors, clusters: int, small: int, seed: int) -> tuple[Vectors, float]:
    """Find small clusters of vectors (P, Q) by k-means, and merge them to M by Ward's linkage.

    Returns
    -------
    centres : ndarray of float32, shape (M, Q)
        Means of all vectors of the small clusters that were merged.
    away : float
        Sum of the squares about the nearest of them.
    """
    begun, _ = kmeans(placed, min(small, len(placed)), seed)
    groups = AgglomerativeClustering(clusters, linkage="ward").fit_predict(begun)
    own = groups[pairwise_distances_argmin(placed, begun)]
    # Where vectors are alike, k-means has the same centre several times and all but one are empty.
    held = [placed[own == g] if (own == g).any() else begun[groups == g] for g in range(clusters)]
    centres = np.stack([vectors.mean(axis=0) for vectors in held])
    _, away = pairwise_distances_argmin_min(placed, centres, metric="sqeuclidean")
    return centres, float(away.sum())
