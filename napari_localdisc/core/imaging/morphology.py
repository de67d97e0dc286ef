"""Masks made wider or narrower, many at once and on their device."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def dilate(masks: Tensor, radius: int) -> Tensor:
    """Dilate float masks (N, K, H, W) by a square that reaches `radius` pixels each way."""
    return F.max_pool2d(masks, 2 * radius + 1, stride=1, padding=radius)


def erode(masks: Tensor, radius: int) -> Tensor:
    """Erode float masks (N, K, H, W) likewise; what lies beyond the canvas takes nothing away."""
    return -dilate(-masks, radius)


def certain_off_borders(inner: Tensor, outer: Tensor, within: int, around: int) -> Tensor:
    """Say where masks are certain that lie somewhere between two others.

    Parameters
    ----------
    inner, outer : Tensor of bool, shape (n, S, S)
        Which one contains the other; they may be the same.
    within, around : int
        Pixels along the border, inside of the inner and outside of the outer, that are not.
    """
    core = erode(inner[:, None].float(), within)
    return (core == dilate(outer[:, None].float(), around))[:, 0]
