"""Codes: to which of the clusters of a trained encoder each pixel of an image belongs.

A second round of pretraining, as for speech (HuBERT: Hsu et al., TASLP 2021): a new network learns
to tell, of what is varied and hidden, the clusters that k-means found in the features of the first.
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
"""Images whose codes are kept, a byte a pixel and book."""


class PseudoLabelMaps:
    """Tells B codes of images of a pool, each seen as a whole and at one size.

    Parameters
    ----------
    teacher : Encoder
        Whose clusters are told. It sees images as large as it saw them at most when it was trained.
    pool : ImagePool
    device : torch.device
        Where it runs.
    superpixels : float
        About how many pixels wide the superpixels are that codes of `books` follow; 0 for none.

    Attributes
    ----------
    books : Codebooks, optional
        Whose clusters are told instead of the teacher's own.
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
        """How many clusters each code is one of."""
        if self.books is None:
            return (self.teacher.card.clusters,)
        return tuple(map(len, self.books.centres))

    def take(self, index: int, size: int) -> Tensor:
        """Tell the codes of an image on a canvas of some size.

        Returns
        -------
        Tensor of int64, shape (B, size, size)
            Counted from 0, `IGNORE` outside the field of view; on the CPU.
        """
        seen = F.interpolate(self._kept(index)[None], size=(size, size), mode="nearest-exact")
        codes = seen[0].long()
        return codes.masked_fill(codes == _OUTSIDE, IGNORE)

    def fit(self, counts: Sequence[int], seed: int) -> Run[None]:
        """Find codebooks of so many clusters each, from images of the pool.

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
        """Tell the codes of an image: uint8 (B, S, S)."""
        inputs, field = self.normalised.inputs(index, self.scale, self.device)
        codes: Tensor
        if self.books is None:
            codes = self.teacher.network(inputs)[1].argmax(dim=1).cpu()
        else:
            codes = self._booked(self.books, inputs)
        return codes.masked_fill(field[0].cpu() == 0, _OUTSIDE).to(torch.uint8)

    def _booked(self, books: Codebooks, inputs: Tensor) -> Tensor:
        """Look inputs (1, C, S, S) up: (B, S, S), on the CPU."""
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
    """Prepare the codes of a pretraining: of codebooks if it wants some, see `PseudoLabelMaps`."""
    maps = PseudoLabelMaps(teacher, pool, device, config.superpixels)
    if config.codebooks:
        yield from maps.fit(config.codebooks, config.seed)
    return maps


def pseudo_label_loss(
    told: tuple[Tensor, Tensor],
    codes: Tensor,
    shown: tuple[Tensor, Tensor],
    counts: Sequence[int],
) -> Tensor:
    """Cross-entropy of the codes, as told of two views of the same crops.

    Parameters
    ----------
    told : tuple of two Tensors, shape (N, M, H, W)
        Logits, of the clusters of one code after those of another.
    codes : Tensor of int64, shape (N, B, H, W)
        `IGNORE` where there is none.
    shown : tuple of two Tensors of bool, shape (N, H, W), or (N, 1, 1) for whole crops
        Where a view shows a pixel, and nothing else.
    counts : sequence of B ints
        How many clusters each code is one of; M is their sum.

    Returns
    -------
    Tensor, scalar
        In nats: the mean of both views' and all codes' means over pixels.
    """
    errors = [
        segmentation_loss(logits, wanted.masked_fill(~pixels, IGNORE), overlap=False)
        for view, pixels in zip(told, shown, strict=True)
        for logits, wanted in zip(view.split(tuple(counts), 1), codes.unbind(1), strict=True)
    ]
    return torch.stack(errors).mean()
