"""The posterior of poses given per-pixel evidence: the E-step for targets with a known place.

A pose is a reference at a shift, size and angle. Its likelihood is that of two means, one inside
and one in a ring around, against a single mean: half the square of the t-statistic of the evidence.
Neighbouring pixels tell the same, so they count once a patch. The prior of the pose is Gaussian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from napari_localdisc.core.guidance.start.templates import rings_around
from napari_localdisc.core.imaging.similarity import from_frame
from napari_localdisc.core.priors.pose_prior import PosePrior, centroids, log_sizes

_SIZES = (0.8, 0.9, 1.0, 1.11, 1.25)
_ANGLES = (-0.2, 0.0, 0.2)
"""Sizes relative to the references' and angles in radians."""
_ANGLE_SPREAD = 0.25
"""Standard deviation of these angles in radians."""
_PATCH = 16.0
"""Pixels that tell the same."""
_KEPT, _LEAST = 60, 2e-3
"""Poses at most that a posterior mean is made of, and the least weight of one."""
_VISIBLE = 0.8
"""Share of a template that must lie in the field of view."""


@dataclass(frozen=True)
class PosedShapes:
    """Posterior means, of shape (n, K, S, S) in [0, 1].

    Attributes
    ----------
    masks, rings : Tensor
        Of the targets, and of their surroundings.
    """

    masks: Tensor
    rings: Tensor


class PosePosterior:
    """Posterior of poses over references at several sizes and angles.

    Parameters
    ----------
    references : Tensor of float, shape (N, K, S, S)
    prior : PosePrior
        Of the references.
    """

    def __init__(self, references: Tensor, prior: PosePrior) -> None:
        self.prior, self.side = prior, references.shape[-1]
        posed = list(_posed(references))
        self.masks = (torch.cat([masks for masks, _ in posed]) > 0.5).float()
        self.rings = rings_around(self.masks)
        angles = torch.cat([torch.full((len(masks),), angle) for masks, angle in posed])
        union = self.masks.amax(dim=1)
        self.centres = centroids(union)
        sizes = (log_sizes(union) - prior.log_size) / prior.log_size_spread
        by_angle = (angles.to(sizes) / _ANGLE_SPREAD).square()
        self.by_template = -0.5 * (sizes.square() + by_angle)
        self.spectra = self._spectrum(torch.cat([self.masks, self.rings], dim=1)).conj()
        self.areas = self.masks.sum(dim=(1, 2, 3))

    def _spectrum(self, x: Tensor) -> Tensor:
        spectrum: Tensor = torch.fft.rfft2(x, s=(2 * self.side, 2 * self.side))
        return spectrum

    def __call__(self, evidence: Tensor, fields: Tensor, shifts: Tensor) -> PosedShapes:
        """Posterior means given evidence.

        Parameters
        ----------
        evidence : Tensor, shape (n, K, S, S)
            High inside a target; its variance within classes is about 1.
        fields : Tensor of bool, shape (n, S, S)
        shifts : Tensor, shape (n, 2)
            Where the pose prior is centred in each image, from its own centre, in shares of the
            side.
        """
        means = [
            self._mean(self._log_posterior(*each))
            for each in zip(evidence, fields.float(), shifts, strict=True)
        ]
        masks, rings = (torch.stack(parts) for parts in zip(*means, strict=True))
        return PosedShapes(masks, rings)

    def _log_posterior(self, evidence: Tensor, field: Tensor, shift: Tensor) -> Tensor:
        """Unnormalised, over templates and shifts: (T, 2 S, 2 S)."""
        log_posterior: Tensor = self._log_prior(shift)
        targets = len(evidence)
        seen = self._spectrum(field)
        visible = torch.zeros_like(log_posterior)
        for target in range(targets):
            own = self._spectrum(evidence[target] * field)
            inside, around = self.spectra[:, target], self.spectra[:, targets + target]
            counts = [torch.fft.irfft2(seen * one).clamp_min(0.5) for one in (inside, around)]
            sums = [torch.fft.irfft2(own * one) for one in (inside, around)]
            difference = sums[0] / counts[0] - sums[1] / counts[1]
            t = difference / (1 / counts[0] + 1 / counts[1]).sqrt()
            log_posterior += t.clamp_min(0).square() / (2 * _PATCH)
            visible += counts[0]
        hidden = visible < _VISIBLE * self.areas[:, None, None]
        return log_posterior.masked_fill(hidden, -torch.inf)

    def _log_prior(self, shift: Tensor) -> Tensor:
        steps = torch.fft.fftfreq(2 * self.side, device=shift.device) * 2
        off = self.centres - self.prior.centre - shift
        scaled = [
            ((steps + off[:, axis, None]) / self.prior.centre_spread[axis]).square()
            for axis in (0, 1)
        ]
        by_place = -0.5 * (scaled[0][:, :, None] + scaled[1][:, None, :])
        log_prior: Tensor = by_place + self.by_template[:, None, None]
        return log_prior

    def _mean(self, log_posterior: Tensor) -> tuple[Tensor, Tensor]:
        """Mean masks and rings (K, S, S) of the most likely poses."""
        best, at = log_posterior.flatten().topk(_KEPT)
        weights = (best - best[0]).softmax(dim=0)
        masks, rings = torch.zeros_like(self.masks[0]), torch.zeros_like(self.rings[0])
        for weight, place in zip(weights.tolist(), at.tolist(), strict=True):
            if weight < _LEAST:
                continue
            template, rest = divmod(place, (2 * self.side) ** 2)
            rows, columns = divmod(rest, 2 * self.side)
            moved = (self._signed(rows), self._signed(columns))
            masks += weight * _shifted(self.masks[template], moved)
            rings += weight * _shifted(self.rings[template], moved)
        return masks, rings

    def _signed(self, shift: int) -> int:
        return shift - 2 * self.side if shift >= self.side else shift


def _posed(references: Tensor) -> Sequence[tuple[Tensor, float]]:
    """Pose references at every size and angle about their own centres; with the angle."""
    found = []
    centres = centroids(references.amax(dim=1))
    for size, angle in product(_SIZES, _ANGLES):
        pose = torch.tensor([[0.0, 0.0, 0.0, angle]], device=references.device)
        pose[0, 2] = torch.tensor(size).log()
        moved = [
            from_frame(one[None], pose, centre)
            for one, centre in zip(references, centres, strict=True)
        ]
        found.append((torch.cat(moved), angle))
    return found


def _shifted(planes: Tensor, shift: tuple[int, int]) -> Tensor:
    """Shift planes (K, S, S) by whole pixels, zero where nothing was."""
    side = planes.shape[-1]
    found = torch.zeros_like(planes)
    to, from_ = zip(*(_overlap(one, side) for one in shift), strict=True)
    found[:, to[0], to[1]] = planes[:, from_[0], from_[1]]
    return found


def _overlap(shift: int, side: int) -> tuple[slice, slice]:
    to = slice(max(0, shift), max(0, min(side, side + shift)))
    return to, slice(max(0, -shift), max(0, -shift) + to.stop - to.start)
