"""Scaling of masks about their centre of mass."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def scale_about_centre(masks: Tensor, factors: Tensor) -> Tensor:
    """Scale masks about the centre of mass of all their targets together.

    Parameters
    ----------
    masks : Tensor of float32, shape (N, K, S, S)
    factors : Tensor of float32, shape (N,) or (N, 2)
        Above 1 a mask becomes larger; two of them scale its height and its width.

    Returns
    -------
    Tensor of float32, shape (N, K, S, S)
        Interpolated bilinearly.
    """
    line = torch.linspace(-1, 1, masks.shape[-1], device=masks.device)
    whole = masks.amax(dim=1)
    mass = whole.sum(dim=(1, 2)).clamp_min(1e-6)
    columns, rows = (whole.sum(dim=axis) * line for axis in (1, 2))
    centre = torch.stack([columns.sum(dim=1), rows.sum(dim=1)], dim=1) / mass[:, None]
    both = factors[:, None].expand(-1, 2) if factors.ndim == 1 else factors.flip(1)
    theta = torch.zeros(len(masks), 2, 3, device=masks.device)
    theta[:, :, :2] = torch.diag_embed(1 / both)
    theta[:, :, 2] = centre * (1 - 1 / both)
    grid = F.affine_grid(theta, list(masks.shape), align_corners=True)
    return F.grid_sample(masks, grid, align_corners=True)
