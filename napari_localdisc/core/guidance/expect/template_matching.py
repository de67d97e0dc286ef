"""The E-step of guidance for compact targets: references posed on the images.

Whole shapes against a wide surrounding are easily posed too large, borders against a narrow band
too small, and patients are of other builds than references. So a posed border is left open, and
may be left open further where both ways of posing disagree; `walking` closes it.
"""

from __future__ import annotations

from dataclasses import replace

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

_POSED = 16
"""At most so many references are tried as shapes; more cost time and change little."""
_BAND = 0.05
"""Half width of the undecided band around a posed border, relative to the structure's width."""
_PLACES = (0.0, 3.0)
"""How much a pose is kept from telling places: embeddings that know where a pixel lies need it,
others are hurt by it."""
_SEVERAL = 5
"""Images from which their mean map tells places, and not just what these images show."""


class TemplateMatchingPosterior:
    """Evidence for compact targets, posed jointly.

    Parameters
    ----------
    pixels : PixelSet
    references : Tensor of bool, shape (N, K, S, S)
    resolution : WorkingResolution
        For these K targets alone.
    starts, seed : int
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
        self.starts, self.seed, self.place = starts, seed, 0.0
        self._posed_first: Tensor | None = None
        self.small = F.adaptive_avg_pool2d(references[:_POSED].float(), resolution.pose_size) >= 0.5
        self.features, self.fields = pixels.coarse(resolution.pose_size)

    def start(self) -> Run[list[Evidence]]:
        """Pose whole shapes, kept from telling places and not.

        The masks that look more like the prior, as they are, are believed.
        """
        prior_match = PriorMatch(self.references, self.resolution, at_one_size=False)
        fields = self.pixels.fields
        kls: dict[float, float] = {}
        found: dict[float, list[Evidence]] = {}
        for place in _PLACES if len(fields) >= _SEVERAL else (0.0,):
            found[place] = yield from self._posed(place)
            result = StageResult.from_probabilities(
                "start", class_probabilities(found[place], fields), fields, prior_match
            )
            kls[place] = result.kl
        self.place = min(kls, key=lambda place: kls[place])
        return found[self.place]

    def open_borders(self, whole: list[Evidence]) -> Run[tuple[list[Evidence], list[Evidence]]]:
        """Leave borders open as far as they may lie in truth.

        Parameters
        ----------
        whole : list of Evidence
            From `start`.

        Returns
        -------
        tuple of two lists of Evidence
            Around the posed border; and around what shapes posed by their borders say, too.
        """
        near = yield from self._posed(self.place, by_border=True)
        wide = [self._open(target, one) for target, one in enumerate(whole)]
        both = [
            self._open(target, *pair) for target, pair in enumerate(zip(whole, near, strict=True))
        ]
        return wide, both

    def first_image_probabilities(self) -> Tensor | None:
        """Return what is posed on the first image at the moment, shape (K, s, s)."""
        return self._posed_first

    def _noted(self, event: Progress) -> Progress:
        if isinstance(event.payload, Tensor):
            self._posed_first = event.payload
        return replace(event, payload=None)

    def _posed(self, place: float, *, by_border: bool = False) -> Run[list[Evidence]]:
        seen, tried = (self.features, self.fields), (self.starts, self.seed)
        posing = register_shapes(*seen, self.small, *tried, place, by_border=by_border)
        posed = yield from relay(posing, self._noted)
        side = (self.pixels.size, self.pixels.size)
        share = F.interpolate(posed.masks.float(), size=side, mode="bilinear")
        bands = [
            statistics.pixels(_BAND, self.pixels.size)
            for statistics in self.resolution.shape_statistics
        ]
        return [
            Evidence(one, certain_off_borders(one > 0.5, one > 0.5, band, band))
            for one, band in zip(share.unbind(1), bands, strict=True)
        ]

    def _open(self, target: int, *posed: Evidence) -> Evidence:
        """Leave undecided what several ways of posing say otherwise, and what is near."""
        inside = torch.stack([one.probability > 0.5 for one in posed])
        left = border_band(self.resolution.shape_statistics[target], self.pixels.size)
        certain = certain_off_borders(inside.all(dim=0), inside.any(dim=0), *left)
        return Evidence(posed[0].probability, certain)
