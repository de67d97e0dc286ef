"""Masks made wider or narrower, many at once and on their device."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def widened(masks: Tensor, radius: int) -> Tensor:
    """Dilate float masks (N, K, H, W) by a square that reaches `radius` pixels each way."""
    return F.max_pool2d(masks, 2 * radius + 1, stride=1, padding=radius)


def narrowed(masks: Tensor, radius: int) -> Tensor:
    """Erode float masks (N, K, H, W) likewise; what lies beyond the canvas takes nothing away."""
    return -widened(-masks, radius)
