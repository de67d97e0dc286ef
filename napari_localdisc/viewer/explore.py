"""What an encoder tells apart in images of a viewer: clusters, colours, pixels. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_localdisc.base.devices import resolve_device
from napari_localdisc.base.progress import Progress, Run, relay
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.clusters.cluster_statistics import ClusterStatistics
from napari_localdisc.core.clusters.pixel_sample import PixelSample
from napari_localdisc.core.clusters.spherical_kmeans import (
    SAMPLE,
    assign_to_centres,
    fit_spherical_kmeans,
    sample_pixels,
)
from napari_localdisc.core.clusters.thumbnail import Thumbnail
from napari_localdisc.core.encoder.embedding import FloatMap
from napari_localdisc.core.encoder.embedding_cache import EmbeddedPlane, EmbeddingCache, fingerprint
from napari_localdisc.core.encoder.embedding_pca import EmbeddingPCA, embedding_pca
from napari_localdisc.viewer.layers import Plane
from napari_localdisc.viewer.session import EncoderChoice, HeldEncoder


@dataclass(frozen=True, eq=False)
class ExploredPlane:
    """The clusters of one plane.

    Attributes
    ----------
    plane : Plane
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

    plane: Plane
    key: str
    labels: npt.NDArray[np.uint8]
    picture: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float16]
    sample: PixelSample
    cluster_statistics: ClusterStatistics
    thumbnail: Thumbnail


@dataclass(frozen=True, eq=False)
class Exploration:
    """Clusters that are the same in a number of planes.

    Attributes
    ----------
    components : EmbeddingPCA
    count : int
        Clusters K, of which some may occur nowhere.
    planes : tuple of ExploredPlane
    recipe : dict
    """

    components: EmbeddingPCA
    count: int
    planes: tuple[ExploredPlane, ...]
    recipe: dict[str, Any]

    @cached_property
    def cluster_statistics(self) -> ClusterStatistics:
        """All planes together."""
        return reduce(add, (plane.cluster_statistics for plane in self.planes))


@dataclass(frozen=True)
class Settings:
    """What an exploration is to do.

    Attributes
    ----------
    choice : EncoderChoice
    device : str
        A device name, as `resolve_device` takes it.
    count : int or None
        Clusters to find by k-means on the embedding; None for the encoder's own.
    seed : int
        Of the pixels drawn for k-means, and of its start.
    """

    choice: EncoderChoice
    device: str
    count: int | None = None
    seed: int = 0


class Embedder:
    """Embeds planes with one encoder, or takes them from a cache.

    Parameters
    ----------
    held : HeldEncoder
    device : str
    cache : EmbeddingCache
    """

    def __init__(self, held: HeldEncoder, device: str, cache: EmbeddingCache) -> None:
        self.held = held
        self._device: torch.device = resolve_device(device)
        self._cache = cache
        cache.belong_to(held)

    def components(self) -> Run[EmbeddingPCA]:
        """Return the encoder's components."""
        return (yield from embedding_pca(self.held.encoder, self._device))

    def embed(self, pixels: npt.NDArray[np.generic], key: str) -> Run[EmbeddedPlane]:
        """Embed the pixels of a plane, unless that was done before."""
        kept = self._cache.get(key)
        if kept is None:
            found = yield from cluster_map(pixels, self.held.encoder, self._device)
            kept = EmbeddedPlane(found.embedding, found.labels)
            self._cache.put(key, kept)
        return kept


def explore(
    planes: Sequence[Plane], settings: Settings, cache: EmbeddingCache
) -> Run[tuple[HeldEncoder, Exploration]]:
    """Find clusters that are the same in all planes.

    Parameters
    ----------
    planes : sequence of Plane
        At least one; the first chooses an automatic encoder.
    settings : Settings
    cache : EmbeddingCache
        Where embeddings are kept.

    Returns
    -------
    HeldEncoder
    Exploration
        It does not keep the encoder, which may be unloaded.

    Raises
    ------
    LocaldiscError
        If an image, the encoder or the device cannot be used, or there are too few pixels.
    """
    yield Progress("read", 0, 1, f"Reading {planes[0].name}")
    held = settings.choice.obtain(planes[0].pixels())
    embedder = Embedder(held, settings.device, cache)
    components = yield from embedder.components()
    centres = None
    if settings.count is not None:
        vectors = yield from _sampled(planes, embedder, settings.seed)
        yield Progress("cluster", 0, 1, f"Finding {settings.count} clusters")
        centres = fit_spherical_kmeans(vectors, settings.count, settings.seed)
    count = held.encoder.card.clusters if centres is None else len(centres)
    clusters = _Clusters(components, count, centres, len(planes))
    explored = []
    for number, plane in enumerate(planes):
        pixels = plane.pixels()
        key = fingerprint(pixels)
        seen = yield from _counted(embedder.embed(pixels, key), plane, number, len(planes))
        explored.append(clusters.explored(plane, pixels, key, seen, number))
        yield Progress("embed", number + 1, len(planes), f"Looked at {plane.name}")
    recipe = _recipe(held, settings, count)
    return held, Exploration(components, count, tuple(explored), recipe)


def embed_again(
    plane: ExploredPlane, settings: Settings, cache: EmbeddingCache
) -> Run[EmbeddedPlane]:
    """Embed a plane whose embedding was let go of; arguments as for `explore`."""
    yield Progress("read", 0, 1, f"Reading {plane.plane.name}")
    pixels = plane.plane.pixels()
    embedder = Embedder(settings.choice.obtain(pixels), settings.device, cache)
    return (yield from embedder.embed(pixels, plane.key))


def _sampled(planes: Sequence[Plane], embedder: Embedder, seed: int) -> Run[FloatMap]:
    """Draw vectors (n, D) from all planes alike."""
    rng = np.random.default_rng(seed)
    vectors = []
    for number, plane in enumerate(planes):
        pixels = plane.pixels()
        run = embedder.embed(pixels, fingerprint(pixels))
        seen = yield from _counted(run, plane, number, len(planes))
        drawn = sample_pixels(seen.labels > 0, max(1, SAMPLE // len(planes)), rng)
        vectors.append(seen.embedding.reshape(len(seen.embedding), -1)[:, drawn].T)
    return np.concatenate(vectors)


def _counted(run: Run[EmbeddedPlane], plane: Plane, number: int, total: int) -> Run[EmbeddedPlane]:
    """Tell the tiles of a plane as a part of all planes."""

    def change(event: Progress) -> Progress:
        done = number * event.total + event.done
        return replace(
            event, done=done, total=total * event.total, message=f"Embedding {plane.name}"
        )

    return (yield from relay(run, change))


@dataclass(frozen=True, eq=False)
class _Clusters:
    """What is the same for all planes."""

    components: EmbeddingPCA
    count: int
    centres: FloatMap | None
    planes: int

    def explored(
        self,
        plane: Plane,
        pixels: npt.NDArray[np.generic],
        key: str,
        seen: EmbeddedPlane,
        seed: int,
    ) -> ExploredPlane:
        """Put together what is known of a plane."""
        labels, field = seen.labels, seen.labels > 0
        if self.centres is not None:
            labels = assign_to_centres(seen.embedding, self.centres, field)
        scores = self.components.scores(seen.embedding)
        return ExploredPlane(
            plane,
            key,
            labels,
            self.components.picture(scores, field),
            scores[:2].astype(np.float16),
            PixelSample.draw(scores[:2], labels, self.planes, seed),
            ClusterStatistics.of(labels, seen.embedding, self.count),
            Thumbnail.of(pixels, labels, self.count),
        )


def _recipe(held: HeldEncoder, settings: Settings, count: int) -> dict[str, Any]:
    own = settings.count is None
    recipe: dict[str, Any] = {
        "kind": "clusters",
        "encoder": held.name,
        "device": settings.device,
        "clusters": count,
        "found_by": "the encoder" if own else "k-means",
    }
    return recipe if own else {**recipe, "seed": settings.seed}
