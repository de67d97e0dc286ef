"""Pseudo-labels: the cluster of a trained encoder, the teacher, that each pixel belongs to.

A second round of pretraining, as for speech (HuBERT: Hsu et al., TASLP 2021): a new network learns
to predict, from augmented and masked views, the k-means clusters of the first one's features.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.determinism import Determinism
from napari_localdisc.base.progress import Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.imaging.superpixels import along_superpixels
from napari_localdisc.core.losses.segmentation import IGNORE, segmentation_loss
from napari_localdisc.core.pretraining.config import PretrainConfig
from napari_localdisc.core.pretraining.pseudo_labels.codebooks import (
    Codebooks,
    codebook_features,
    fit_codebooks,
)
from napari_localdisc.core.pretraining.sampling.image_pool import ImagePool
from napari_localdisc.core.pretraining.sampling.normalised_pool import NormalisedPool
from napari_localdisc.core.pretraining.sampling.pool_pixels import PoolPixels

_OUTSIDE = 255
"""Mark of what lies outside the field of view; clusters are fewer."""

_MOST_MAPS = 4096
"""Images whose labels are cached, a byte a pixel and codebook."""


class PseudoLabelMaps:
    """Maps of B pseudo-labels of the images of a pool.

    Parameters
    ----------
    teacher : Encoder
        Its clusters are the labels. Images are as large as the largest of its own training.
    pool : ImagePool
    device : torch.device
        Where it runs.
    superpixels : float
        Width in pixels of the superpixels that labels of `books` follow; 0 for none.

    Attributes
    ----------
    books : Codebooks, optional
        Its clusters are the labels, instead of the teacher's own.
    """

    def __init__(
        self, teacher: Encoder, pool: ImagePool, device: torch.device, superpixels: float = 0
    ) -> None:
        self.teacher, self.superpixels = teacher, superpixels
        self.books: Codebooks | None = None
        self.normalised = NormalisedPool(pool, teacher.card, most_bytes=0)
        self.scale = max(teacher.card.training.get("scales", (1.0,)))
        teacher.network.to(device).eval()
        self.device = device
        self._kept = lru_cache(_MOST_MAPS)(self._look)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of clusters of each pseudo-label."""
        if self.books is None:
            return (self.teacher.card.clusters,)
        return tuple(map(len, self.books.centres))

    def take(self, index: int, size: int) -> Tensor:
        """Pseudo-labels of an image on a canvas of some size.

        Returns
        -------
        Tensor of int64, shape (B, size, size)
            Counted from 0, `IGNORE` outside the field of view; on the CPU.
        """
        seen = F.interpolate(self._kept(index)[None], size=(size, size), mode="nearest-exact")
        pseudo_labels = seen[0].long()
        return pseudo_labels.masked_fill(pseudo_labels == _OUTSIDE, IGNORE)

    def fit(self, counts: Sequence[int], seed: int) -> Run[None]:
        """Fit codebooks of so many clusters each, to images of the pool.

        Yields
        ------
        Progress
            Per image that is looked at.
        """
        pixels = PoolPixels(self.normalised, (self.scale,), seed)
        see = partial(codebook_features, self.teacher)
        drawn = yield from pixels.draw(see, Determinism(seed, self.device), "pseudo-labels")
        self.books = fit_codebooks(drawn, self.teacher.card.channels, counts, seed)

    @torch.no_grad()
    def _look(self, index: int) -> Tensor:
        """Compute the pseudo-labels of an image: uint8 (B, S, S)."""
        inputs, field = self.normalised.inputs(index, self.scale, self.device)
        pseudo_labels: Tensor
        if self.books is None:
            pseudo_labels = self.teacher.network(inputs)[1].argmax(dim=1).cpu()
        else:
            pseudo_labels = self._booked(self.books, inputs)
        return pseudo_labels.masked_fill(field[0].cpu() == 0, _OUTSIDE).to(torch.uint8)

    def _booked(self, books: Codebooks, inputs: Tensor) -> Tensor:
        """Look inputs (1, C, S, S) up in the codebooks: (B, S, S), on the CPU."""
        seen = codebook_features(self.teacher, inputs)[0].cpu().numpy()
        shape = seen.shape[1:]
        placed = books.space.place(seen.reshape(len(seen), -1).T)
        if self.superpixels:
            maps = placed.T.reshape(-1, *shape)
            levels = seen[-self.teacher.card.channels :]
            placed = along_superpixels(maps, levels, self.superpixels).reshape(len(maps), -1).T
        return torch.from_numpy(books.read(placed)).view(-1, *shape)


def pseudo_label_maps(
    teacher: Encoder, pool: ImagePool, config: PretrainConfig, device: torch.device
) -> Run[PseudoLabelMaps]:
    """Prepare the pseudo-labels of a pretraining, of codebooks if it asks for some."""
    maps = PseudoLabelMaps(teacher, pool, device, config.superpixels)
    if config.codebooks:
        yield from maps.fit(config.codebooks, config.seed)
    return maps


def pseudo_label_loss(
    logits: tuple[Tensor, Tensor],
    pseudo_labels: Tensor,
    shown: tuple[Tensor, Tensor],
    counts: Sequence[int],
) -> Tensor:
    """Cross-entropy of pseudo-labels, predicted from two views of the same crops.

    Parameters
    ----------
    logits : tuple of two Tensors, shape (N, M, H, W)
        Logits, of the clusters of one pseudo-label after those of another.
    pseudo_labels : Tensor of int64, shape (N, B, H, W)
        `IGNORE` where there is none.
    shown : tuple of two Tensors of bool, shape (N, H, W), or (N, 1, 1) for whole crops
        Where a view shows a pixel, and nothing else.
    counts : sequence of B ints
        Number of clusters of each pseudo-label; M is their sum.

    Returns
    -------
    Tensor, scalar
        In nats: the mean of both views' and all pseudo-labels' means over pixels.
    """
    errors = [
        segmentation_loss(one, labels.masked_fill(~pixels, IGNORE), overlap=False)
        for view, pixels in zip(logits, shown, strict=True)
        for one, labels in zip(view.split(tuple(counts), 1), pseudo_labels.unbind(1), strict=True)
    ]
    return torch.stack(errors).mean()
