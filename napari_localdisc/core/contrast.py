"""How well the border of masks shows in the images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.discriminant import discriminate
from napari_localdisc.core.features import PixelSet

_WIDTH = 2
"""Pixels of the bands on both sides of a border."""


def border_contrast(masks: Tensor, pixels: PixelSet) -> float:
    """Fisher ratio of what lies just inside the border of masks and what lies just outside.

    Parameters
    ----------
    masks : Tensor of bool, shape (n, K, S, S)
    pixels : PixelSet
        Of the same n images.

    Returns
    -------
    float
        Mean over the targets; 0 if one of them has no border.
    """
    plain = masks.float()
    inner = masks & (_widened(1 - plain) > 0.5)
    outer = ~masks & (_widened(plain) > 0.5)
    seen = pixels.fields[:, None]
    counts = [(band & seen).sum(dim=(0, 2, 3)) for band in (inner, outer)]
    if int(torch.cat(counts).min()) < 2:
        return 0.0
    return discriminate(pixels.features, pixels.fields, inner, outer).fisher


def _widened(masks: Tensor) -> Tensor:
    return F.max_pool2d(masks, 2 * _WIDTH + 1, 1, _WIDTH)
