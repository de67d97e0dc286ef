"""Clusters settled once a network is trained: k-means on all that it sees of a pixel.

Clusters that learn along with an embedding divide its texture; what their network's features tell
at large, brightness and context, k-means finds (Caron et al., ECCV 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor, nn

from napari_localdisc.core.encoder import EncoderCard
from napari_localdisc.core.learner import Learner
from napari_localdisc.core.network import LocalDiscriminationNet
from napari_localdisc.core.normalised_pool import NormalisedPool
from napari_localdisc.core.pretrain_config import PretrainConfig

Vectors = npt.NDArray[np.float32]

_IMAGES, _PIXELS = 150, 1000
"""Images that are looked at, at most, and pixels drawn of each."""

_AXES = 16
"""Principal components that clusters are told apart by."""

_LEAST = 1e-6
"""A deviation below which a feature tells nothing."""


class FeatureDraw:
    """Draws pixels of images of a pool, and what a network in training sees of them.

    Parameters
    ----------
    pool : NormalisedPool
    card : EncoderCard
    config : PretrainConfig
        Says at which scales images are seen, one after the other, and the seed.
    """

    def __init__(self, pool: NormalisedPool, card: EncoderCard, config: PretrainConfig) -> None:
        self.pool, self.card, self.config = pool, card, config

    def __len__(self) -> int:
        return min(len(self.pool.pool), _IMAGES)

    @torch.no_grad()
    def __call__(self, learner: Learner, index: int) -> Vectors:
        """Draw from one image: features (P, F) of the body, in the field of view."""
        scales, card = self.config.scales, self.card
        cells = round(card.working_size * scales[index % len(scales)]) // card.stride
        seen = self.pool.take(index, max(2, cells) * card.stride, learner.device)
        planes, field = seen[None, :-1].to(learner.device).float(), seen[None, -1:].float()
        learner.network.eval()
        inputs = card.preprocessing.describe(planes, field.to(learner.device))
        features = learner.features(inputs)[0].flatten(1).T.cpu().numpy()
        learner.network.train()
        rng = np.random.default_rng((self.config.seed, index))
        inside = np.flatnonzero(field.numpy())
        chosen = rng.choice(inside, min(_PIXELS, len(inside)), replace=False)
        return np.asarray(features[chosen], dtype=np.float32)


@dataclass(frozen=True)
class Mixture:
    """Round clusters of one width, of features along their principal components.

    Attributes
    ----------
    mean : ndarray of float32, shape (F,)
    axes : ndarray of float32, shape (Q, F)
        From features, less their mean, to principal components of the standardised ones.
    centres : ndarray of float32, shape (M, Q)
    variance : float
        Of vectors about their centre, along any of the axes.
    """

    mean: Vectors
    axes: Vectors
    centres: Vectors
    variance: float


def fit_mixture(features: Vectors, clusters: int, axes: int, seed: int) -> Mixture:
    """Fit clusters by k-means.

    Parameters
    ----------
    features : ndarray of float32, shape (P, F)
        Of at least as many pixels as clusters.
    clusters : int
        M.
    axes : int
        Q; fewer where features vary in fewer directions.
    seed : int
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > _LEAST, spread, np.inf)
    varied = (features - mean) / scale
    values, vectors = np.linalg.eigh(varied.T @ varied / len(varied))
    leading = [k for k in np.argsort(values)[::-1][:axes] if values[k] > _LEAST]
    projection = np.asarray(vectors[:, leading].T / scale, dtype=np.float32)
    placed = np.ascontiguousarray((features - mean) @ projection.T)
    model = MiniBatchKMeans(clusters, random_state=seed, n_init=5, batch_size=4096).fit(placed)
    variance = max(float(model.inertia_) / placed.size, _LEAST)
    return Mixture(mean, projection, np.asarray(model.cluster_centers_, np.float32), variance)


@torch.no_grad()
def settle(network: LocalDiscriminationNet, features: Vectors, seed: int) -> None:
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
    """
    inner, outer = (part for part in network.clustering if isinstance(part, nn.Conv2d))
    axes = min(_AXES, inner.out_channels // 2)
    mixture = fit_mixture(features, outer.out_channels, axes, seed)
    count = len(mixture.axes)
    signed = np.concatenate([mixture.axes, -mixture.axes])
    slope = mixture.centres / mixture.variance
    for weight in (inner.weight, inner.bias, outer.weight):
        _given(weight).zero_()
    inner.weight[: 2 * count] = _column(signed, inner.weight)
    _given(inner.bias)[: 2 * count] = torch.from_numpy(-signed @ mixture.mean).to(inner.weight)
    outer.weight[:, : 2 * count] = _column(np.concatenate([slope, -slope], axis=1), outer.weight)
    offset = -0.5 * (mixture.centres * slope).sum(axis=1)
    _given(outer.bias).copy_(torch.from_numpy(offset))


def _column(matrix: Vectors, like: Tensor) -> Tensor:
    """Turn a matrix into the weights of a convolution of single pixels."""
    return torch.from_numpy(matrix)[..., None, None].to(like)


def _given(bias: Tensor | None) -> Tensor:
    if bias is None:
        raise ValueError("Expected argument `network` to have branches with biases.")
    return bias
