"""The closed-form shape KL: how far predicted masks are from reference masks, without a critic.

Masks are described pixel by pixel with shape words (the mask, its Gaussian means, gradient
magnitude and Hessian eigenvalues at several scales, wide block means, and products with the mask).
A Gaussian is fitted to the words of the references and one to the words of the predictions; their
KL divergence has a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.imaging.scale_space import local_jet

_SCALES = (1.0, 2.0, 4.0)
_BLOCKS = (8, 16)
_RIDGE = 1e-3


def shape_descriptors(masks: Tensor) -> Tensor:
    """Describe masks at every second row and column.

    Parameters
    ----------
    masks : Tensor, shape (B, H, W)
        Hard or soft masks in [0, 1]; H and W even.

    Returns
    -------
    Tensor, shape (B, 29, H / 2 * W / 2)
    """
    mask = masks[:, None]
    coarse = F.avg_pool2d(mask, 2)
    maps = [mask[..., ::2, ::2]]
    for sigma in _SCALES:
        if sigma < 2:
            maps += [word[..., ::2, ::2] for word in local_jet(mask, sigma)]
        else:
            maps += local_jet(coarse, sigma / 2)
    for side in _BLOCKS:
        block = F.avg_pool2d(coarse, side // 2, ceil_mode=True, count_include_pad=False)
        maps.append(
            F.interpolate(block, size=coarse.shape[-2:], mode="bilinear", align_corners=False)
        )
    words = torch.cat(maps, dim=1)
    product = words[:, :1] * words[:, 1:]
    return torch.cat([words, product], dim=1).flatten(2)


@dataclass(frozen=True)
class Moments:
    """Mean (..., F) and covariance (..., F, F) of words."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, words: Tensor, weight: Tensor | None = None) -> Moments:
        """Fit to words (..., F, P), weighted by (P,) or (..., P) if given."""
        share = torch.ones_like(words[..., 0, :]) if weight is None else weight
        share = (share / share.sum(dim=-1, keepdim=True)).unsqueeze(-2)
        mean = (words * share).sum(dim=-1)
        centred = words - mean.unsqueeze(-1)
        covariance = (centred * share) @ centred.transpose(-1, -2)
        return cls(mean.double(), covariance.double())


def gaussian_kl(predicted: Moments, reference: Moments, ridge: float = _RIDGE) -> Tensor:
    """KL(P || Q) in nats of two Gaussians, words scaled by the references' spread.

    Parameters
    ----------
    predicted : Moments
        Of P; may carry leading batch dimensions.
    reference : Moments
        Of Q.
    ridge : float
        Added to both covariances after scaling, so that constant words do not blow up.

    Returns
    -------
    Tensor, shape (...)
    """
    scale = reference.covariance.diagonal(dim1=-2, dim2=-1).sqrt().clamp_min(1e-4)
    eye = ridge * torch.eye(len(scale), dtype=scale.dtype, device=scale.device)
    outer = scale[:, None] * scale[None, :]
    p = predicted.covariance / outer + eye
    q = reference.covariance / outer + eye
    factor = torch.linalg.cholesky(q)
    difference = ((predicted.mean - reference.mean) / scale).unsqueeze(-1)
    white = torch.linalg.solve_triangular(factor, difference, upper=False)
    trace = torch.cholesky_solve(p, factor.expand(p.shape)).diagonal(dim1=-2, dim2=-1).sum(-1)
    logdet = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1) - torch.linalg.slogdet(p)[1]
    kl: Tensor = 0.5 * (trace + white.square().sum(dim=(-2, -1)) - len(scale) + logdet)
    return kl
