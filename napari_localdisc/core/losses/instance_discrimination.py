"""Losses of instance discrimination: pure functions of one unit vector an image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pooled(embedding: Tensor) -> Tensor:
    """One unit vector per map: (N, D, H, W) to (N, D), the mean direction."""
    return F.normalize(embedding.mean(dim=(2, 3)), dim=1)


def nonparametric_softmax(vectors: Tensor, bank: Tensor, own: Tensor, tau: float = 0.07) -> Tensor:
    """Non-parametric softmax over a memory bank of all instances (Wu et al. 2018, equation 2).

    Parameters
    ----------
    vectors : Tensor, shape (N, D)
        Unit vectors of the instances seen.
    bank : Tensor, shape (K, D)
        What is remembered of every instance; takes no gradient.
    own : Tensor of int64, shape (N,)
        Which instance of the bank each vector is.
    tau : float
        Temperature.

    Returns
    -------
    Tensor, scalar
        Mean cross-entropy in nats.
    """
    return F.cross_entropy(vectors @ bank.T / tau, own)


def invariance(first: Tensor, second: Tensor, tau: float = 0.1) -> Tensor:
    """Pull both views of an instance together (Ye et al. 2019, equations 1 and 4).

    Parameters
    ----------
    first, second : Tensor, shape (N, D)
        Unit vectors of the same N instances under two variations.
    tau : float
        Temperature.

    Returns
    -------
    Tensor, scalar
        Mean of -log P(i | second view of i), the softmax running over the first views.
    """
    return F.cross_entropy(second @ first.T / tau, torch.arange(len(first), device=first.device))


def spreading(vectors: Tensor, tau: float = 0.1) -> Tensor:
    """Keep instances apart (Ye et al. 2019, equations 2 and 4).

    Parameters
    ----------
    vectors : Tensor, shape (N, D)
        Unit vectors of N instances, at least 2.
    tau : float
        Temperature.

    Returns
    -------
    Tensor, scalar
        Mean over i of the sum over j other than i of -log(1 - P(i | j)), where P(i | j) is the
        softmax, over all instances, of their likeness to j.
    """
    # An instance is most like itself, so that no other's share exceeds a half.
    share = (vectors @ vectors.T / tau).softmax(dim=1)
    apart = ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    return -torch.log1p(-share[apart]).sum() / len(vectors)
