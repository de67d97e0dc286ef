"""Posterior of compact targets with a known place: alignment, then expectation-maximisation.

Groupwise alignment says where the structure lies in each image. From there, in turn, the linear
discriminant of the shapes against their surroundings is fitted (M-step) and the posterior of poses
given its scores is taken (E-step). Where shapes leave more than a rim, the random walker takes the
posterior as its prior and follows the edges of each image: patients are of other builds than the
references, and rounds of templates alone shrink.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.ndimage import binary_erosion, distance_transform_edt
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.guidance.expect.pose_posterior import PosePosterior
from napari_localdisc.core.guidance.expect.posterior import Evidence
from napari_localdisc.core.guidance.start.alignment import at_one_pose
from napari_localdisc.core.guidance.start.templates import rings_around
from napari_localdisc.core.imaging.scale_space import blur
from napari_localdisc.core.priors.pose_prior import PosePrior
from napari_localdisc.core.segmenter.linear_discriminant import discriminate
from napari_localdisc.core.segmenter.pixel_features import PixelSet
from napari_localdisc.core.segmenter.random_walker import random_walker_with_priors

Mask = npt.NDArray[np.bool_]
_TEMPLATES = 16
"""At most so many references; more cost time and change little."""
_SIDE = 64
"""Side in pixels of the maps that poses are found on."""
_ROUNDS = 2
_CLIP = 1.0
"""Standard deviations to which the evidence of a pixel is clipped."""
_SURE, _CORE = 0.9, 0.3
"""Probability of a sure pixel, and the share of sure ones from which shapes leave a core."""
_PRIOR_WEIGHT = 0.01
"""Pull of sure pixels on the random walker; a third or three times as much changes little."""


class PlacedPosterior:
    """Posterior probabilities of compact targets that have a place, all targets jointly.

    Parameters
    ----------
    pixels : PixelSet
        Of the window.
    references : Tensor of bool, shape (N, K, S, S)
        On the window.
    prior : PosePrior
        Of the references, in shares of the window.
    shifts : Tensor, shape (n, 2)
        Of each image, by groupwise alignment, in shares of the window.
    follow_edges : bool
        Whether the random walker follows the edges of each image.
    """

    def __init__(
        self,
        pixels: PixelSet,
        references: Tensor,
        prior: PosePrior,
        shifts: Tensor,
        *,
        follow_edges: bool = True,
    ) -> None:
        self.pixels, self.shifts, self.follow_edges = pixels, shifts, follow_edges
        shown = references.flatten(1).any(dim=1)
        some = references[shown][:_TEMPLATES].float()
        self.features, self.fields = pixels.coarse(_SIDE)
        self.templates = F.adaptive_avg_pool2d(some, _SIDE)
        self.poses = PosePosterior(self.templates, prior)
        self.residual = border_residual(self.templates, prior) * pixels.size
        self._first: Tensor | None = None

    def match(self, starting: Tensor) -> Run[list[Evidence]]:
        """Alternate M-steps and E-steps.

        Parameters
        ----------
        starting : Tensor, shape (n, K, S, S)
            Masks in [0, 1] to begin with, on the window.
        """
        masks, evidence = starting, starting
        for turn in range(_ROUNDS):
            posed = self._improve(masks)
            evidence = self._spread(posed)
            masks = yield from self._follow_edges(evidence, turn)
            self._first = masks[0]
        found = masks if self._core(evidence) else self._to_size(posed)
        everywhere = torch.ones_like(self.pixels.fields)
        return [Evidence(plane, everywhere) for plane in found.unbind(1)]

    def first_image_probabilities(self) -> Tensor | None:
        """Masks of the first image so far, shape (K, S, S); None before the first round."""
        return self._first

    def _improve(self, masks: Tensor) -> Tensor:
        """One M-step and one E-step."""
        solid = F.adaptive_avg_pool2d(masks, self.features.shape[-1]) > 0.5
        rings = rings_around(solid.float()) > 0.5
        found = discriminate(self.features, self.fields, solid, rings)
        scores = torch.einsum("ndhw,kd->nkhw", self.features, found.directions)
        scores = scores - found.offsets[:, None, None]
        spread = _spread_within(scores, solid, rings, self.fields)
        evidence = (scores / spread[:, None, None]).clamp(-_CLIP, _CLIP)
        return self.poses(evidence, self.fields, self.shifts)

    def _to_size(self, planes: Tensor) -> Tensor:
        side = self.pixels.size
        return F.interpolate(planes, size=(side, side), mode="bilinear")

    def _spread(self, masks: Tensor) -> Tensor:
        """Posterior means at full size, borders as uncertain as shapes of others predict them."""
        return blur(self._to_size(masks), self.residual)

    def _core(self, evidence: Tensor) -> bool:
        """Whether edges are followed: the uncertainty of borders leaves a core of the shapes."""
        sure, likely = (evidence > _SURE).sum(), (evidence > 0.5).sum()
        return self.follow_edges and bool(sure > _CORE * likely)

    def _follow_edges(self, evidence: Tensor, turn: int) -> Run[Tensor]:
        """Masks by the random walker; the posterior itself where it has no core."""
        if not self._core(evidence):
            yield Progress("trace", turn + 1, _ROUNDS)
            return evidence
        walked = []
        for index, planes in enumerate(evidence):
            image = self.pixels.normalised[index].cpu().double().numpy()
            priors = _with_background(planes).cpu().double().numpy()
            found = random_walker_with_priors(image, priors, _PRIOR_WEIGHT)
            walked.append(torch.from_numpy(found[1:]).to(planes))
            yield Progress("trace", turn * len(evidence) + index + 1, _ROUNDS * len(evidence))
        return torch.stack(walked)


def border_residual(references: Tensor, prior: PosePrior) -> float:
    """How far borders lie from those of the most similar other reference, in shares of the side.

    Parameters
    ----------
    references : Tensor of float, shape (N, K, S, S)
    prior : PosePrior
        Of the references. They are compared at one place and size; a single one has no other, and
        half of the spread of sizes takes its place.
    """
    if len(references) == 1:
        return prior.log_size_spread / 2 * float(torch.tensor(prior.log_size).exp()) / 2
    shapes = at_one_pose(references, prior).amax(dim=1) > 0.5
    flat = shapes.flatten(1).float()
    areas = flat.sum(dim=1)
    overlaps = 2 * (flat @ flat.T) / (areas[:, None] + areas).clamp_min(1)
    overlaps.fill_diagonal_(-1)
    planes = shapes.cpu().numpy()
    nearest = planes[overlaps.argmax(dim=1).cpu().numpy()]
    distances = [_border_distance(*pair) for pair in zip(planes, nearest, strict=True)]
    return float(np.mean(distances)) / references.shape[-1]


def _border_distance(mask: Mask, other: Mask) -> float:
    """Mean distance in pixels of a mask's border from that of another."""
    if not (mask.any() and other.any()):
        return 0.0
    border = mask & ~binary_erosion(mask)
    distance = distance_transform_edt(~other) - distance_transform_edt(other)
    return float(np.abs(distance[border]).mean())


def _spread_within(scores: Tensor, solid: Tensor, rings: Tensor, fields: Tensor) -> Tensor:
    """Compute the deviation (K,) of scores (n, K, S, S) within targets and surroundings."""
    spreads = []
    for target in range(scores.shape[1]):
        parts: Sequence[Tensor] = [
            scores[:, target][part[:, target] & fields] for part in (solid, rings)
        ]
        variances = [part.var() for part in parts if len(part) > 1]
        mean = torch.stack(variances).mean() if variances else scores.new_ones(())
        spreads.append(mean.sqrt().clamp_min(1e-6))
    return torch.stack(spreads)


def _with_background(planes: Tensor) -> Tensor:
    """Probabilities (K + 1, S, S) that sum to 1, 0 the background."""
    total = planes.sum(dim=0, keepdim=True).clamp_min(1)
    targets = planes / total
    return torch.cat([1 - targets.sum(dim=0, keepdim=True), targets])
