"""Latent pose: the start for compact targets.

Each image is taken to hold one copy of a reference at an unknown place and scale. In turn, the pose
of highest likelihood is found for every image (E-step), and the direction in feature space that
best separates the posed shape from its surroundings is refitted (M-step). The run with the highest
Fisher ratio wins; no label is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.guidance.start.templates import STRETCHED, Templates
from napari_localdisc.core.segmenter.linear_discriminant import discriminate

_ROUNDS = 5
_TRIAL_ROUNDS = 4
_TRIAL_IMAGES = 12
_BUILDS = 6
"""At most so many references are stretched; more cost time and change little."""
_CLIP = 2.0


@dataclass(frozen=True)
class Registration:
    """References posed on images.

    Attributes
    ----------
    masks : Tensor of bool, shape (n, K, S, S)
    directions : Tensor, shape (K, D)
    fisher : float
        Mean over targets of the squared distance between the means inside and around, over the
        sum of the variances.
    """

    masks: Tensor
    directions: Tensor
    fisher: float


def register_shapes(
    features: Tensor,
    fields: Tensor,
    references: Tensor,
    starts: int,
    seed: int,
    place: float = 0.0,
    *,
    by_border: bool = False,
) -> Run[Registration]:
    """Pose the references on every image.

    Several starts are followed for a few rounds on a few images: the references where they are,
    then random directions. The one with the highest Fisher ratio goes on with all images, and
    there heights and widths are free as well: patients are of other builds than the references.

    Parameters
    ----------
    features : Tensor, shape (n, D, S, S)
        Whitened features at low resolution, zero outside the field of view.
    fields : Tensor of bool, shape (n, S, S)
    references : Tensor, shape (N, K, S, S)
        Binary masks.
    starts : int
        How many.
    seed : int
    place : float
        How much directions are kept from telling places, the same in all images, rather than what
        is there: the weight of the covariance of the images' mean map, beside that within classes.
    by_border : bool
        Whether only what lies along a border tells a pose, see `Templates`.

    Yields
    ------
    Progress
        Per round, with the Fisher ratio; the payload is what the best start that was followed to
        its end poses on the first image, shape (K, S, S), or None before there is one.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (references.shape[1], features.shape[1])
    total = starts * _TRIAL_ROUNDS + _ROUNDS
    trials: list[_Fit] = []
    even = Templates(references, by_border=by_border)
    few = _Problem(features[:_TRIAL_IMAGES], fields[:_TRIAL_IMAGES], even, place)
    for start in range(starts):
        drawn = torch.randn(shape, generator=generator).to(features.device)
        fit = _Fit(drawn) if start else few.in_place()
        for turn in range(_TRIAL_ROUNDS):
            fit = few.improve(fit)
            shown = max(trials, key=_fisher, default=_Fit(drawn)).masks
            yield _progress(fit, start * _TRIAL_ROUNDS + turn + 1, total, shown)
        trials.append(fit)
    best = max(trials, key=_fisher)
    stretched = Templates(references[:_BUILDS], STRETCHED, by_border=by_border)
    every = _Problem(features, fields, stretched, place)
    for turn in range(_ROUNDS):
        last, best = best.masks, every.improve(best)
        yield _progress(best, starts * _TRIAL_ROUNDS + turn + 1, total, best.masks)
        if last is not None and best.masks is not None and torch.equal(last, best.masks):
            break
    return Registration(every.posed(best), best.directions, best.fisher)


@dataclass(frozen=True)
class _Fit:
    directions: Tensor
    offsets: Tensor | None = None
    fisher: float = 0.0
    masks: Tensor | None = None


class _Problem:
    """Images and templates, between which a fit is improved."""

    def __init__(
        self, features: Tensor, fields: Tensor, templates: Templates, place: float
    ) -> None:
        self.features, self.fields, self.templates = features, fields, templates
        self.valid_shifts = templates.valid_shifts(fields)
        self.penalty = place * _places(features, fields)

    def _pose(self, fit: _Fit) -> tuple[Tensor, Tensor]:
        share = self.templates.share
        evidence = _evidence(self.features, self.fields, fit.directions, fit.offsets, share)
        return self.templates.pose(self.templates.best_match(evidence, self.valid_shifts))

    def improve(self, fit: _Fit) -> _Fit:
        """One E-step and one M-step."""
        return self._refit(*self._pose(fit))

    def _refit(self, masks: Tensor, rings: Tensor) -> _Fit:
        found = discriminate(self.features, self.fields, masks, rings, self.penalty)
        return _Fit(found.directions, found.offsets, found.fisher, masks)

    def in_place(self) -> _Fit:
        """Fit to the references where they are: image by image the next one."""
        return self._refit(*self.templates.pose(self.templates.in_place(len(self.features))))

    def posed(self, fit: _Fit) -> Tensor:
        """Masks of the last E-step."""
        return self._pose(fit)[0]


def _fisher(fit: _Fit) -> float:
    return fit.fisher


def _progress(fit: _Fit, done: int, total: int, shown: Tensor | None) -> Progress:
    message = f"Fisher ratio {fit.fisher:.2f}"
    payload = None if shown is None else shown[0]
    return Progress("search", done, total, message, {"fisher": fit.fisher}, payload)


def _evidence(
    features: Tensor, fields: Tensor, directions: Tensor, offsets: Tensor | None, share: float
) -> Tensor:
    scores = torch.einsum("ndhw,kd->nkhw", features, directions)
    inside = scores.transpose(0, 1)[:, fields]
    if offsets is None:
        rank = max(1, round((1 - share) * inside.shape[1]))
        offsets = inside.kthvalue(rank, dim=1).values
    spread = inside.std(dim=1).clamp_min(1e-9)
    scaled = (scores - offsets[:, None, None]) / spread[:, None, None]
    return scaled.clamp(-_CLIP, _CLIP) * fields[:, None]


def _places(features: Tensor, fields: Tensor) -> Tensor:
    """Covariance (D, D) over places of the features' mean over images."""
    seen = fields.sum(dim=0)
    mean = features.sum(dim=0) / seen.clamp_min(1)
    return torch.cov(mean[:, seen > len(fields) / 2])
