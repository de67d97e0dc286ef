"""How well the border of masks shows in the images."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_localdisc.core.imaging.morphology import dilate, erode
from napari_localdisc.core.segmenter.linear_discriminant import discriminate
from napari_localdisc.core.segmenter.pixel_features import PixelSet

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
    inner = masks & (erode(plain, _WIDTH) < 0.5)
    outer = ~masks & (dilate(plain, _WIDTH) > 0.5)
    seen = pixels.fields[:, None]
    counts = [(band & seen).sum(dim=(0, 2, 3)) for band in (inner, outer)]
    if int(torch.cat(counts).min()) < 2:
        return 0.0
    return discriminate(pixels.features, pixels.fields, inner, outer).fisher


def label_contrast(labels: Tensor, targets: int, pixels: PixelSet) -> float:
    """Do the same for labels (n, S, S), -1 or 0 where there is none of the targets."""
    numbers = torch.arange(1, targets + 1, device=labels.device)
    return border_contrast(labels[:, None] == numbers[:, None, None], pixels)
