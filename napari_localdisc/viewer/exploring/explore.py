"""Exploration of an embedding over planes of a viewer's images. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.compute import jobs
from napari_localdisc.compute.client import compute_process
from napari_localdisc.compute.results import HeldEncoder
from napari_localdisc.core.clusters.cluster_statistics import ClusterStatistics
from napari_localdisc.core.clusters.exploration import Exploration, ExploredImage
from napari_localdisc.core.encoder.embedding_cache import EmbeddedPlane, EmbeddingCache
from napari_localdisc.core.encoder.embedding_pca import EmbeddingPCA
from napari_localdisc.viewer.layers import Plane


@dataclass(frozen=True, eq=False)
class ExploredPlane(ExploredImage):
    """The clusters of one plane of a layer."""

    plane: Plane


@dataclass(frozen=True, eq=False)
class ExploredPlanes:
    """Clusters that are the same in a number of planes.

    Attributes
    ----------
    found : Exploration
    planes : tuple of ExploredPlane
    recipe : dict
    """

    found: Exploration
    planes: tuple[ExploredPlane, ...]
    recipe: dict[str, Any]

    @property
    def components(self) -> EmbeddingPCA:
        """Principal components of the encoder."""
        return self.found.components

    @property
    def count(self) -> int:
        """Clusters, of which some may occur nowhere."""
        return self.found.count

    @cached_property
    def cluster_statistics(self) -> ClusterStatistics:
        """Statistics of the clusters over all planes."""
        return self.found.cluster_statistics


@dataclass(frozen=True)
class Settings:
    """What an exploration is to do.

    Attributes
    ----------
    encoder : str
        A shipped name, a path, or ``"auto"``.
    device : str
        A device name, as `resolve_device` takes it.
    count : int or None
        Clusters to find by k-means on the embedding; None for the encoder's own.
    seed : int
        Of the pixels drawn for k-means, and of its start.
    """

    encoder: str
    device: str
    count: int | None = None
    seed: int = 0


def explore(planes: Sequence[Plane], settings: Settings) -> Run[tuple[HeldEncoder, ExploredPlanes]]:
    """Find clusters that are the same in all planes, in the process that computes.

    Parameters
    ----------
    planes : sequence of Plane
        At least one; the first chooses an automatic encoder.
    settings : Settings

    Raises
    ------
    LocaldiscError
        If an image, the encoder or the device cannot be used, or there are too few pixels.
    """
    with compute_process().turn(f"clusters of {planes[0].name}") as turn:
        yield from turn.wait()
        images = []
        for number, plane in enumerate(planes):
            yield Progress("read", number, len(planes), f"Reading {plane.name}")
            images.append(plane.pixels())
        names = [plane.name for plane in planes]
        held, found = yield from turn.run(
            jobs.explore,
            images,
            names,
            settings.encoder,
            settings.device,
            settings.count,
            settings.seed,
        )
    explored = [
        ExploredPlane(**vars(image), plane=plane)
        for image, plane in zip(found.images, planes, strict=True)
    ]
    return held, ExploredPlanes(found, tuple(explored), _recipe(held, settings, found.count))


def embedding_of(
    plane: ExploredPlane, settings: Settings, cache: EmbeddingCache
) -> Run[EmbeddedPlane]:
    """Fetch the embedding of a plane into a cache of the window; arguments as of `explore`."""
    yield Progress("read", 0, 1, f"Reading {plane.plane.name}")
    label = f"the embedding of {plane.plane.name}"
    held, embedded = yield from compute_process().run(
        label, jobs.embed, plane.plane.pixels(), settings.encoder, settings.device
    )
    cache.belong_to(held.digest)
    cache.put(plane.key, embedded)
    return embedded


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
