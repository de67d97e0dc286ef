"""Evaluation of pixel vectors on a labelled set by linear probes and unions of clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean, pstdev
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.evaluation.cluster_unions import (
    Labels,
    VectorClusters,
    best_union,
    count_overlap,
    fit_clusters,
    union_mask,
)
from napari_localdisc.core.evaluation.labelled_sets import LabelledImage, LabelledSet, Mask
from napari_localdisc.core.evaluation.linear_probe import (
    LinearProbe,
    PixelSample,
    Vectors,
    fit_probe,
    sample_pixels,
)
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.evaluation.pixel_vectors import PixelVectors, Source

Method = Literal["probe", "union"]
BRANCH = "clustering branch"

_Clustering = Callable[[PixelVectors], Labels]
"""From what a source sees in an image to its clusters, counted from 0."""


class ProbeConfig(BaseModel):
    """Settings of the evaluation of encoders.

    Attributes
    ----------
    images : int
        Training images and test images of a set, at most.
    pixels : int
        Pixels drawn of each image to learn from.
    union_images : int
        Images on which the union of clusters is chosen.
    seed : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int = Field(default=20, ge=1)
    pixels: int = Field(default=4000, ge=2)
    union_images: int = Field(default=5, ge=1)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Measured:
    """Dice of a structure by one method in one kind of pixel vectors.

    Attributes
    ----------
    method : str
        ``"probe"`` or ``"union"``.
    encoder : str
        Empty for classical vectors.
    vectors : str
        Kind of vectors, or of clusters.
    set : str
    dice : tuple of float
        Of the test images.
    found : mapping of str to object
        What was fitted: the threshold of a probe, the clusters of a union.
    """

    method: Method
    encoder: str
    vectors: str
    set: str
    dice: tuple[float, ...]
    found: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean Dice."""
        return fmean(self.dice)

    @property
    def std(self) -> float:
        """Standard deviation of the Dice over images."""
        return pstdev(self.dice)

    @property
    def row(self) -> str:
        """Name of its row in a table."""
        return f"{self.encoder}: {self.vectors}" if self.encoder else self.vectors


def measure(
    labelled: LabelledSet, source: Source, counts: Sequence[int], config: ProbeConfig
) -> Run[list[Measured]]:
    """Measure one source on one set.

    Parameters
    ----------
    labelled : LabelledSet
    source : Source
    counts : sequence of int
        Numbers of k-means clusters where the source has no clusters of its own to be as many as.
    config : ProbeConfig

    Yields
    ------
    Progress
        Per image.
    """
    return (yield from _Measurement(labelled, source, counts, config).run())


class _Measurement:
    """One source measured on one set."""

    def __init__(
        self, labelled: LabelledSet, source: Source, counts: Sequence[int], config: ProbeConfig
    ) -> None:
        self.labelled, self.source, self.config = labelled, source, config
        self.counts = [source.clusters] if source.clusters else counts
        self.few = labelled.draw(min(config.union_images, len(labelled.train)), config.seed)
        self.total = len(labelled.train) + len(self.few) + len(labelled.test)
        self.done = 0

    def run(self) -> Run[list[Measured]]:
        probes, clusterings = yield from self._fit()
        unions = yield from self._choose(clusterings)
        scores: dict[tuple[Method, str], list[float]] = {}
        for image in self.labelled.test:
            seen = yield from self._look(image)
            masks: dict[tuple[Method, str], Mask] = {}
            for kind, probe in probes.items():
                masks["probe", kind] = probe.mask(seen.maps[kind])
            for kind, clustering in clusterings.items():
                masks["union", kind] = union_mask(clustering(seen), unions[kind])
            for key, mask in masks.items():
                scores.setdefault(key, []).append(dice(mask, image.truth, image.field))
        found: dict[tuple[Method, str], Mapping[str, Any]]
        found = {("probe", kind): {"threshold": probe.threshold} for kind, probe in probes.items()}
        found |= {("union", kind): {"clusters": union} for kind, union in unions.items()}
        name = self.labelled.name
        return [
            Measured(method, self.source.name, kind, name, tuple(dices), found[method, kind])
            for (method, kind), dices in scores.items()
        ]

    def _look(self, image: LabelledImage) -> Run[PixelVectors]:
        seen = self.source.look(image.pixels)
        self.done += 1
        who = self.source.name or "classical"
        yield Progress("probe", self.done, self.total, f"{self.labelled.name}: {who}")
        return seen

    def _fit(self) -> Run[tuple[dict[str, LinearProbe], dict[str, _Clustering]]]:
        samples: dict[str, list[PixelSample]] = {kind: [] for kind in self.source.probed}
        clouds: dict[str, list[Vectors]] = {kind: [] for kind in self.source.clustered}
        for number, image in enumerate(self.labelled.train):
            seen = yield from self._look(image)
            for kind, drawn in samples.items():
                drawn.append(self._sample(seen.maps[kind], image.truth, image.field, number))
            # Clusters are fitted without masks: their pixels are drawn from all alike.
            for kind, cloud in clouds.items():
                nothing = np.zeros_like(image.truth)
                cloud.append(self._sample(seen.maps[kind], nothing, image.field, number).vectors)
        probes = {kind: fit_probe(PixelSample.join(drawn)) for kind, drawn in samples.items()}
        return probes, self._clusterings(clouds)

    def _sample(self, maps: Vectors, truth: Mask, field: Mask, number: int) -> PixelSample:
        """Draw the same pixels of an image for every kind of vectors."""
        rng = np.random.default_rng((self.config.seed, number))
        return sample_pixels(maps, truth, field, self.config.pixels, rng)

    def _clusterings(self, clouds: Mapping[str, list[Vectors]]) -> dict[str, _Clustering]:
        found: dict[str, _Clustering] = {}
        if self.source.clusters:
            found[f"{BRANCH} ({self.source.clusters})"] = _own_clusters
        for kind, cloud in clouds.items():
            vectors = np.concatenate(cloud)
            for count in self.counts:
                fitted = fit_clusters(vectors, count, self.config.seed, self.source.standardise)
                found[f"k-means ({count}) on {kind}"] = partial(_kmeans_clusters, fitted, kind)
        return found

    def _choose(self, clusterings: Mapping[str, _Clustering]) -> Run[dict[str, tuple[int, ...]]]:
        """Choose the union of each clustering that covers the structure best on a few images."""
        labels: dict[str, list[Labels]] = {kind: [] for kind in clusterings}
        for image in self.few:
            seen = yield from self._look(image)
            for kind, clustering in clusterings.items():
                labels[kind].append(clustering(seen))
        truths, fields = ([getattr(i, part) for i in self.few] for part in ("truth", "field"))
        most = max([self.source.clusters, *self.counts])
        return {
            kind: best_union(count_overlap(maps, truths, fields, most))
            for kind, maps in labels.items()
        }


def _own_clusters(seen: PixelVectors) -> Labels:
    if seen.clusters is None:
        raise ValueError("Expected argument `seen` to hold clusters.")
    return seen.clusters


def _kmeans_clusters(fitted: VectorClusters, kind: str, seen: PixelVectors) -> Labels:
    return fitted.labels(seen.maps[kind])
