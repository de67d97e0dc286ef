"""How large images are looked at, which follows from how wide the structures of a prior are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.priors import CANVAS
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.priors.shape_statistics import ShapeRules

_WIDTH = 14
"""Pixels across a compact structure at which its border is placed well enough."""
_LARGEST = 256
"""Side of the canvas for the smallest of compact structures: networks are trained on all of it."""
_POSE_WIDTH = 7
"""Pixels across a compact structure at which its pose is found fast enough."""


@dataclass(frozen=True)
class Plan:
    """Sizes for a prior.

    Attributes
    ----------
    size : int
        Side of the canvas for features, heads and refinement.
    pose_size : int
        Side of the canvas for the latent pose.
    rules : tuple of ShapeRules
        Per target.
    """

    size: int
    pose_size: int
    rules: tuple[ShapeRules, ...]

    @classmethod
    def of(cls, prior: Prior, card: EncoderCard, size: int | None = None) -> Plan:
        """Choose sizes: the encoder's working size for slender targets, less for compact ones."""
        rules = tuple(ShapeRules.of(prior, target) for target in range(len(prior.targets)))
        width = min(rule.width for rule in rules)
        compact = min((rule.width for rule in rules if not rule.slender), default=width)
        chosen = size or card.working_size
        if size is None and not any(rule.slender for rule in rules):
            chosen = _rounded(CANVAS * _WIDTH / compact, 128, min(_LARGEST, chosen))
        return cls(chosen, min(chosen, _rounded(CANVAS * _POSE_WIDTH / compact, 64, 128)), rules)

    @property
    def slender(self) -> tuple[int, ...]:
        """Numbers of the slender targets."""
        return tuple(index for index, rule in enumerate(self.rules) if rule.slender)

    @property
    def compact(self) -> tuple[int, ...]:
        """Numbers of the compact targets."""
        return tuple(index for index, rule in enumerate(self.rules) if not rule.slender)

    def only(self, targets: Sequence[int]) -> Plan:
        """Plan for some of the targets at the same sizes."""
        return replace(self, rules=tuple(self.rules[target] for target in targets))

    def references(self, prior: Prior, size: int | None = None) -> Tensor:
        """Scale the reference masks to bool, shape (N, K, size, size)."""
        side = size or self.size
        masks = torch.from_numpy(prior.masks).float()
        if side != masks.shape[-1]:
            masks = F.interpolate(masks, size=(side, side), mode="bilinear", antialias=True)
        return masks >= 0.5


def _rounded(value: float, low: int, high: int) -> int:
    return int(min(high, max(low, round(value / 16) * 16)))
