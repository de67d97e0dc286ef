"""Groupwise alignment: poses of a structure from what surrounds it in all images alike.

Every image begins with the structure where the references say that it lies. In turn, the mean of
the images' features in the frame of the structure is computed, and each image's pose is that at
which it looks most like the mean, under the pose prior (congealing: Learned-Miller, IEEE TPAMI 28,
2006). Nothing is drawn at random. The mean pose stays that of the references, so the group cannot
wander off to something else.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.imaging.correlation import padded_spectrum, signed_shifts
from napari_localdisc.core.imaging.similarity import from_frame, to_frame
from napari_localdisc.core.priors.pose_prior import PosePrior, centroids, log_sizes

_ROUNDS = 5
_SIZES = (0.7, 0.84, 1.0, 1.19, 1.41)
_ANGLES = (-0.3, -0.15, 0.0, 0.15, 0.3)
"""Sizes relative to the references' mean and angles in radians that are tried."""
_ANGLE_SPREAD = 0.2
"""Standard deviation of angles in radians: people are laid down upright, but not exactly."""
_CONTEXT = 1.5
"""Reach of the surroundings that are compared, in spreads of the structure's own pixels."""
_SHARPNESS = 200.0
"""Nats that a mean cosine of 1 is worth; half or three times as much changes little."""
_VISIBLE = 0.3
"""Least share of the surroundings that counts as seen."""


def align(features: Tensor, fields: Tensor, references: Tensor, prior: PosePrior) -> Run[Tensor]:
    """Find the pose of the structure in every image by groupwise alignment.

    Parameters
    ----------
    features : Tensor, shape (n, D, S, S)
        Whitened, of whole frames.
    fields : Tensor of bool, shape (n, S, S)
    references : Tensor of float, shape (N, K, S, S)
    prior : PosePrior
        Of the references.

    Yields
    ------
    Progress
        Per round, with the mean cosine.

    Returns
    -------
    Tensor, shape (n, 4)
        Poses, see `to_frame`.
    """
    group = _Group(features, fields, references, prior)
    poses = torch.zeros(len(features), 4, device=features.device)
    for turn in range(_ROUNDS):
        last, (poses, likeness) = poses, group.improve(poses)
        message, values = f"likeness {likeness:.2f}", {"likeness": likeness}
        yield Progress("align", turn + 1, _ROUNDS, message, values)
        if torch.equal(last, poses):
            break
    return poses


def at_one_pose(references: Tensor, prior: PosePrior) -> Tensor:
    """Move references (N, K, S, S) to the mean place and size."""
    union = references.amax(dim=1)
    poses = torch.zeros(len(references), 4, device=references.device)
    poses[:, :2] = centroids(union) - prior.centre
    poses[:, 2] = log_sizes(union) - prior.log_size
    return to_frame(references, poses, prior.centre)


class _Group:
    """The images' features, of unit length, and their spectra."""

    def __init__(
        self, features: Tensor, fields: Tensor, references: Tensor, prior: PosePrior
    ) -> None:
        self.prior, self.fields = prior, fields[:, None].float()
        length = features.norm(dim=1, keepdim=True)
        self.features = features / (length + 1e-3) * self.fields
        self.side = features.shape[-1]
        self.context = _context(references.amax(dim=1).mean(dim=0), prior)
        self.spectra = padded_spectrum(torch.cat([self.features, self.fields], dim=1))
        shifts = torch.fft.fftfreq(2 * self.side, device=features.device) * 2
        rows, columns = (-0.5 * (shifts / spread).square() for spread in prior.centre_spread)
        self.by_place = rows[:, None] + columns

    def improve(self, poses: Tensor) -> tuple[Tensor, float]:
        """Poses most like the mean at the given ones, and the mean cosine there."""
        template = torch.cat([self._mean(poses) * self.context, self.context[None]])
        best = torch.full((len(poses),), -torch.inf, device=poses.device)
        found = poses.clone()
        for size, angle in product(_SIZES, _ANGLES):
            score, place = self._match(template, size, angle)
            better = score > best
            best = torch.where(better, score, best)
            found[better] = self._pose(place, size, angle)[better]
        return found - found.mean(dim=0), float(best.mean()) / _SHARPNESS

    def _mean(self, poses: Tensor) -> Tensor:
        """Mean features (D, S, S) in the frame of the structure."""
        seen = torch.cat([self.features, self.fields], dim=1)
        total = to_frame(seen, poses, self.prior.centre).sum(dim=0)
        return total[:-1] / (total[-1] + 1)

    def _match(self, template: Tensor, size: float, angle: float) -> tuple[Tensor, Tensor]:
        """Log posterior (n,) of the best shift at a size and an angle, and that shift."""
        log_size = torch.tensor(size).log().item()
        pose = torch.tensor([[0.0, 0.0, log_size, angle]], device=template.device)
        turned = from_frame(template[None], pose, self.prior.centre)[0]
        spectra = padded_spectrum(turned).conj()
        alike = torch.fft.irfft2((self.spectra[:, :-1] * spectra[:-1]).sum(dim=1))
        seen = torch.fft.irfft2(self.spectra[:, -1] * spectra[-1])
        likeness = alike / seen.clamp_min(_VISIBLE * float(turned[-1].sum()))
        by_size = -0.5 * (log_size / self.prior.log_size_spread) ** 2
        by_angle = -0.5 * (angle / _ANGLE_SPREAD) ** 2
        score = _SHARPNESS * likeness + self.by_place + by_size + by_angle
        best, place = score.flatten(1).max(dim=1)
        return best, place

    def _pose(self, place: Tensor, size: float, angle: float) -> Tensor:
        shifts = signed_shifts(place, self.side) / self.side
        rest = torch.tensor([size, angle], device=place.device).expand(len(place), 2).clone()
        rest[:, 0] = rest[:, 0].log()
        return torch.cat([shifts, rest], dim=1)


def _context(mean: Tensor, prior: PosePrior) -> Tensor:
    """Gaussian weight (S, S) around the structure, as wide as its pixels are spread."""
    side = mean.shape[-1]
    line = (torch.arange(side, device=mean.device) + 0.5) / side
    rows, columns = ((line - centre).square() for centre in prior.centre)
    mass = mean.sum().clamp_min(1e-6)
    height = (mean.sum(dim=1) @ rows) / mass * _CONTEXT**2
    width = (mean.sum(dim=0) @ columns) / mass * _CONTEXT**2
    return torch.exp(-0.5 * (rows / height)[:, None]) * torch.exp(-0.5 * columns / width)
