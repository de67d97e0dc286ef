"""Normalised images in memory: crops are cut from them again and again."""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.pretraining.sampling.image_pool import ImagePool

_MOST_BYTES = 3 * 2**30


class NormalisedPool:
    """Normalises images of a pool at the sizes asked for, and keeps those last used.

    To normalise takes longer than a training step, and neighbourhoods reach far beyond a crop.

    Parameters
    ----------
    pool : ImagePool
    card : EncoderCard
    most_bytes : int
        Memory for what is kept.
    """

    def __init__(self, pool: ImagePool, card: EncoderCard, most_bytes: int = _MOST_BYTES) -> None:
        self.pool, self.card, self.most_bytes = pool, card, most_bytes
        self.preprocessing = card.preprocessing
        self._kept: OrderedDict[tuple[int, int], Tensor] = OrderedDict()
        self._bytes = 0

    def take(self, index: int, size: int, device: torch.device) -> Tensor:
        """Look at an image at a size.

        Parameters
        ----------
        index : int
            Of the image in the pool.
        size : int
            Side of the canvas.
        device : torch.device
            Which device normalises it.

        Returns
        -------
        Tensor of float16, shape (C + 1, size, size)
            Normalised channels, and 1 inside the field of view, on the CPU.
        """
        key = (index, size)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        self._kept[key] = found = self._normalise(index, size, device)
        self._bytes += found.nbytes
        while self._bytes > self.most_bytes and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return found

    @torch.no_grad()
    def inputs(self, index: int, scale: float, device: torch.device) -> tuple[Tensor, Tensor]:
        """Show a network all of an image.

        Parameters
        ----------
        index : int
            Of the image in the pool.
        scale : float
            Of the canvas, relative to the card's working size; its side S is one the network takes.
        device : torch.device

        Returns
        -------
        inputs : Tensor of float32, shape (1, C, S, S)
            On the device.
        field : Tensor of float32, shape (1, 1, S, S)
            1 inside the field of view; on the device.
        """
        stride = self.card.stride
        cells = round(self.card.working_size * scale) // stride
        seen = self.take(index, max(2, cells) * stride, device)[None].to(device).float()
        normalised, field = seen[:, :-1], seen[:, -1:]
        return self.preprocessing.describe(normalised, field), field

    @torch.no_grad()
    def _normalise(self, index: int, size: int, device: torch.device) -> Tensor:
        pixels, field = self.pool.take([index], device)
        if size != pixels.shape[-1]:
            pixels = F.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
            field = F.interpolate(field, size=(size, size), mode="nearest")
        normalised = self.preprocessing.normalise(pixels, field)
        return torch.cat([normalised, field], dim=1)[0].half().cpu()
