"""The expectation step (E-step) of guidance for compact targets: template matching.

Whole templates against a wide surrounding are easily matched too large, borders against a narrow
band too small, and patients are of other builds than references. So a matched border is left open,
and may be left open further where both ways of matching disagree; the random walker closes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run, relay
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.choose.stage_result import StageResult
from napari_localdisc.core.guidance.expect.posterior import Evidence, class_probabilities
from napari_localdisc.core.guidance.start.shape_registration import register_shapes
from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.imaging.morphology import certain_off_borders
from napari_localdisc.core.segmenter.pixel_features import PixelSet
from napari_localdisc.core.segmenter.random_walker import border_band

_TEMPLATES = 16
"""At most so many references are matched as templates; more cost time and change little."""
_BAND = 0.05
"""Half width of the undecided band around a matched border, relative to the structure's width."""
_LOCATION_PENALTIES = (0.0, 3.0)
"""Weights of the penalty on directions that encode where a pixel lies: embeddings that do need it,
others are hurt by it."""
_LEAST_IMAGES = 5
"""Images from which their mean map shows what encodes location, and not just these images."""


@dataclass(frozen=True)
class TemplateMatch:
    """Templates matched to the images.

    Attributes
    ----------
    evidence : list of Evidence
        Per target.
    location_penalty : float
        Weight of the penalty on directions that encode location.
    kl : float
        Shape KL in nats of the matched masks, their sizes included.
    """

    evidence: list[Evidence]
    location_penalty: float
    kl: float


class TemplateMatchingPosterior:
    """Posterior probabilities of compact targets by template matching, all targets jointly.

    Parameters
    ----------
    pixels : PixelSet
    references : Tensor of bool, shape (N, K, S, S)
    resolution : WorkingResolution
        For these K targets alone.
    starts, seed : int
        Of `register_shapes`.
    """

    def __init__(
        self,
        pixels: PixelSet,
        references: Tensor,
        resolution: WorkingResolution,
        starts: int,
        seed: int,
    ) -> None:
        self.pixels, self.references, self.resolution = pixels, references, resolution
        self.starts, self.seed = starts, seed
        size = resolution.pose_size
        self.templates = F.adaptive_avg_pool2d(references[:_TEMPLATES].float(), size) >= 0.5
        self.features, self.fields = pixels.coarse(size)
        self._on_first_image: Tensor | None = None

    def match(self) -> Run[TemplateMatch]:
        """Match whole templates, without and with a penalty on directions that encode location.

        Returns
        -------
        TemplateMatch
            The match whose masks have the lower shape KL.
        """
        prior_match = PriorMatch(self.references, self.resolution, at_one_size=False)
        fields = self.pixels.fields
        penalties = _LOCATION_PENALTIES if len(fields) >= _LEAST_IMAGES else (0.0,)
        matches = []
        for penalty in penalties:
            evidence = yield from self._match(penalty)
            probabilities = class_probabilities(evidence, fields)
            result = StageResult.from_probabilities("start", probabilities, fields, prior_match)
            matches.append(TemplateMatch(evidence, penalty, result.kl))
        return min(matches, key=lambda match: match.kl)

    def open_borders(self, match: TemplateMatch) -> Run[tuple[list[Evidence], list[Evidence]]]:
        """Leave borders undecided in a band as wide as templates may be wrong.

        Parameters
        ----------
        match : TemplateMatch
            From `match`.

        Returns
        -------
        tuple of two lists of Evidence
            Around the matched border; and around that of templates matched by their borders, too.
        """
        by_border = yield from self._match(match.location_penalty, by_border=True)
        around_one = [self._open(target, one) for target, one in enumerate(match.evidence)]
        pairs = zip(match.evidence, by_border, strict=True)
        around_both = [self._open(target, *pair) for target, pair in enumerate(pairs)]
        return around_one, around_both

    def first_image_probabilities(self) -> Tensor | None:
        """Templates matched to the first image so far, shape (K, s, s); None before the first."""
        return self._on_first_image

    def _keep_preview(self, event: Progress) -> Progress:
        if isinstance(event.payload, Tensor):
            self._on_first_image = event.payload
        return replace(event, payload=None)

    def _match(self, location_penalty: float, *, by_border: bool = False) -> Run[list[Evidence]]:
        registering = register_shapes(
            self.features,
            self.fields,
            self.templates,
            self.starts,
            self.seed,
            location_penalty,
            by_border=by_border,
        )
        registered = yield from relay(registering, self._keep_preview)
        size = self.pixels.size
        planes = F.interpolate(registered.masks.float(), size=(size, size), mode="bilinear")
        bands = [one.pixels(_BAND, size) for one in self.resolution.shape_statistics]
        return [
            Evidence(plane, certain_off_borders(plane > 0.5, plane > 0.5, band, band))
            for plane, band in zip(planes.unbind(1), bands, strict=True)
        ]

    def _open(self, target: int, *matches: Evidence) -> Evidence:
        """Leave undecided where matches differ, and a band around their borders."""
        inside = torch.stack([one.probability > 0.5 for one in matches])
        band = border_band(self.resolution.shape_statistics[target], self.pixels.size)
        certain = certain_off_borders(inside.all(dim=0), inside.any(dim=0), *band)
        return Evidence(matches[0].probability, certain)
