"""Explored images: clusters, colours and a few pixels of each, in one common space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.clusters.cluster_statistics import ClusterStatistics
from napari_localdisc.core.clusters.pixel_sample import PixelSample
from napari_localdisc.core.clusters.spherical_kmeans import assign_to_centres
from napari_localdisc.core.clusters.thumbnail import Thumbnail
from napari_localdisc.core.encoder.embedding_cache import EmbeddedPlane
from napari_localdisc.core.encoder.embedding_pca import EmbeddingPCA
from napari_localdisc.core.imaging.arrays import FloatMap


@dataclass(frozen=True, eq=False)
class ExploredImage:
    """The clusters of one image.

    Attributes
    ----------
    key : str
        What its embedding is kept under.
    labels : ndarray of uint8, shape (H, W)
        Clusters 1..K; 0 outside the field of view.
    picture : ndarray of uint8, shape (H, W, 3)
        The embedding in the encoder's colours.
    scores : ndarray of float16, shape (2, H, W)
        Its first two components.
    sample : PixelSample
    cluster_statistics : ClusterStatistics
    thumbnail : Thumbnail
    """

    key: str
    labels: npt.NDArray[np.uint8]
    picture: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float16]
    sample: PixelSample
    cluster_statistics: ClusterStatistics
    thumbnail: Thumbnail


@dataclass(frozen=True, eq=False)
class Exploration:
    """Clusters that are the same in a number of images.

    Attributes
    ----------
    components : EmbeddingPCA
    count : int
        Clusters K, of which some may occur nowhere.
    images : tuple of ExploredImage
    """

    components: EmbeddingPCA
    count: int
    images: tuple[ExploredImage, ...]

    @cached_property
    def cluster_statistics(self) -> ClusterStatistics:
        """All images together."""
        return reduce(add, (image.cluster_statistics for image in self.images))


@dataclass(frozen=True, eq=False)
class ClusterSpace:
    """Clusters and colours that all images share.

    Attributes
    ----------
    components : EmbeddingPCA
    count : int
    centres : ndarray of float32, shape (K, D), or None
        Unit vectors; None for the encoder's own clusters.
    images : int
        How many share in the sample of pixels.
    """

    components: EmbeddingPCA
    count: int
    centres: FloatMap | None
    images: int

    def explored(
        self, pixels: npt.NDArray[np.generic], key: str, embedded: EmbeddedPlane, seed: int
    ) -> ExploredImage:
        """Describe an image (H, W) or (H, W, C) by its embedding."""
        labels, field = embedded.labels, embedded.labels > 0
        if self.centres is not None:
            labels = assign_to_centres(embedded.embedding, self.centres, field)
        scores = self.components.scores(embedded.embedding)
        return ExploredImage(
            key,
            labels,
            self.components.picture(scores, field),
            scores[:2].astype(np.float16),
            PixelSample.draw(scores[:2], labels, self.images, seed),
            ClusterStatistics.of(labels, embedded.embedding, self.count),
            Thumbnail.of(pixels, labels, self.count),
        )
