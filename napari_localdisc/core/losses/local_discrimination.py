"""Losses of local discrimination (Chen et al., IPMI 2021, equations 1 to 8).

Pure functions: they validate, then compute. Embeddings are unit vectors along their last axis,
memberships sum to 1 over clusters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def _expect(condition: bool, argument: str, expected: str, got: object) -> None:
    if not condition:
        raise ValueError(f"Expected argument `{argument}` to be {expected}, but got {got}.")


def patch_discrimination(
    anchors: Tensor,
    positives: Tensor,
    far: Tensor,
    near: Tensor,
    tau: float = 0.1,
) -> Tensor:
    """Discriminate every pixel from its neighbours and from other images, per anchor.

    Cross-entropy of the positive under a softmax of cosine / `tau` over the positive, the other
    points of its group (near negatives) and points of other images (far negatives).

    Parameters
    ----------
    anchors, positives : Tensor, shape (G, P, D)
        The same P points of G small windows under two augmentations.
    far : Tensor, shape (F, D)
        Points of other images.
    near : Tensor of bool, shape (G, P, P)
        Which points of a window may serve as negatives of which anchor; the diagonal is ignored.
    tau : float
        Temperature.

    Returns
    -------
    Tensor, shape (G, P)
        Loss per anchor.
    """
    _expect(anchors.ndim == 3, "anchors", "of shape (G, P, D)", tuple(anchors.shape))
    _expect(anchors.shape == positives.shape, "positives", "like `anchors`", tuple(positives.shape))
    inside = torch.einsum("gpd,gqd->gpq", anchors, positives) / tau
    own = torch.eye(inside.shape[1], dtype=torch.bool, device=inside.device)
    inside = inside.masked_fill(~(near | own), float("-inf"))
    outside = torch.einsum("gpd,fd->gpf", anchors, far) / tau
    every = torch.logsumexp(torch.cat([inside, outside], dim=-1), dim=-1)
    return every - torch.diagonal(inside, dim1=1, dim2=2)


def region_embeddings(embedding: Tensor, memberships: Tensor) -> Tensor:
    """Mean direction of each cluster in each image (equation 4).

    Parameters
    ----------
    embedding : Tensor, shape (N, D, H, W)
    memberships : Tensor, shape (N, M, H, W)

    Returns
    -------
    Tensor, shape (N, M, D)
        Unit vectors.
    """
    _expect(embedding.ndim == 4, "embedding", "of shape (N, D, H, W)", tuple(embedding.shape))
    _expect(
        memberships.ndim == 4
        and embedding.shape[0] == memberships.shape[0]
        and embedding.shape[2:] == memberships.shape[2:],
        "memberships",
        "of shape (N, M, H, W) matching `embedding`",
        tuple(memberships.shape),
    )
    return F.normalize(torch.einsum("nmhw,ndhw->nmd", memberships, embedding), dim=-1)


def cluster_centres(embedding: Tensor, memberships: Tensor) -> Tensor:
    """Mean direction of each cluster over all images (equation 5): unit vectors (M, D)."""
    _expect(embedding.ndim == 4, "embedding", "of shape (N, D, H, W)", tuple(embedding.shape))
    return F.normalize(torch.einsum("nmhw,ndhw->md", memberships, embedding), dim=-1)


def region_discrimination(embedding: Tensor, memberships: Tensor, tau: float = 0.2) -> Tensor:
    """Tie each image's cluster m to centre m and away from the other centres (equation 6).

    Parameters
    ----------
    embedding : Tensor, shape (N, D, H, W)
    memberships : Tensor, shape (N, M, H, W)
    tau : float
        Temperature of the softmax over centres.

    Returns
    -------
    Tensor, scalar
        Cross-entropy, averaged over images and clusters by the share of pixels that a cluster
        holds in an image, so that absent clusters do not count.
    """
    regions = region_embeddings(embedding, memberships)
    centres = cluster_centres(embedding, memberships)
    log_share = (torch.einsum("nmd,kd->nmk", regions, centres) / tau).log_softmax(dim=-1)
    own = torch.diagonal(log_share, dim1=1, dim2=2)
    weight = memberships.mean(dim=(2, 3)).detach().sqrt()
    return -(own * weight).sum() / weight.sum()


def agreement(embedding: Tensor, memberships: Tensor, tau: float = 0.05) -> Tensor:
    """Tie each pixel's memberships to the centres that its vector is near to.

    Cross-entropy of the memberships under a softmax of cosine / `tau` over the cluster centres,
    which are taken as given: the embedding teaches the clusters, as k-means would.

    Parameters
    ----------
    embedding : Tensor, shape (N, D, H, W)
    memberships : Tensor, shape (N, M, H, W)
    tau : float
        Temperature.

    Returns
    -------
    Tensor, scalar
        Mean over pixels, in nats.
    """
    with torch.no_grad():
        centres = cluster_centres(embedding, memberships)
        wanted = (torch.einsum("ndhw,md->nmhw", embedding, centres) / tau).softmax(dim=1)
    return -(wanted * memberships.clamp_min(1e-8).log()).sum(dim=1).mean()


@torch.no_grad()
def balanced_assignment(likeness: Tensor, sharpness: float = 0.05, rounds: int = 3) -> Tensor:
    """Assign pixels to prototypes so that all prototypes get the same share of them.

    Optimal transport with an entropy term, by Sinkhorn's iterations (Cuturi, NIPS 2013).

    Parameters
    ----------
    likeness : Tensor, shape (P, M)
        Cosine of each pixel's vector and each prototype.
    sharpness : float
        Weight of the entropy; the smaller, the harder the assignment.
    rounds : int
        Iterations.

    Returns
    -------
    Tensor, shape (P, M)
        Each row sums to 1, each column to about P / M. Without gradient.
    """
    _expect(likeness.ndim == 2, "likeness", "of shape (P, M)", tuple(likeness.shape))
    log_share = likeness / sharpness
    for _ in range(rounds):
        log_share = log_share.log_softmax(dim=0)
        log_share = log_share.log_softmax(dim=1)
    return log_share.exp()


def swapped_prediction(
    first: Tensor, second: Tensor, wanted_first: Tensor, wanted_second: Tensor
) -> Tensor:
    """Predict each view's assignments from the other view (Caron et al., NeurIPS 2020).

    Parameters
    ----------
    first, second : Tensor, shape (P, M)
        Log-probabilities of the same pixels in two views.
    wanted_first, wanted_second : Tensor, shape (P, M)
        Assignments of these pixels, made in the first and the second view.

    Returns
    -------
    Tensor, scalar
        Cross-entropy in nats, mean over pixels and both ways.
    """
    _expect(first.shape == second.shape, "second", "like `first`", tuple(second.shape))
    crossed = wanted_second * first + wanted_first * second
    return -crossed.sum(dim=1).mean() / 2


def entropy(memberships: Tensor) -> Tensor:
    """Mean entropy in nats of the memberships along dimension 1 (equation 7)."""
    _expect(memberships.ndim >= 2, "memberships", "at least two-dimensional", memberships.ndim)
    return -(memberships * memberships.clamp_min(1e-8).log()).sum(dim=1).mean()


def imbalance(memberships: Tensor) -> Tensor:
    """KL divergence in nats from uniform of the clusters' overall shares; keeps them all in use."""
    share = memberships.transpose(0, 1).flatten(1).mean(dim=1)
    return (share * (share.clamp_min(1e-8) * len(share)).log()).sum()
