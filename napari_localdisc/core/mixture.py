"""Mixtures of round normal distributions along principal components, fitted by k-means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

Vectors = npt.NDArray[np.float32]

DECODER_AXES = 8
"""Principal components that clusters are told apart by where only a decoder's features count."""

_LEAST = 1e-6
"""A deviation below which a feature tells nothing."""


@dataclass(frozen=True)
class Mixture:
    """Round clusters of one width, of features along their principal components.

    Attributes
    ----------
    mean : ndarray of float32, shape (F,)
    axes : ndarray of float32, shape (Q, F)
        From features, less their mean, to principal components of the standardised ones.
    centres : ndarray of float32, shape (M, Q)
    variance : float
        Of vectors about their centre, along any of the axes.
    """

    mean: Vectors
    axes: Vectors
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
    mean, projection = principal_axes(features, axes)
    placed = np.ascontiguousarray((features - mean) @ projection.T, dtype=np.float32)
    centres, away = kmeans(placed, clusters, seed)
    return Mixture(mean, projection, centres, max(away / placed.size, _LEAST))


def principal_axes(features: Vectors, axes: int) -> tuple[Vectors, Vectors]:
    """Find the mean (F,) of features (P, F), and `axes` as of a `Mixture` (Q, F)."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > _LEAST, spread, np.inf)
    varied = (features - mean) / scale
    values, vectors = np.linalg.eigh(varied.T @ varied / len(varied))
    leading = [k for k in np.argsort(values)[::-1][:axes] if values[k] > _LEAST]
    return mean, np.asarray(vectors[:, leading].T / scale, dtype=np.float32)


def kmeans(placed: Vectors, clusters: int, seed: int) -> tuple[Vectors, float]:
    """Find the centres (M, Q) of clusters of vectors (P, Q), and the sum of squares about them."""
    model = MiniBatchKMeans(clusters, random_state=seed, n_init=5, batch_size=4096).fit(placed)
    return np.asarray(model.cluster_centers_, np.float32), float(model.inertia_)
