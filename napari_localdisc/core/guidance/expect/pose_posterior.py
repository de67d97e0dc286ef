"""The posterior of poses given per-pixel evidence: the E-step for targets with a known place.

A pose is a reference at a shift and a size. Its likelihood is that of two means, one inside and one
in a ring around, against a single mean: half the square of the t-statistic of the evidence.
Neighbouring pixels tell the same, so they count once a patch. The prior of the pose is Gaussian.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from napari_localdisc.core.guidance.start.templates import rings_around
from napari_localdisc.core.imaging.correlation import padded_spectrum, shifted, signed_shifts
from napari_localdisc.core.imaging.similarity import from_frame
from napari_localdisc.core.priors.pose_prior import PosePrior, centroids, log_sizes

_SIZES = (0.8, 0.9, 1.0, 1.11, 1.25)
"""Sizes relative to the references'."""
_PATCH = 16.0
"""Pixels that tell the same."""
_KEPT, _LEAST = 60, 2e-3
"""Poses at most that a posterior mean is made of, and the least weight of one."""
_VISIBLE = 0.8
"""Share of a template that must lie in the field of view."""


class PosePosterior:
    """Posterior of poses over references at several sizes.

    Parameters
    ----------
    references : Tensor of float, shape (N, K, S, S)
    prior : PosePrior
        Of the references.
    """

    def __init__(self, references: Tensor, prior: PosePrior) -> None:
        self.prior, self.side = prior, references.shape[-1]
        self.masks = (_scaled(references) > 0.5).float()
        union = self.masks.amax(dim=1)
        self.centres = centroids(union)
        sizes = (log_sizes(union) - prior.log_size) / prior.log_size_spread
        self.by_template = -0.5 * sizes.square()
        self.spectra = padded_spectrum(
            torch.cat([self.masks, rings_around(self.masks)], dim=1)
        ).conj()
        self.areas = self.masks.sum(dim=(1, 2, 3))

    def __call__(self, evidence: Tensor, fields: Tensor, shifts: Tensor) -> Tensor:
        """Posterior mean of the masks given evidence: (n, K, S, S) in [0, 1].

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
        return torch.stack(means)

    def _log_posterior(self, evidence: Tensor, field: Tensor, shift: Tensor) -> Tensor:
        """Unnormalised, over templates and shifts: (T, 2 S, 2 S)."""
        log_posterior: Tensor = self._log_prior(shift)
        targets = len(evidence)
        seen = padded_spectrum(field)
        visible = torch.zeros_like(log_posterior)
        for target in range(targets):
            own = padded_spectrum(evidence[target] * field)
            inside, around = self.spectra[:, target], self.spectra[:, targets + target]
            counts = [torch.fft.irfft2(seen * one).clamp_min(0.5) for one in (inside, around)]
            sums = [torch.fft.irfft2(own * one) for one in (inside, around)]
            difference = sums[0] / counts[0] - sums[1] / counts[1]
            t = difference / (1 / counts[0] + 1 / counts[1]).sqrt()
            log_posterior += t.clamp_min(0).square() / (2 * _PATCH)
            visible += counts[0]
        hidden = visible < _VISIBLE * self.areas[:, None, None]
        return log_posterior if hidden.all() else log_posterior.masked_fill(hidden, -torch.inf)

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

    def _mean(self, log_posterior: Tensor) -> Tensor:
        """Mean masks (K, S, S) of the most likely poses."""
        best, at = log_posterior.flatten().topk(_KEPT)
        weights = (best - best[0]).softmax(dim=0)
        templates, places = at // (2 * self.side) ** 2, at % (2 * self.side) ** 2
        shifts = signed_shifts(places, self.side).tolist()
        mean = torch.zeros_like(self.masks[0])
        for weight, template, shift in zip(weights, templates, shifts, strict=True):
            if weight >= _LEAST:
                mean += weight * shifted(self.masks[template], *shift)
        return mean


def _scaled(references: Tensor) -> Tensor:
    """Scale references (N, K, S, S) to every size about their own centres: (5 N, K, S, S)."""
    centres = centroids(references.amax(dim=1))
    found = []
    for size in _SIZES:
        pose = torch.tensor([[0.0, 0.0, math.log(size), 0.0]], device=references.device)
        found += [
            from_frame(one[None], pose, centre)
            for one, centre in zip(references, centres, strict=True)
        ]
    return torch.cat(found)
