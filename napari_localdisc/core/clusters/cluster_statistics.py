"""Statistics of clusters that add up: over images, and over clusters that are merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.imaging.arrays import FloatMap

_CHUNK = 2**16
"""Pixels that are counted at once."""


@dataclass(frozen=True, eq=False)
class ClusterStatistics:
    """Pixels of each cluster, and the sum of their embedding vectors.

    Attributes
    ----------
    counts : ndarray of int64, shape (K,)
    sums : ndarray of float64, shape (K, D)
    """

    counts: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, labels: npt.NDArray[np.uint8], embedding: FloatMap, count: int
    ) -> ClusterStatistics:
        """Count the pixels of an image.

        Parameters
        ----------
        labels : ndarray of uint8, shape (H, W)
            Clusters 1..K; 0 is left out.
        embedding : ndarray of float32, shape (D, H, W)
        count : int
            K.
        """
        flat, vectors = labels.reshape(-1), embedding.reshape(len(embedding), -1)
        counts = np.bincount(flat, minlength=count + 1)[1:]
        sums = np.zeros((count, len(embedding)))
        clusters = np.arange(1, count + 1, dtype=np.uint8)[:, None]
        for start in range(0, flat.size, _CHUNK):
            piece = slice(start, start + _CHUNK)
            sums += (clusters == flat[piece]).astype(np.float32) @ vectors[:, piece].T
        return cls(counts.astype(np.int64), sums)

    def __add__(self, other: ClusterStatistics) -> ClusterStatistics:
        return ClusterStatistics(self.counts + other.counts, self.sums + other.sums)

    def grouped(self, lookup: npt.NDArray[np.uint8]) -> ClusterStatistics:
        """Move what belongs to each cluster to the one that stands for its group.

        Parameters
        ----------
        lookup : ndarray of uint8, shape (K + 1,)
            For each label the one that stands for it; ``lookup[0]`` is 0.
        """
        counts, sums = np.zeros_like(self.counts), np.zeros_like(self.sums)
        np.add.at(counts, lookup[1:].astype(np.intp) - 1, self.counts)
        np.add.at(sums, lookup[1:].astype(np.intp) - 1, self.sums)
        return ClusterStatistics(counts, sums)

    @property
    def present(self) -> list[int]:
        """Labels of the clusters that occur."""
        return [int(label) for label in np.flatnonzero(self.counts) + 1]

    @property
    def centres(self) -> npt.NDArray[np.float32]:
        """Unit vectors (K, D): the direction of each cluster's mean; zero where it is empty."""
        length = np.linalg.norm(self.sums, axis=1, keepdims=True)
        return np.asarray(self.sums / np.maximum(length, 1e-12), np.float32)

    def table(self) -> dict[str, list[float]]:
        """Describe the clusters that occur, one row each.

        Returns
        -------
        dict of str to list
            ``label``; ``size`` in pixels; ``area``, the share of all pixels counted;
            ``compactness``, the length of the mean vector: 1 where all agree;
            ``mean_similarity``, the mean cosine between two pixels of the cluster; ``nearest``,
            the cluster whose centre is most like its own (0 if there is no other), and
            ``nearest_similarity``, the cosine between the two.
        """
        labels = self.present
        at = np.array(labels, dtype=np.intp) - 1
        size, length = self.counts[at], np.linalg.norm(self.sums[at], axis=1)
        pairs = np.maximum(size * (size - 1.0), 1)
        inner = np.where(size > 1, (length**2 - size) / pairs, 1.0)
        nearest, alike = _nearest(self.centres[at], labels)
        columns: dict[str, Sequence[float]] = {
            "label": labels,
            "size": size.tolist(),
            "area": (size / max(1, size.sum())).tolist(),
            "compactness": np.minimum(length / np.maximum(size, 1), 1).tolist(),
            "mean_similarity": np.clip(inner, -1, 1).tolist(),
            "nearest": nearest,
            "nearest_similarity": alike,
        }
        return {name: list(column) for name, column in columns.items()}


def _nearest(
    centres: npt.NDArray[np.float32], labels: Sequence[int]
) -> tuple[list[int], list[float]]:
    if len(labels) < 2:
        return [0] * len(labels), [0.0] * len(labels)
    cosine = centres @ centres.T
    np.fill_diagonal(cosine, -np.inf)
    best = cosine.argmax(axis=1)
    return [labels[at] for at in best], [
        float(row[at]) for row, at in zip(cosine, best, strict=True)
    ]
