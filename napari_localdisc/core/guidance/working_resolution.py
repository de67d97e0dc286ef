"""The working resolution of a prior, which follows from the width of its structures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.priors import CANVAS
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics

_WIDTH = 14
"""Pixels across a compact structure at which its border is placed well enough."""
_LARGEST = 256
"""Side of the canvas for the smallest of compact structures: networks are trained on all of it."""
_LARGEST_PLACED = 160
"""The same for structures with a place: half the time; clavicles alone lose by it (0.05)."""
_POSE_WIDTH = 7
"""Pixels across a compact structure at which its pose is found fast enough."""


@dataclass(frozen=True)
class WorkingResolution:
    """Sides of the canvases that a prior is guided on.

    Attributes
    ----------
    size : int
        Side of the canvas for features and the network.
    pose_size : int
        Side of the canvas for the latent pose.
    shape_statistics : tuple of ShapeStatistics
        Per target.
    """

    size: int
    pose_size: int
    shape_statistics: tuple[ShapeStatistics, ...]

    @classmethod
    def of(
        cls, prior: Prior, card: EncoderCard, size: int | None = None, *, placed: bool = False
    ) -> WorkingResolution:
        """Choose sizes: the encoder's working size for curvilinear targets, less for others."""
        shape_statistics = tuple(
            ShapeStatistics.of(prior, target) for target in range(len(prior.targets))
        )
        width = min(statistics.width for statistics in shape_statistics)
        compact = min(
            (statistics.width for statistics in shape_statistics if not statistics.curvilinear),
            default=width,
        )
        chosen = -(-(size or card.working_size) // card.stride) * card.stride
        if size is None and not any(statistics.curvilinear for statistics in shape_statistics):
            largest = _LARGEST_PLACED if placed else _LARGEST
            chosen = _rounded(CANVAS * _WIDTH / compact, 128, min(largest, chosen))
        return cls(
            chosen, min(chosen, _rounded(CANVAS * _POSE_WIDTH / compact, 64, 128)), shape_statistics
        )

    @property
    def curvilinear(self) -> tuple[int, ...]:
        """Numbers of the curvilinear targets."""
        return tuple(
            index
            for index, statistics in enumerate(self.shape_statistics)
            if statistics.curvilinear
        )

    @property
    def scattered(self) -> tuple[int, ...]:
        """Numbers of the scattered targets."""
        return tuple(
            index
            for index, statistics in enumerate(self.shape_statistics)
            if statistics.scattered and not statistics.curvilinear
        )

    @property
    def compact(self) -> tuple[int, ...]:
        """Numbers of the compact targets."""
        return tuple(
            index for index, statistics in enumerate(self.shape_statistics) if not statistics.local
        )

    def only(self, targets: Sequence[int]) -> WorkingResolution:
        """Restrict to some of the targets, at the same sizes."""
        return replace(
            self, shape_statistics=tuple(self.shape_statistics[target] for target in targets)
        )

    def references(self, prior: Prior, size: int | None = None) -> Tensor:
        """Scale the reference masks to bool, shape (N, K, size, size)."""
        side = size or self.size
        masks = torch.from_numpy(prior.masks).float()
        if side != masks.shape[-1]:
            masks = F.interpolate(masks, size=(side, side), mode="bilinear", antialias=True)
        return masks >= 0.5


def _rounded(value: float, low: int, high: int) -> int:
    return int(min(high, max(low, round(value / 16) * 16)))
