"""The k-means head: a clustering branch that is fitted by k-means once a network is trained.

Clusters that learn along with an embedding divide its texture; k-means on all features of the
network also finds brightness and context (Caron et al., ECCV 2018).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from napari_localdisc.core.encoder.network import LocalDiscriminationNet
from napari_localdisc.core.pretraining.pseudo_labels.mixture import Mixture, fit_mixture
from napari_localdisc.core.pretraining.pseudo_labels.subspace import DECODER_AXES, Vectors

_AXES = 16
"""Principal components of the features that pixels are clustered by."""


@torch.no_grad()
def fit_kmeans_head(
    network: LocalDiscriminationNet,
    features: Vectors,
    seed: int,
    by_decoder: bool = False,
    small: int = 0,
) -> None:
    """Replace the clustering branch by k-means clusters of features.

    Its memberships become the posterior probabilities of a mixture of round normal distributions
    of equal weight, exactly. With z the principal components of a pixel's features, c_m the centre
    of cluster m and s2 the variance of all clusters, the log posterior is, but for a term that all
    clusters share, linear::

        log p(m | z) = c_m . z / s2 - |c_m|^2 / (2 s2) + ...

    The branch has a rectifier between its two layers, so the first computes z and -z, and the
    second uses that z = relu(z) - relu(-z).

    Parameters
    ----------
    network : LocalDiscriminationNet
        Its clustering branch is replaced; nothing else is touched.
    features : ndarray of float32, shape (P, F)
        Of the body, for at least as many pixels as there are clusters.
    seed : int
    by_decoder : bool
        Whether to cluster by the decoder's own features alone, along fewer components: where a
        network was trained on pseudo-labels, those carry the teacher's clusters.
    small : int
        Clusters that are merged to the branch's, see `mixture.ward_merge`; 0 for k-means alone.
    """
    components, logits = (part for part in network.clustering if isinstance(part, nn.Conv2d))
    axes = min(_AXES, components.out_channels // 2)
    if by_decoder:
        features, axes = _decoder_features(network, features), min(axes, DECODER_AXES)
    mixture = fit_mixture(features, logits.out_channels, axes, seed, small)
    for layer in (components, logits):
        layer.weight.zero_()
    _bias(components).zero_()
    _set_components(components, mixture)
    _set_logits(logits, mixture)


def _set_components(layer: nn.Conv2d, mixture: Mixture) -> None:
    """Let the first channels compute the principal components z, and then -z."""
    axes, mean = mixture.space.axes, mixture.space.mean
    both_signs = np.concatenate([axes, -axes])
    used = slice(len(both_signs))
    layer.weight[used] = _pointwise(both_signs, layer.weight)
    _bias(layer)[used] = torch.from_numpy(-both_signs @ mean).to(layer.weight)


def _set_logits(layer: nn.Conv2d, mixture: Mixture) -> None:
    """Let the layer compute the clusters' log posteriors from relu(z) and relu(-z)."""
    slope = mixture.centres / mixture.variance
    both_signs = np.concatenate([slope, -slope], axis=1)
    layer.weight[:, : both_signs.shape[1]] = _pointwise(both_signs, layer.weight)
    offset = -0.5 * (mixture.centres * slope).sum(axis=1)
    _bias(layer).copy_(torch.from_numpy(offset))


def _decoder_features(network: LocalDiscriminationNet, features: Vectors) -> Vectors:
    """Features (P, F) of which all but the decoder's are zero."""
    columns = torch.arange(features.shape[1])[None, :, None, None]
    decoded = network.body.decoded(columns).flatten().numpy()
    alone = np.zeros_like(features)
    alone[:, decoded] = features[:, decoded]
    return alone


def _pointwise(matrix: Vectors, like: Tensor) -> Tensor:
    """Turn a matrix into the weights of a convolution of single pixels."""
    return torch.from_numpy(matrix)[..., None, None].to(like)


def _bias(layer: nn.Conv2d) -> Tensor:
    if layer.bias is None:
        raise ValueError("Expected argument `network` to have branches with biases.")
    return layer.bias
