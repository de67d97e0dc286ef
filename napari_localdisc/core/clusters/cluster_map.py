"""Cluster maps: what the clustering branch tells apart in one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_localdisc.base.progress import Run
from napari_localdisc.core.clusters.cluster_statistics import ClusterStatistics
from napari_localdisc.core.encoder.embedding import embed_and_cluster
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.imaging.arrays import FloatMap


@dataclass(frozen=True)
class ClusterMap:
    """Clusters of one image.

    Attributes
    ----------
    labels : ndarray of uint8, shape (H, W)
        Most likely cluster, 1..M; 0 outside the field of view.
    memberships : ndarray of float32, shape (M, H, W)
        Sum to 1 along M.
    embedding : ndarray of float32, shape (D, H, W)
        Unit vectors along D.
    """

    labels: npt.NDArray[np.uint8]
    memberships: FloatMap
    embedding: FloatMap

    def table(self) -> dict[str, list[float]]:
        """Describe the clusters that occur, one row each.

        Returns
        -------
        dict of str to list
            ``label``; ``area``, the share of the labelled pixels in [0, 1]; ``compactness``, the
            length of the mean embedding vector in [0, 1]: 1 where all vectors agree.
        """
        table = ClusterStatistics.of(self.labels, self.embedding, len(self.memberships)).table()
        return {name: table[name] for name in ("label", "area", "compactness")}


def cluster_map(
    image: npt.NDArray[np.generic],
    encoder: Encoder,
    device: torch.device | None = None,
    tile: int = 512,
) -> Run[ClusterMap]:
    """Cluster the pixels of an image; arguments as in `embed_and_cluster`."""
    embedded = yield from embed_and_cluster(image, encoder, device, tile)
    labels = embedded.memberships.argmax(axis=0).astype(np.uint8) + 1
    labels = np.where(embedded.field, labels, 0).astype(np.uint8)
    return ClusterMap(labels, embedded.memberships, embedded.embedding)
