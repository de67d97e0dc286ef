"""Exploration of an embedding: the same clusters and colours in a number of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from napari_localdisc.base.progress import Progress, Run, relay
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.clusters.exploration import ClusterSpace, Exploration, ExploredImage
from napari_localdisc.core.clusters.spherical_kmeans import (
    SAMPLE,
    fit_spherical_kmeans,
    sample_pixels,
)
from napari_localdisc.core.encoder.embedding_cache import EmbeddedPlane, EmbeddingCache, fingerprint
from napari_localdisc.core.encoder.embedding_pca import embedding_pca
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.imaging.arrays import FloatMap

Pixels = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Embedder:
    """Embeds images with one encoder, or takes them from a cache.

    Attributes
    ----------
    encoder : Encoder
    device : torch.device
    cache : EmbeddingCache
        Of this encoder.
    """

    encoder: Encoder
    device: torch.device
    cache: EmbeddingCache

    def embed(self, pixels: Pixels) -> Run[EmbeddedPlane]:
        """Embed an image, unless that was done before.

        Parameters
        ----------
        pixels : ndarray, shape (H, W) or (H, W, C)
        """
        key = fingerprint(pixels)
        kept = self.cache.get(key)
        if kept is None:
            found = yield from cluster_map(pixels, self.encoder, self.device)
            kept = EmbeddedPlane(found.embedding, found.labels)
            self.cache.put(key, kept)
        return kept


def explore(
    images: Sequence[Pixels],
    names: Sequence[str],
    embedder: Embedder,
    count: int | None = None,
    seed: int = 0,
) -> Run[Exploration]:
    """Find clusters that are the same in all images.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, C)
        At least one.
    names : sequence of str
        One an image, for messages.
    embedder : Embedder
    count : int, optional
        Clusters to find by spherical k-means on the embedding; the encoder's own if not given.
    seed : int
        Of the pixels drawn for k-means, and of its start.

    Raises
    ------
    LocaldiscError
        If an image cannot be used, or there are too few pixels.
    """
    components = yield from embedding_pca(embedder.encoder, embedder.device)
    centres = None
    if count is not None:
        vectors = yield from _sampled(images, names, embedder, seed)
        yield Progress("cluster", 0, 1, f"Finding {count} clusters")
        centres = fit_spherical_kmeans(vectors, count, seed)
    found = embedder.encoder.card.clusters if centres is None else len(centres)
    space = ClusterSpace(components, found, centres, len(images))
    explored: list[ExploredImage] = []
    for number, (pixels, name) in enumerate(zip(images, names, strict=True)):
        embedded = yield from _counted(embedder.embed(pixels), name, number, len(images))
        explored.append(space.explored(pixels, fingerprint(pixels), embedded, number))
        yield Progress("embed", number + 1, len(images), f"Looked at {name}")
    return Exploration(components, found, tuple(explored))


def _sampled(
    images: Sequence[Pixels], names: Sequence[str], embedder: Embedder, seed: int
) -> Run[FloatMap]:
    """Draw vectors (n, D) from all images alike."""
    rng = np.random.default_rng(seed)
    vectors = []
    for number, (pixels, name) in enumerate(zip(images, names, strict=True)):
        seen = yield from _counted(embedder.embed(pixels), name, number, len(images))
        drawn = sample_pixels(seen.labels > 0, max(1, SAMPLE // len(images)), rng)
        vectors.append(seen.embedding.reshape(len(seen.embedding), -1)[:, drawn].T)
    return np.concatenate(vectors)


def _counted(run: Run[EmbeddedPlane], name: str, number: int, total: int) -> Run[EmbeddedPlane]:
    """Count the tiles of an image as a part of all images."""

    def change(event: Progress) -> Progress:
        done = number * event.total + event.done
        return replace(event, done=done, total=total * event.total, message=f"Embedding {name}")

    return (yield from relay(run, change))
