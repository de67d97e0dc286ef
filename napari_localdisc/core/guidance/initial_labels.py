"""Initial labels: the first E-step of guidance, for every target in the way that suits its shape.

Compact targets that have a place are found from there; those that lie anywhere by template
matching; curvilinear ones by a direction search and mask denoising; scattered ones by brightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.progress import Run
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.core.guidance.expect.placed_posterior import PlacedPosterior
from napari_localdisc.core.guidance.expect.posterior import (
    CurvilinearPosterior,
    Evidence,
    labels_of,
    winners,
)
from napari_localdisc.core.guidance.expect.template_matching import TemplateMatchingPosterior
from napari_localdisc.core.guidance.preview import Previewer
from napari_localdisc.core.guidance.start.intensity import match_brightness
from napari_localdisc.core.guidance.start.placement import Starting
from napari_localdisc.core.losses.segmentation import IGNORE
from napari_localdisc.core.segmenter.one_sided_edges import one_sided_edges
from napari_localdisc.core.segmenter.pixel_features import PixelSet
from napari_localdisc.core.segmenter.random_walker import RandomWalkerBorders


@dataclass(frozen=True)
class InitialEvidence:
    """Posterior probabilities of all targets before any training.

    Attributes
    ----------
    targets : list of Evidence
        Per target.
    open_borders : list of lists of Evidence
        The same, with the borders of matched templates left undecided in one way or another; empty
        if none was matched.
    """

    targets: list[Evidence]
    open_borders: list[list[Evidence]]


class InitialLabels:
    """Posterior labels of all targets, to train the network on.

    Parameters
    ----------
    pixels : PixelSet
    prior_match : PriorMatch
        Of the prior that is searched for.
    config : GuideConfig
    previewer : Previewer
    starting : Starting, optional
        Where the targets lie, if they have a place.
    """

    def __init__(
        self,
        pixels: PixelSet,
        prior_match: PriorMatch,
        config: GuideConfig,
        previewer: Previewer,
        starting: Starting | None = None,
    ) -> None:
        self.pixels, self.config, self.previewer = pixels, config, previewer
        self.starting = starting
        self.references, self.resolution = prior_match.references, prior_match.resolution
        self.curvilinear = {
            target: CurvilinearPosterior(pixels, self.references[:, target], config.seed)
            for target in self.resolution.curvilinear
        }

    def evidence(self) -> Run[InitialEvidence]:
        """Compute the posterior probabilities of all targets (E-step)."""
        found = dict[int, Evidence]()
        for target, posterior in self.curvilinear.items():
            starting = posterior.start(self.config)
            preview = partial(self._on_first_image, (target,), posterior)
            found[target] = yield from self.previewer.during(starting, preview)
        for target in self.resolution.scattered:
            own = PriorMatch(self.references[:, [target]], self.resolution.only([target]))
            found[target] = yield from match_brightness(self.pixels, own)
        opened = list[dict[int, Evidence]]()
        if self.starting is not None:
            found |= yield from self._from_place(self.starting)
        elif self.resolution.compact:
            matched, opened = yield from self._match_templates(self.resolution.compact)
            found |= matched
        order = range(len(self.resolution.shape_statistics))
        return InitialEvidence(
            [found[target] for target in order],
            [[{**found, **compact}[target] for target in order] for compact in opened],
        )

    def labels(self, evidence: InitialEvidence) -> Run[Tensor]:
        """Labels of int8 (n, S, S) to train on: 1..K, 0 background, -1 undecided.

        Borders of compact targets are those with the highest contrast in the images, matched or
        found by the random walker. One-sided edges of curvilinear targets become background.

        Parameters
        ----------
        evidence : InitialEvidence
            From `evidence`.
        """
        labels = labels_of(evidence.targets, self.pixels.fields)
        if evidence.open_borders:
            labels = yield from self._close_borders(evidence, labels)
        for target in self.curvilinear:
            edges = one_sided_edges(self.pixels.whole, self.pixels.fields, labels, target + 1)
            labels[edges] = 0
        return labels

    def _close_borders(self, evidence: InitialEvidence, labels: Tensor) -> Run[Tensor]:
        """Close open borders by the random walker; `labels` if that has no higher contrast."""
        fields = self.pixels.fields
        matched = winners(evidence.targets, fields)
        choices = [labels_of(opened, fields) for opened in evidence.open_borders]
        borders = RandomWalkerBorders(self.pixels, len(evidence.targets))
        closing = borders.close(matched, choices)
        closed = yield from self.previewer.during(closing, borders.first_image_probabilities)
        if closed is None:
            return labels
        for target in self.curvilinear:
            closed[~evidence.targets[target].certain] = IGNORE
        return closed

    def _from_place(self, starting: Starting) -> Run[dict[int, Evidence]]:
        """Evidence of all targets, which are compact, from where alignment found them."""
        size = (self.pixels.size, self.pixels.size)
        posterior = PlacedPosterior(
            self.pixels,
            self.references,
            starting.prior,
            starting.shifts,
            follow_edges=self.config.follow_edges,
        )
        masks = F.interpolate(starting.masks, size=size, mode="bilinear")
        matching = posterior.match(masks)
        evidence = yield from self.previewer.during(matching, posterior.first_image_probabilities)
        return dict(enumerate(evidence))

    def _match_templates(
        self, targets: tuple[int, ...]
    ) -> Run[tuple[dict[int, Evidence], list[dict[int, Evidence]]]]:
        """Evidence of compact targets by template matching, and with their borders left open."""
        posterior = TemplateMatchingPosterior(
            self.pixels,
            self.references[:, list(targets)],
            self.resolution.only(targets),
            self.config.starts,
            self.config.seed,
        )
        preview = partial(self._on_first_image, targets, posterior)
        match = yield from self.previewer.during(posterior.match(), preview)
        opened = yield from posterior.open_borders(match)
        matched = dict(zip(targets, match.evidence, strict=True))
        return matched, [dict(zip(targets, one, strict=True)) for one in opened]

    def _on_first_image(
        self, targets: Sequence[int], posterior: CurvilinearPosterior | TemplateMatchingPosterior
    ) -> Tensor | None:
        """Probabilities (K, s, s) of all targets on the first image; 0 but for some of them."""
        some = posterior.first_image_probabilities()
        if some is None:
            return None
        every = some.new_zeros(len(self.resolution.shape_statistics), *some.shape[-2:])
        every[list(targets)] = some
        return every
