"""Clusters settled once a network is trained: k-means on all that it sees of a pixel.

Clusters that learn along with an embedding divide its texture; what their network's features tell
at large, brightness and context, k-means finds (Caron et al., ECCV 2018).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from napari_localdisc.core.encoder.network import LocalDiscriminationNet
from napari_localdisc.core.pretraining.pseudo_labels.mixture import fit_mixture
from napari_localdisc.core.pretraining.pseudo_labels.subspace import DECODER_AXES, Vectors

_AXES = 16
"""Principal components that clusters of pixels are told apart by."""


@torch.no_grad()
def fit_kmeans_head(
    network: LocalDiscriminationNet,
    features: Vectors,
    seed: int,
    by_decoder: bool = False,
    small: int = 0,
) -> None:
    """Let the clustering branch tell the clusters that features form.

    Its memberships become the posterior probabilities of a mixture of round normal distributions
    of equal weight, exactly: of each principal component both signs pass the branch's rectifier,
    and what is left is linear, but for a term that all clusters share.

    Parameters
    ----------
    network : LocalDiscriminationNet
        Its clustering branch is replaced; nothing else is touched.
    features : ndarray of float32, shape (P, F)
        Of the body, for at least as many pixels as there are clusters.
    seed : int
    by_decoder : bool
        Whether clusters are told apart by what the decoder made of a pixel alone, along fewer
        components: where a network was taught a teacher's clusters, the decoder knows of them.
    small : int
        Clusters that are merged to the branch's, see `mixture.ward_merge`; 0 for k-means alone.
    """
    inner, outer = (part for part in network.clustering if isinstance(part, nn.Conv2d))
    axes = min(_AXES, inner.out_channels // 2)
    if by_decoder:
        features, axes = _decoded_alone(network, features), min(axes, DECODER_AXES)
    mixture = fit_mixture(features, outer.out_channels, axes, seed, small)
    mean, leading = mixture.space.mean, mixture.space.axes
    count, signed = len(leading), np.concatenate([leading, -leading])
    slope = mixture.centres / mixture.variance
    for weight in (inner.weight, inner.bias, outer.weight):
        _given(weight).zero_()
    inner.weight[: 2 * count] = _column(signed, inner.weight)
    _given(inner.bias)[: 2 * count] = torch.from_numpy(-signed @ mean).to(inner.weight)
    outer.weight[:, : 2 * count] = _column(np.concatenate([slope, -slope], axis=1), outer.weight)
    offset = -0.5 * (mixture.centres * slope).sum(axis=1)
    _given(outer.bias).copy_(torch.from_numpy(offset))


def _decoded_alone(network: LocalDiscriminationNet, features: Vectors) -> Vectors:
    """Let whatever the decoder did not make be the same in all pixels."""
    columns = torch.arange(features.shape[1])[None, :, None, None]
    decoded = network.body.decoded(columns).flatten().numpy()
    alone = np.zeros_like(features)
    alone[:, decoded] = features[:, decoded]
    return alone


def _column(matrix: Vectors, like: Tensor) -> Tensor:
    """Turn a matrix into the weights of a convolution of single pixels."""
    return torch.from_numpy(matrix)[..., None, None].to(like)


def _given(bias: Tensor | None) -> Tensor:
    if bias is None:
        raise ValueError("Expected argument `network` to have branches with biases.")
    return bias
