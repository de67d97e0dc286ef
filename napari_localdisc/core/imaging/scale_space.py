"""Gaussian scale space: blurred maps and their local differential structure."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

WORDS = 4
"""Maps per channel and scale."""


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur with mirrored borders; wide kernels run on a coarser grid.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    sigma : float
        Standard deviation in pixels.
    """
    factor = max(1, min(int(sigma / 3), min(x.shape[-2:])))
    if factor == 1:
        return _blur(x, sigma)
    coarse = F.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)
    return F.interpolate(
        _blur(coarse, sigma / factor), size=x.shape[-2:], mode="bilinear", align_corners=False
    )


def _blur(x: Tensor, sigma: float) -> Tensor:
    for axis in (-2, -1):
        radius = min(int(3 * sigma + 0.5), x.shape[axis] - 1)
        shape = (1, 1, -1, 1) if axis == -2 else (1, 1, 1, -1)
        kernel = _kernel(sigma, radius, x.dtype, x.device).view(shape)
        weight = kernel.expand(x.shape[1], 1, *shape[2:])
        padding = (0, 0, radius, radius) if axis == -2 else (radius, radius, 0, 0)
        x = F.conv2d(F.pad(x, padding, mode="reflect"), weight, groups=x.shape[1])
    return x


@lru_cache(maxsize=256)
def _kernel(sigma: float, radius: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Weights (2 radius + 1,) that sum to 1; kept, for a GPU is slow at what is small."""
    with torch.inference_mode(False):  # whoever asks first, others may want gradients
        steps = torch.arange(-radius, radius + 1, dtype=dtype, device=device)
        kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
        return kernel / kernel.sum()


def differential(x: Tensor, sigma: float) -> Tensor:
    """Gaussian mean, gradient magnitude and Hessian eigenvalues, scale-normalised.

    All four stay the same when the picture is turned or mirrored (Lindeberg 1998).

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    sigma : float
        Scale in pixels; from 2 on the maps are computed at half the resolution.

    Returns
    -------
    Tensor, shape (N, 4 C, H, W)
        All means first, then all slopes, larger and smaller eigenvalues.
    """
    if sigma < 2:
        return torch.cat(local_jet(x, sigma), dim=1)
    coarse = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
    words = torch.cat(local_jet(coarse, sigma / 2), dim=1)
    return F.interpolate(words, size=x.shape[-2:], mode="bilinear", align_corners=False)


def local_jet(x: Tensor, sigma: float) -> list[Tensor]:
    """Compute the four maps of `differential`, each (N, C, H, W), at full resolution."""
    smooth = blur(x, sigma)
    dx, dy = _slope(smooth, -1), _slope(smooth, -2)
    dxx, dyy, dxy = _slope(dx, -1), _slope(dy, -2), _slope(dx, -2)
    middle = (dxx + dyy) / 2
    radius = (((dxx - dyy) / 2).square() + dxy.square() + 1e-12).sqrt()
    slope = (dx.square() + dy.square() + 1e-12).sqrt() * sigma
    return [smooth, slope, (middle + radius) * sigma**2, (middle - radius) * sigma**2]


def _slope(x: Tensor, axis: int) -> Tensor:
    """Central difference; beyond the border the outermost value is repeated.

    Not by padding: where torch's deterministic algorithms are asked for, a GPU pads so in dozens of
    small steps.
    """
    length = x.shape[axis]
    first, last = x.narrow(axis, 0, 1), x.narrow(axis, length - 1, 1)
    ahead = torch.cat([x.narrow(axis, 1, length - 1), last], dim=axis)
    behind = torch.cat([first, x.narrow(axis, 0, length - 1)], dim=axis)
    return (ahead - behind) / 2
