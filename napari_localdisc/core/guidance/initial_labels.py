"""The start of guidance: evidence for all targets, each found in the way that suits its shape."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from napari_localdisc.base.progress import Run
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.core.guidance.expect.posterior import (
    CurvilinearPosterior,
    Evidence,
    labels_of,
    winners,
)
from napari_localdisc.core.guidance.expect.template_matching import TemplateMatchingPosterior
from napari_localdisc.core.guidance.preview import Previewer
from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.losses.segmentation import IGNORE
from napari_localdisc.core.segmenter.one_sided_edges import one_sided_edges
from napari_localdisc.core.segmenter.pixel_features import PixelSet
from napari_localdisc.core.segmenter.random_walker import RandomWalkerBorders


class InitialLabels:
    """What the prior and the pixels say together of every target.

    Parameters
    ----------
    pixels : PixelSet
    references : Tensor of bool, shape (N, K, S, S)
    resolution : WorkingResolution
    config : GuideConfig
    previewer : Previewer
    """

    def __init__(
        self,
        pixels: PixelSet,
        references: Tensor,
        resolution: WorkingResolution,
        config: GuideConfig,
        previewer: Previewer,
    ) -> None:
        self.pixels, self.references, self.resolution = pixels, references, resolution
        self.config, self.previewer = config, previewer
        self.curvilinear = {
            target: CurvilinearPosterior(pixels, references[:, target], config.seed)
            for target in resolution.curvilinear
        }
        self._opened = list[dict[int, Evidence]]()

    def evidence(self) -> Run[list[Evidence]]:
        """Find first evidence, per target."""
        found = dict[int, Evidence]()
        for target, posterior in self.curvilinear.items():
            starting = posterior.start(self.config)
            look = partial(self._look, (target,), posterior)
            found[target] = yield from self.previewer.during(starting, look)
        if self.resolution.compact:
            found |= yield from self._compact(self.resolution.compact)
        return [found[target] for target in range(len(self.resolution.shape_statistics))]

    def labels(self, evidence: list[Evidence]) -> Run[Tensor]:
        """Labels of int8 (n, S, S) to train on: 1..K, 0 background, -1 undecided.

        Borders of compact targets are those that show best, posed or closed by random walks. What
        was taken for a curvilinear target and stands out from one side only is background.

        Parameters
        ----------
        evidence : list of Evidence
            From `start`.
        """
        labels = labels_of(evidence, self.pixels.fields)
        if self.resolution.compact:
            labels = yield from self._closed(evidence, labels)
        for target in self.curvilinear:
            labels[one_sided_edges(self.pixels.whole, self.pixels.fields, labels, target + 1)] = 0
        return labels

    def _closed(self, evidence: list[Evidence], labels: Tensor) -> Run[Tensor]:
        fields = self.pixels.fields
        choices = [
            labels_of([opened.get(target, one) for target, one in enumerate(evidence)], fields)
            for opened in self._opened
        ]
        walk = RandomWalkerBorders(self.pixels, len(evidence))
        closing = walk.close(winners(evidence, fields), choices)
        closed = yield from self.previewer.during(closing, walk.first_image_probabilities)
        if closed is None:
            return labels
        for target in self.curvilinear:
            closed[~evidence[target].certain] = IGNORE
        return closed

    def _compact(self, targets: tuple[int, ...]) -> Run[dict[int, Evidence]]:
        posterior = TemplateMatchingPosterior(
            self.pixels,
            self.references[:, list(targets)],
            self.resolution.only(targets),
            self.config.starts,
            self.config.seed,
        )
        look = partial(self._look, targets, posterior)
        whole = yield from self.previewer.during(posterior.start(), look)
        choices = yield from posterior.open_borders(whole)
        self._opened = [dict(zip(targets, one, strict=True)) for one in choices]
        return dict(zip(targets, whole, strict=True))

    def _look(
        self, targets: Sequence[int], posterior: CurvilinearPosterior | TemplateMatchingPosterior
    ) -> Tensor | None:
        """Place what is believed of some targets (k, s, s) among all of them (K, s, s)."""
        believed = posterior.first_image_probabilities()
        if believed is None:
            return None
        every = believed.new_zeros(len(self.resolution.shape_statistics), *believed.shape[-2:])
        every[list(targets)] = believed
        return every
