"""How a curvilinear target differs from its surroundings, by how wide it is."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from napari_localdisc.core.imaging.morphology import dilate
from napari_localdisc.core.imaging.scale_space import blur

_HALF_WIDTHS = (1.2, 2.2, 3.2)
"""Local half-widths in pixels at which contrast is measured anew."""
_BESIDE = 2
"""Pixels from the border at which a pixel still knows the width of the structure."""
_AROUND = 6.0
"""Width in pixels of the surroundings that contrast is measured against."""
_ENOUGH = 50
"""Pixels without which contrast is that of the next width."""


def width_levels(masks: Tensor) -> Tensor:
    """Level of local half-width, 0 to 3, of each pixel of masks (n, S, S)."""
    depths = np.stack([distance_transform_edt(one) for one in masks.cpu().numpy()])
    planes = torch.from_numpy(depths.astype(np.float32)).to(masks.device)
    half_widths = dilate(planes[:, None], _BESIDE)[:, 0]
    return torch.bucketize(half_widths, torch.tensor(_HALF_WIDTHS, device=masks.device))


def local_contrast(channels: Tensor, fields: Tensor, labels: Tensor, target: int) -> Tensor:
    """Mean difference of a target from its surroundings.

    Parameters
    ----------
    channels : Tensor, shape (n, C, S, S)
    fields : Tensor of bool, shape (n, S, S)
    labels : Tensor of int8, shape (n, S, S)
        0 background, -1 undecided.
    target : int
        Label of the target.

    Returns
    -------
    Tensor, shape (4, C)
        By level of local half-width.
    """
    levels = torch.arange(len(_HALF_WIDTHS) + 1)
    total = torch.zeros(len(levels), channels.shape[1], device=labels.device)
    count = torch.zeros(len(levels), 1, device=labels.device)
    for index, seen in enumerate(channels):
        field = fields[index]
        beside = ((labels[index] == 0) & field).float()[None, None]
        known = blur(seen[None].float() * beside, _AROUND)
        around = known / (blur(beside, _AROUND) + 1e-3)
        found = (labels[index] == target) & field
        level = width_levels(found[None])[0][found]
        total.index_add_(0, level, (seen.float() - around[0])[:, found].T)
        count.index_add_(0, level, torch.ones_like(level[:, None], dtype=torch.float32))
    mean = total / count.clamp_min(1)
    enough = levels[(count[:, 0] >= _ENOUGH).cpu()]
    if len(enough) == 0:
        return (total.sum(dim=0) / count.sum().clamp_min(1)).expand_as(mean)
    return mean[enough[(levels[:, None] - enough).abs().argmin(dim=1)]]
