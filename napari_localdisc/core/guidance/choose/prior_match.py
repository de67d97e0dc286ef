"""The match of masks and prior without labels: shape KL, and thresholds for the prior's area.

The masks of compact targets are compared at the references' mean size: size depends on the camera,
shape does not. Matched templates are the exception: their shapes are the references' own, and only
places and sizes differ between a good pose and a bad one.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from skimage.morphology import convex_hull_image
from torch import Tensor

from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.imaging.scaling import scale_about_centre
from napari_localdisc.core.losses.shape_kl import Moments, gaussian_kl, shape_descriptors
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics

_DRAWS = 8
"""At most so many samples of references are drawn for the KL of a few masks by chance."""
_ANY_SIZE = 1.5
"""Factor up to which the width of a compact structure may differ from the references'."""
_THRESHOLDS = [step / 200 for step in range(4, 197)]
"""Of curvilinear targets: 0.02 to 0.98."""
_ENOUGH = 20
"""Images whose areas are enough to fit a threshold."""


class PriorMatch:
    """The shape KL of predicted masks against the references of a prior.

    Parameters
    ----------
    references : Tensor of bool, shape (N, K, S, S)
    resolution : WorkingResolution
    at_one_size : bool
        Whether compact targets are compared at one size.
    """

    def __init__(
        self, references: Tensor, resolution: WorkingResolution, *, at_one_size: bool = True
    ) -> None:
        self.references, self.resolution, self.at_one_size = references, resolution, at_one_size
        self.areas = references.sum(dim=(2, 3)).float().mean(dim=0)
        self.moments = []
        for target, statistics in enumerate(resolution.shape_statistics):
            masks = references[:, target]
            fields = _hulls(masks) if statistics.local else torch.ones_like(masks)
            self.moments.append(self._moments(masks, fields, target))

    def _moments(self, masks: Tensor, fields: Tensor, target: int) -> Moments:
        local = self.resolution.shape_statistics[target].local
        side = self.resolution.size // 4 * 2 if local else self.resolution.pose_size
        if self.at_one_size and not local:
            masks = self._at_mean_size(masks, target)
        small = (F.adaptive_avg_pool2d(masks[:, None].float(), side)[:, 0] >= 0.5).float()
        weight = F.adaptive_avg_pool2d(fields[:, None].float(), side)[:, 0][:, ::2, ::2]
        descriptors = torch.cat([shape_descriptors(one[None]) for one in small])
        return Moments.of(descriptors.transpose(0, 1).flatten(1), weight.flatten())

    def _at_mean_size(self, masks: Tensor, target: int) -> Tensor:
        """Scale masks (n, S, S) to the references' mean area, as far as sizes may differ."""
        plain = masks.float()
        areas = plain.sum(dim=(1, 2)).clamp_min(1)
        factors = (self.areas[target] / areas).sqrt().clamp(1 / _ANY_SIZE, _ANY_SIZE)
        return scale_about_centre(plain[:, None], factors)[:, 0]

    def kl(self, labels: npt.NDArray[np.uint8], fields: Tensor) -> float:
        """Shape KL in nats, averaged over targets.

        Parameters
        ----------
        labels : ndarray of uint8, shape (n, S, S)
        fields : Tensor of bool, shape (n, S, S)
        """
        found = torch.from_numpy(labels).to(fields.device)
        kls = []
        for target, statistics in enumerate(self.resolution.shape_statistics):
            masks = found == target + 1
            inside = fields if statistics.local else torch.ones_like(fields)
            kls.append(
                float(gaussian_kl(self._moments(masks, inside, target), self.moments[target]))
            )
        return float(np.mean(kls))

    def chance_kl(self, count: int) -> float:
        """Highest shape KL in nats of so few of the references against all of them.

        A handful of masks has a poor covariance, and a high KL whatever it shows.

        Parameters
        ----------
        count : int
            Masks at a time; of more than half the references nothing is left to chance: 0.
        """
        if 2 * count > len(self.references):
            return 0.0
        draws = min(_DRAWS, len(self.references) // count)
        few = self.references[: draws * count].split(count)
        targets = torch.arange(1, few[0].shape[1] + 1, device=few[0].device)
        kls = []
        for masks in few:
            labels = (masks * targets[:, None, None]).amax(dim=1).byte().cpu().numpy()
            kls.append(self.kl(labels, _hulls(masks.any(dim=1))))
        return max(kls)

    def thresholds(self, probabilities: Tensor, fields: Tensor) -> tuple[float, ...]:
        """Thresholds of the probabilities at which tidy masks have the area of the prior.

        Curvilinear targets cover as much of the field of view as the references cover of their
        convex hulls; a compact target has any area, and its threshold is one half.

        Parameters
        ----------
        probabilities : Tensor, shape (n, K + 1, S, S)
            Class probabilities, zero outside the field of view.
        fields : Tensor of bool, shape (n, S, S)
        """
        some = slice(None, None, -(-len(probabilities) // _ENOUGH))
        inside = int(fields[some].sum())
        return tuple(
            _cut(probabilities[some, target].float().cpu().numpy(), inside, statistics)
            if statistics.curvilinear
            else 0.5
            for target, statistics in enumerate(self.resolution.shape_statistics, start=1)
        )


def _cut(planes: npt.NDArray[np.float32], inside: int, statistics: ShapeStatistics) -> float:
    """Lowest threshold at which masks of probabilities (n, S, S) have the references' density."""

    def area(threshold: float) -> int:
        return sum(int(statistics.tidy(one > threshold).sum()) for one in planes)

    wanted = statistics.density * inside
    found = bisect_left(_THRESHOLDS, -wanted, key=lambda threshold: -area(threshold))
    return _THRESHOLDS[min(found, len(_THRESHOLDS) - 1)]


def _hulls(masks: Tensor) -> Tensor:
    hulls = [
        convex_hull_image(mask) if mask.any() else np.ones_like(mask)
        for mask in masks.cpu().numpy()
    ]
    return torch.from_numpy(np.stack(hulls)).to(masks.device)
