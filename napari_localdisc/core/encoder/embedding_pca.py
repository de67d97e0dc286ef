"""Principal components of an encoder's embedding: the same for every image.

Fitted to one image, components come with signs and scales of their own, and the same tissue has
other colours in the next. Fitted once to generated phantoms of the encoder's modality they belong
to the encoder, and like pixels get like colours wherever they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.progress import Progress, Run, drain
from napari_localdisc.core.imaging.arrays import FloatMap
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom

if TYPE_CHECKING:
    import torch
    from torch import nn

    from napari_localdisc.core.encoder.encoder import Encoder

_PHANTOMS = 2
_SIDE = 256
_STEP = 5
"""Every so many pixels of a phantom are looked at."""
_TAIL = 1.0
"""Per cent of phantom pixels that are darker, or brighter, than the colours reach."""

_known: WeakKeyDictionary[nn.Module, EmbeddingPCA] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class EmbeddingPCA:
    """Three directions in an embedding, and how far it usually reaches along them.

    Attributes
    ----------
    mean : ndarray of float32, shape (D,)
    axes : ndarray of float32, shape (3, D)
        Orthonormal; zero beyond the D-th. The largest part of each is positive.
    low, high : ndarray of float32, shape (3,)
        Scores that are shown as 0 and 255.
    """

    mean: npt.NDArray[np.float32]
    axes: npt.NDArray[np.float32]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, vectors: npt.NDArray[np.float32]) -> EmbeddingPCA:
        """Find the components of vectors (n, D)."""
        from sklearn.decomposition import PCA  # slow to import, and the window fits none

        found = PCA(min(3, *vectors.shape), svd_solver="covariance_eigh").fit(vectors)
        mean = found.mean_.astype(np.float32)
        axes = np.zeros((3, vectors.shape[1]), np.float32)
        axes[: found.n_components_] = found.components_
        low, high = np.percentile((vectors - mean) @ axes.T, (_TAIL, 100 - _TAIL), axis=0)
        return cls(mean, axes, low.astype(np.float32), high.astype(np.float32))

    def scores(self, embedding: FloatMap) -> FloatMap:
        """Project an embedding (D, ...) on the components: (3, ...)."""
        flat = self.axes @ embedding.reshape(len(embedding), -1)
        flat -= (self.axes @ self.mean)[:, None]
        return flat.reshape(3, *embedding.shape[1:])

    def picture(self, scores: FloatMap, field: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Show scores (3, H, W) as red, green and blue: (H, W, 3), black outside a field (H, W)."""
        scaled = (np.moveaxis(scores, 0, -1) - self.low) / np.maximum(self.high - self.low, 1e-6)
        picture = np.asarray((np.clip(scaled, 0, 1) * 255).round(), dtype=np.uint8)
        picture[~field] = 0
        return picture


def embedding_pca(encoder: Encoder, device: torch.device | None = None) -> Run[EmbeddingPCA]:
    """Return the components of an encoder; they are found once, in a second or two.

    Parameters
    ----------
    encoder : Encoder
        One channel is taken for X-ray, three for fundus photography.
    device : torch.device, optional
        CPU if not given.
    """
    if encoder.network not in _known:
        yield Progress("components", 0, 1, "Learning the colours of this encoder")
        _known[encoder.network] = EmbeddingPCA.fit(np.concatenate(list(_vectors(encoder, device))))
    return _known[encoder.network]


def _vectors(encoder: Encoder, device: torch.device | None) -> Iterator[npt.NDArray[np.float32]]:
    from napari_localdisc.core.encoder.embedding import embed_and_cluster

    for image in _images(encoder.card.channels == 3):
        found = drain(embed_and_cluster(image, encoder, device))
        yield found.embedding[:, found.field][:, ::_STEP].T


@cache
def _images(colour: bool) -> tuple[npt.NDArray[np.uint8], ...]:
    phantom = fundus_phantom if colour else xray_phantom
    return tuple(phantom(seed, _SIDE).image for seed in range(_PHANTOMS))
