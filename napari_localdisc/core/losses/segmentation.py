"""Losses of a network that gives a class to every pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE = -1
"""Label of pixels that do not count."""


def segmentation_loss(logits: Tensor, wanted: Tensor, overlap: bool = True) -> Tensor:
    """Cross-entropy per pixel plus the soft Dice loss of every target.

    Cross-entropy alone draws small structures too small. Defined where no pixel counts, too.

    Parameters
    ----------
    logits : Tensor, shape (n, K + 1, H, W)
        Of the background and K targets.
    wanted : Tensor of int64, shape (n, H, W)
        0 background, 1..K targets, `IGNORE` where a pixel does not count.
    overlap : bool
        Whether the soft Dice loss is added.
    """
    cross = F.cross_entropy(logits, wanted, ignore_index=IGNORE, reduction="sum")
    counted = wanted != IGNORE
    loss = cross / counted.sum().clamp_min(1)
    if not overlap:
        return loss
    probabilities = logits.softmax(dim=1)
    for target in range(1, probabilities.shape[1]):
        own = torch.where(counted, (wanted == target).long(), IGNORE)
        loss = loss + soft_dice_loss(probabilities[:, target], own)
    return loss


def soft_dice_loss(probabilities: Tensor, wanted: Tensor) -> Tensor:
    """One minus the Dice of probabilities, over all pixels of a batch.

    Parameters
    ----------
    probabilities : Tensor, shape (n, H, W)
        Probability of the structure.
    wanted : Tensor of int, shape (n, H, W)
        1 in the structure, 0 outside, negative where a pixel does not count.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if probabilities.shape != wanted.shape:
        raise ValueError(
            f"Expected argument `wanted` to be of shape {tuple(probabilities.shape)}, but got"
            f" {tuple(wanted.shape)}."
        )
    counted, truth = wanted >= 0, wanted > 0
    total = (probabilities * counted).sum() + truth.sum()
    return 1 - (2 * (probabilities * truth).sum() + 1) / (total + 1)
