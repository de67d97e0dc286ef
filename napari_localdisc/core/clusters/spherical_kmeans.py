"""Clusters of any number, by k-means on the sphere that embedding vectors lie on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.imaging.arrays import FloatMap

SAMPLE = 20_000
"""Pixels of all images together that centres are fitted to."""
_STARTS = 2
_ROWS = 64
"""Rows that are assigned at once."""


def sample_pixels(
    field: npt.NDArray[np.bool_], count: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Draw pixels of a field (H, W): flat indices, ascending, at most `count`."""
    inside = np.flatnonzero(field)
    if len(inside) <= count:
        return inside
    return np.sort(rng.choice(inside, count, replace=False))


def fit_spherical_kmeans(vectors: npt.NDArray[np.float32], count: int, seed: int) -> FloatMap:
    """Find cluster centres, the largest cluster's first.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, D)
        Unit vectors.
    count : int
        Number K of clusters.
    seed : int
        The same seed finds the same centres.

    Returns
    -------
    ndarray of float32, shape (K, D)
        Unit vectors.

    Raises
    ------
    LocaldiscError
        If there are fewer distinct vectors than clusters.
    """
    if len(np.unique(vectors, axis=0)) < count:
        raise LocaldiscError(
            f"the images have fewer than {count} different pixels; ask for fewer clusters."
        )
    from sklearn.cluster import KMeans  # slow to import, and the window needs it for nothing

    model = KMeans(count, n_init=_STARTS, random_state=seed).fit(vectors)
    by_size = np.argsort(-np.bincount(model.labels_, minlength=count), kind="stable")
    centres = model.cluster_centers_[by_size]
    length = np.linalg.norm(centres, axis=1, keepdims=True)
    return np.asarray(centres / np.maximum(length, 1e-12), np.float32)


def assign_to_centres(
    embedding: FloatMap, centres: FloatMap, field: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """Give every pixel of an embedding (D, H, W) its most alike centre, 1..K; 0 outside `field`."""
    labels = np.zeros(field.shape, np.uint8)
    for top in range(0, len(field), _ROWS):
        strip = embedding[:, top : top + _ROWS]
        alike = centres @ strip.reshape(len(strip), -1)
        labels[top : top + _ROWS] = alike.argmax(axis=0).reshape(strip.shape[1:]) + 1
    labels[~field] = 0
    return labels
