"""Codebooks: several k-means clusterings of the decoder's features, for pseudo-labels.

The borders of one clustering depend on chance and on its number of clusters. Several at once are
steadier (cluster ensembles, as in HuBERT: Hsu et al., TASLP 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import block_diag
from torch import Tensor

from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.pretraining.pseudo_labels.mixture import kmeans
from napari_localdisc.core.pretraining.pseudo_labels.subspace import (
    DECODER_AXES,
    Subspace,
    Vectors,
    principal_subspace,
)

_LEVELS = 0.25
"""Variance of a pixel's own values, together, relative to that of the decoder's features."""


@dataclass(frozen=True)
class Codebooks:
    """B clusterings in one space.

    Attributes
    ----------
    space : Subspace
    centres : tuple of B ndarrays of float32, shape (M, Q)
        Of the clusters; each book has an M of its own.
    """

    space: Subspace
    centres: tuple[Vectors, ...]

    def read(self, placed: Vectors) -> npt.NDArray[np.uint8]:
        """Assign vectors (P, Q) to the nearest cluster of each codebook, counted from 0: (B, P)."""
        nearest = [(placed @ c.T - 0.5 * (c * c).sum(axis=1)).argmax(axis=1) for c in self.centres]
        return np.stack(nearest).astype(np.uint8)


def codebook_features(teacher: Encoder, inputs: Tensor) -> Tensor:
    """Compute the features that codebooks cluster: the decoder's, and the pixel's values.

    Parameters
    ----------
    teacher : Encoder
        On the device of the inputs.
    inputs : Tensor, shape (N, inputs, H, W)
        Of its network.

    Returns
    -------
    Tensor, shape (N, F, H, W)
        The values, as many as there are channels, come last.
    """
    body = teacher.network.body
    return torch.cat([body.decoded(body(inputs)), teacher.card.preprocessing.whole(inputs)], dim=1)


def fit_codebooks(features: Vectors, channels: int, counts: Sequence[int], seed: int) -> Codebooks:
    """Cluster pixels by k-means, along principal components of the decoder's features and values.

    Parameters
    ----------
    features : ndarray of float32, shape (P, F)
        Of at least as many pixels as clusters, see `codebook_features`.
    channels : int
        C: how many of the features, the last ones, are values of the pixel itself.
    counts : sequence of int
        Clusters of each book, at most 255.
    seed : int
    """
    decoded, levels = features[:, :-channels], features[:, -channels:]
    leading = principal_subspace(decoded, DECODER_AXES)
    middle, spread = levels.mean(axis=0), np.maximum(levels.std(axis=0), 1e-6)
    total = leading.place(decoded).var(axis=0).sum()
    weights = np.diag(np.sqrt(_LEVELS * total / channels) / spread)
    both = block_diag(leading.axes, weights).astype(np.float32)
    space = Subspace(np.concatenate([leading.mean, middle]), both)
    placed = space.place(features)
    return Codebooks(space, tuple(kmeans(placed, count, seed)[0] for count in counts))
