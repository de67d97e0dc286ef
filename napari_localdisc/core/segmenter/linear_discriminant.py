"""Linear discriminants: the direction in feature space that best separates two sets of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_RIDGE = 0.05
"""Ridge of the covariance within classes, relative to its mean variance."""


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminant of each of K targets.

    Attributes
    ----------
    directions : Tensor, shape (K, D)
    offsets : Tensor, shape (K,)
        Half way between the means of inside and around.
    fisher : float
        Mean over targets of the squared distance between the means, over the sum of the variances.
    """

    directions: Tensor
    offsets: Tensor
    fisher: float


def discriminate(
    features: Tensor,
    fields: Tensor,
    masks: Tensor,
    rings: Tensor,
    penalty: Tensor | float = 0.0,
) -> Discriminant:
    """Fit Fisher's linear discriminant of inside against around, per target.

    Parameters
    ----------
    features : Tensor, shape (n, D, S, S)
    fields : Tensor of bool, shape (n, S, S)
    masks, rings : Tensor of bool, shape (n, K, S, S)
        Inside and around. A target with fewer than two pixels of either within the fields has no
        direction: zeros, and a ratio of 0.
    penalty : Tensor, shape (D, D), or float
        Added to the covariance within classes.
    """
    points = features.permute(0, 2, 3, 1)
    directions, offsets, ratios = [], [], []
    for target in range(masks.shape[1]):
        inside = points[masks[:, target] & fields].float()
        around = points[rings[:, target] & fields].float()
        if min(len(inside), len(around)) < 2:
            directions.append(inside.new_zeros(features.shape[1]))
            offsets.append(inside.new_zeros(()))
            ratios.append(0.0)
            continue
        within = (torch.cov(inside.T) + torch.cov(around.T)) / 2 + penalty
        ridge = (_RIDGE * within.diagonal().mean() + 1e-6) * torch.eye(
            len(within), device=within.device
        )
        direction = torch.linalg.solve(within + ridge, inside.mean(dim=0) - around.mean(dim=0))
        a, b = inside @ direction, around @ direction
        directions.append(direction)
        offsets.append((a.mean() + b.mean()) / 2)
        ratios.append(float((a.mean() - b.mean()).square() / (a.var() + b.var()).clamp_min(1e-9)))
    return Discriminant(torch.stack(directions), torch.stack(offsets), sum(ratios) / len(ratios))
