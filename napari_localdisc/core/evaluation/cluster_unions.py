"""Unions of clusters: the best Dice of a structure as a union of unsupervised clusters.

Masks choose the union on a few images, nothing else; the clusters themselves never see one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from napari_localdisc.core.evaluation.labelled_sets import Mask
from napari_localdisc.core.evaluation.linear_probe import Vectors

Labels = npt.NDArray[np.integer]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class VectorClusters:
    """Clusters of pixel vectors by k-means.

    Attributes
    ----------
    mean, scale : ndarray of float32, shape (D,)
        Vectors are standardised by these first.
    model : MiniBatchKMeans
    """

    mean: Vectors
    scale: Vectors
    model: MiniBatchKMeans

    def labels(self, maps: Vectors) -> npt.NDArray[np.int64]:
        """Cluster (H, W), counted from 0, of vectors (D, H, W)."""
        vectors = (maps.reshape(len(maps), -1).T - self.mean) / self.scale
        found = self.model.predict(np.ascontiguousarray(vectors, dtype=np.float32))
        return np.asarray(found, dtype=np.int64).reshape(maps.shape[1:])


def fit_clusters(vectors: Vectors, count: int, seed: int, standardise: bool) -> VectorClusters:
    """Cluster vectors by k-means.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, D)
    count : int
        Clusters; of fewer vectors, as many.
    seed : int
    standardise : bool
        Whether every component is brought to zero mean and unit variance first. Unit vectors keep
        their angles if it is not.
    """
    mean, scale = np.zeros_like(vectors[0]), np.ones_like(vectors[0])
    if standardise:
        mean, spread = vectors.mean(axis=0), vectors.std(axis=0)
        scale = np.where(spread > 1e-6, spread, 1).astype(np.float32)
    model = MiniBatchKMeans(min(count, len(vectors)), random_state=seed, n_init=3)
    model.fit((vectors - mean) / scale)
    return VectorClusters(mean, scale, model)


@dataclass(frozen=True)
class Overlap:
    """Overlap of each cluster with a structure, in pixels, in a number of images.

    Attributes
    ----------
    shared, area : ndarray of int, shape (n, M)
        Pixels of cluster m inside the structure, and all its pixels, in each image.
    truth : ndarray of int, shape (n,)
        Pixels of the structure.
    """

    shared: Counts
    area: Counts
    truth: Counts

    def dice(self, union: Sequence[int]) -> float:
        """Mean Dice over the images of a union of clusters; 1 where both masks are empty."""
        chosen = list(union)
        hit, area = self.shared[:, chosen].sum(axis=1), self.area[:, chosen].sum(axis=1)
        total = area + self.truth
        return float(np.where(total > 0, 2 * hit / np.maximum(total, 1), 1.0).mean())


def count_overlap(
    labels: Sequence[Labels], truths: Sequence[Mask], fields: Sequence[Mask], clusters: int
) -> Overlap:
    """Count the overlap of clusters with a structure inside the field of view.

    Parameters
    ----------
    labels : sequence of ndarray of int, shape (H, W)
        Clusters, counted from 0.
    truths, fields : sequence of ndarray of bool, shape (H, W)
    clusters : int
        Number M of clusters.
    """
    shared, area, size = [], [], []
    for found, truth, field in zip(labels, truths, fields, strict=True):
        shared.append(np.bincount(found[truth & field], minlength=clusters))
        area.append(np.bincount(found[field], minlength=clusters))
        size.append(int((truth & field).sum()))
    return Overlap(np.stack(shared), np.stack(area), np.array(size))


def best_union(overlap: Overlap) -> tuple[int, ...]:
    """Select greedily the clusters whose union has the highest mean Dice.

    The cluster that lifts the mean Dice most is added until none does.

    Returns
    -------
    tuple of int
        In the order in which they were added; at least one.
    """
    union: list[int] = []
    best = -1.0
    while True:
        free = [m for m in range(overlap.area.shape[1]) if m not in union]
        gains = {m: overlap.dice([*union, m]) for m in free}
        first = max(gains, key=gains.__getitem__, default=None)
        if first is None or gains[first] <= best:
            return tuple(union)
        union.append(first)
        best = gains[first]


def union_mask(labels: Labels, union: Sequence[int]) -> Mask:
    """Pixels (H, W) that lie in one of the clusters."""
    return np.isin(labels, list(union))
