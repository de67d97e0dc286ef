"""Codebooks: several clusterings of what a trained encoder makes of a pixel.

One clustering puts its borders where chance and its number of clusters will have them. What several
at once tell is steadier (cluster ensembles, as in HuBERT: Hsu et al., TASLP 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import block_diag
from torch import Tensor

from napari_localdisc.core.encoder import Encoder
from napari_localdisc.core.mixture import DECODER_AXES, Vectors, kmeans, principal_axes

_LEVELS = 0.25
"""Variance of a pixel's own values, together, as a share of that of what the decoder made of it."""


@dataclass(frozen=True)
class Codebooks:
    """B clusterings in one space.

    Attributes
    ----------
    mean : ndarray of float32, shape (F,)
    axes : ndarray of float32, shape (Q, F)
        From features, less their mean, to the space of the clusters.
    centres : tuple of B ndarrays of float32, shape (M, Q)
        Of the clusters; each book has an M of its own.
    """

    mean: Vectors
    axes: Vectors
    centres: tuple[Vectors, ...]

    def place(self, features: Vectors) -> Vectors:
        """Bring features (P, F) to the space of the clusters (P, Q)."""
        return np.asarray((features - self.mean) @ self.axes.T, dtype=np.float32)

    def read(self, placed: Vectors) -> npt.NDArray[np.uint8]:
        """Tell the nearest cluster of every book, counted from 0: (B, P)."""
        nearest = [(placed @ c.T - 0.5 * (c * c).sum(axis=1)).argmax(axis=1) for c in self.centres]
        return np.stack(nearest).astype(np.uint8)


def codebook_features(teacher: Encoder, inputs: Tensor) -> Tensor:
    """Compute what codebooks are of: what the decoder made of a pixel, and its own values.

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
    mean, axes = principal_axes(decoded, DECODER_AXES)
    middle, spread = levels.mean(axis=0), np.maximum(levels.std(axis=0), 1e-6)
    total = ((decoded - mean) @ axes.T).var(axis=0).sum()
    weights = np.diag(np.sqrt(_LEVELS * total / channels) / spread)
    both = block_diag(axes, weights).astype(np.float32)
    space = Codebooks(np.concatenate([mean, middle]), both, ())
    placed = space.place(features)
    return replace(space, centres=tuple(kmeans(placed, count, seed)[0] for count in counts))
