"""Latent pose: the start for compact targets.

Each image is taken to hold one copy of a reference at an unknown place and scale. In turn, the pose of highest
likelihood is found for every image (E-step), and the direction in feature space that best separates
the posed shape from its surroundings is refitted (M-step). The run with the highest Fisher ratio wins;
no label is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.progress import Progress, Run

_SCALES = (0.9, 1.0, 1.1)
_ROUNDS = 5
_TRIAL_ROUNDS = 4
_TRIAL_IMAGES = 12
_CLIP = 2.0
_VISIBLE = 0.9
_BATCH = 8


@dataclass(frozen=True)
class Posed:
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


class Templates:
    """References at several scales, with rings around them, and their spectra.

    Parameters
    ----------
    references : Tensor, shape (N, K, S, S)
        Binary masks at the resolution of the search.
    """

    def __init__(self, references: Tensor) -> None:
        self.size = references.shape[-1]
        scaled = [_rescale(references.float(), scale) for scale in _SCALES]
        self.masks = torch.cat(scaled)
        present = self.masks.sum(dim=(2, 3)).clamp_min(1.0)
        radius = max(2, round(float((present.mean() / torch.pi).sqrt()) / 2))
        wide = F.max_pool2d(self.masks.round(), 2 * radius + 1, 1, radius)
        others = self.masks.round().amax(dim=1, keepdim=True)
        self.rings = (wide - others).clamp_min(0)
        self.share = float(present.mean() / self.size**2)
        self.spectra = self._spectrum(self.masks - self.rings)
        whole = self.masks.amax(dim=1)
        self.whole = self._spectrum(whole)
        self.areas = whole.sum(dim=(1, 2)).clamp_min(1.0)
        self.allowed = self._allowed(references.float())

    def _spectrum(self, x: Tensor) -> Tensor:
        return torch.fft.rfft2(x, s=(2 * self.size, 2 * self.size))

    def _allowed(self, references: Tensor) -> Tensor:
        """Shifts that keep to the references' own spread of places, with some room."""
        line = torch.arange(self.size, device=references.device) / self.size
        whole = references.amax(dim=1)
        mass = whole.sum(dim=(1, 2)).clamp_min(1.0)
        rows = (whole.sum(dim=2) * line).sum(dim=1) / mass
        columns = (whole.sum(dim=1) * line).sum(dim=1) / mass
        shift = torch.fft.fftfreq(2 * self.size, device=references.device).abs() * 2
        reach = [3 * place.std(unbiased=False) + 0.1 for place in (rows, columns)]
        return (shift <= reach[0])[:, None] & (shift <= reach[1])[None, :]

    def possible(self, fields: Tensor) -> list[Tensor]:
        """Per batch of templates, which shifts keep them in sight: bool (n, T, 2 S, 2 S)."""
        field = self._spectrum(fields.float())
        found = []
        for first in range(0, len(self.masks), _BATCH):
            part = slice(first, first + _BATCH)
            inside = torch.fft.irfft2(field[:, None] * self.whole[part].conj()[None])
            visible = inside / self.areas[part][None, :, None, None] >= _VISIBLE
            found.append(visible & self.allowed)
        return found

    def best(self, evidence: Tensor, possible: list[Tensor]) -> Tensor:
        """Most likely template and shift per image.

        Parameters
        ----------
        evidence : Tensor, shape (n, K, S, S)
            Log-likelihood ratio of inside against outside, per pixel.
        possible : list of Tensor
            From `possible`.

        Returns
        -------
        Tensor of int64, shape (n, 3)
            Template, row shift and column shift.
        """
        seen = self._spectrum(evidence)
        score = torch.full((len(evidence),), -torch.inf, device=evidence.device)
        choice = torch.zeros(len(evidence), 3, dtype=torch.int64, device=evidence.device)
        for batch, allowed in enumerate(possible):
            first = batch * _BATCH
            spectra = self.spectra[first : first + _BATCH].conj()
            likely = torch.fft.irfft2(torch.einsum("nkij,tkij->ntij", seen, spectra))
            value, place = likely.masked_fill(~allowed, -torch.inf).flatten(1).max(dim=1)
            better = value > score
            score = torch.where(better, value, score)
            choice[better] = self._decode(place, first)[better]
        return choice

    def _decode(self, place: Tensor, first: int) -> Tensor:
        side = 2 * self.size
        template, rest = place // side**2 + first, place % side**2
        shifts = torch.stack([rest // side, rest % side], dim=1)
        shifts = torch.where(shifts >= self.size, shifts - side, shifts)
        return torch.cat([template[:, None], shifts], dim=1)

    def pose(self, choice: Tensor) -> tuple[Tensor, Tensor]:
        """Masks and rings (n, K, S, S), bool, of chosen templates at chosen shifts."""
        posed = []
        for source in (self.masks, self.rings):
            padded = F.pad(source.round(), (self.size,) * 4)
            rows = [
                padded[t, :, self.size - r : 2 * self.size - r, self.size - c : 2 * self.size - c]
                for t, r, c in choice.tolist()
            ]
            posed.append(torch.stack(rows) > 0.5)
        return posed[0], posed[1]


def latent_pose(
    features: Tensor, fields: Tensor, references: Tensor, starts: int, seed: int
) -> Run[Posed]:
    """Pose the references on every image.

    Several random directions are followed for a few rounds on a few images; the one with the
    highest Fisher ratio goes on with all images.

    Parameters
    ----------
    features : Tensor, shape (n, D, S, S)
        Whitened features at low resolution, zero outside the field of view.
    fields : Tensor of bool, shape (n, S, S)
    references : Tensor, shape (N, K, S, S)
    starts : int
        Random directions to start from.
    seed : int

    Yields
    ------
    Progress
        Per round, with the Fisher ratio.
    """
    templates = Templates(references)
    generator = torch.Generator().manual_seed(seed)
    shape = (references.shape[1], features.shape[1])
    total = starts * _TRIAL_ROUNDS + _ROUNDS
    trials: list[_Fit] = []
    few = _Problem(features[:_TRIAL_IMAGES], fields[:_TRIAL_IMAGES], templates)
    for start in range(starts):
        fit = _Fit(torch.randn(shape, generator=generator).to(features.device))
        for turn in range(_TRIAL_ROUNDS):
            fit = few.improve(fit)
            yield _progress(fit, start * _TRIAL_ROUNDS + turn + 1, total)
        trials.append(fit)
    best = max(trials, key=lambda trial: trial.fisher)
    every = _Problem(features, fields, templates)
    for turn in range(_ROUNDS):
        last, best = best.masks, every.improve(best)
        yield _progress(best, starts * _TRIAL_ROUNDS + turn + 1, total)
        if last is not None and best.masks is not None and torch.equal(last, best.masks):
            break
    return Posed(every.posed(best), best.directions, best.fisher)


@dataclass(frozen=True)
class _Fit:
    directions: Tensor
    offsets: Tensor | None = None
    fisher: float = 0.0
    masks: Tensor | None = None


class _Problem:
    """Images and templates, between which a fit is improved."""

    def __init__(self, features: Tensor, fields: Tensor, templates: Templates) -> None:
        self.features, self.fields, self.templates = features, fields, templates
        self.possible = templates.possible(fields)

    def _pose(self, fit: _Fit) -> tuple[Tensor, Tensor]:
        share = self.templates.share
        evidence = _evidence(self.features, self.fields, fit.directions, fit.offsets, share)
        return self.templates.pose(self.templates.best(evidence, self.possible))

    def improve(self, fit: _Fit) -> _Fit:
        """One E-step and one M-step."""
        masks, rings = self._pose(fit)
        directions, offsets, fisher = _discriminate(self.features, self.fields, masks, rings)
        return _Fit(directions, offsets, fisher, masks)

    def posed(self, fit: _Fit) -> Tensor:
        """Masks of the last E-step."""
        return self._pose(fit)[0]


def _progress(fit: _Fit, done: int, total: int) -> Progress:
    message = f"Fisher ratio {fit.fisher:.2f}"
    return Progress("search", done, total, message, {"fisher": fit.fisher})


def _evidence(
    features: Tensor, fields: Tensor, directions: Tensor, offsets: Tensor | None, share: float
) -> Tensor:
    scores = torch.einsum("ndhw,kd->nkhw", features, directions)
    inside = scores.transpose(0, 1)[:, fields]
    if offsets is None:
        rank = max(1, round((1 - share) * inside.shape[1]))
        offsets = inside.kthvalue(rank, dim=1).values
    spread = inside.std(dim=1)
    scaled = (scores - offsets[:, None, None]) / spread[:, None, None]
    return scaled.clamp(-_CLIP, _CLIP) * fields[:, None]


def _discriminate(
    features: Tensor, fields: Tensor, masks: Tensor, rings: Tensor
) -> tuple[Tensor, Tensor, float]:
    """Linear discriminant of inside against around, per target."""
    points = features.permute(0, 2, 3, 1)
    directions, offsets, ratios = [], [], []
    for target in range(masks.shape[1]):
        inside = points[masks[:, target] & fields]
        around = points[rings[:, target] & fields]
        within = (torch.cov(inside.T) + torch.cov(around.T)) / 2
        ridge = 0.05 * within.diagonal().mean() * torch.eye(len(within), device=within.device)
        direction = torch.linalg.solve(within + ridge, inside.mean(dim=0) - around.mean(dim=0))
        a, b = inside @ direction, around @ direction
        directions.append(direction)
        offsets.append((a.mean() + b.mean()) / 2)
        ratios.append(float((a.mean() - b.mean()).square() / (a.var() + b.var()).clamp_min(1e-9)))
    return torch.stack(directions), torch.stack(offsets), sum(ratios) / len(ratios)


def _rescale(masks: Tensor, scale: float) -> Tensor:
    """Scale masks (N, K, S, S) about the centre of mass of each reference."""
    size = masks.shape[-1]
    whole = masks.amax(dim=1)
    line = torch.linspace(-1, 1, size, device=masks.device)
    mass = whole.sum(dim=(1, 2)).clamp_min(1e-6)
    centre = (
        torch.stack(
            [(whole.sum(dim=1) * line).sum(dim=1), (whole.sum(dim=2) * line).sum(dim=1)], dim=1
        )
        / mass[:, None]
    )
    theta = torch.zeros(len(masks), 2, 3, device=masks.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
    theta[:, :, 2] = centre * (1 - 1 / scale)
    grid = F.affine_grid(theta, list(masks.shape), align_corners=True)
    return F.grid_sample(masks, grid, align_corners=True)
