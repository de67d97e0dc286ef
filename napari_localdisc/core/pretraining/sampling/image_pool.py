"""The images of a pretraining in memory: 8 bits a channel, at working size."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.imaging.arrays import as_image
from napari_localdisc.core.imaging.canvas import Canvas, image_to_canvas

Bytes = npt.NDArray[np.uint8]

_BLOCK = 2**26
"""Bytes of a block of memory in which many images lie."""


@dataclass(frozen=True)
class PooledImage:
    """An image scaled to fill its canvas, without the canvas.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (H, W, C)
        The caller's own array if it fits as it is, so that nothing is held twice.
    field : ndarray of uint8 or None
        Field of view, a bit a pixel; None where that is the whole image.
    """

    pixels: Bytes
    field: Bytes | None

    @property
    def digest(self) -> str:
        """Tells the content apart from any other."""
        shape = repr(self.pixels.shape).encode()
        pixels = np.ascontiguousarray(self.pixels)
        return hashlib.blake2b(shape + pixels.tobytes(), digest_size=10).hexdigest()

    def place(self, size: int) -> tuple[slice, slice]:
        """Rows and columns that it takes up on a canvas."""
        height, width = self.pixels.shape[:2]
        top, left = (size - height) // 2, (size - width) // 2
        return slice(top, top + height), slice(left, left + width)

    def draw_on(self, pixels: Bytes, field: npt.NDArray[np.bool_]) -> None:
        """Draw onto an empty canvas (S, S, C) and its field (S, S)."""
        place = self.place(len(pixels))
        pixels[place] = self.pixels
        if self.field is None:
            field[place] = True
        else:
            shape = self.pixels.shape[:2]
            bits = np.unpackbits(self.field, count=shape[0] * shape[1])
            field[place] = bits.reshape(shape) > 0


class ImagePool:
    """Images on square canvases, drawn up when they are needed.

    Parameters
    ----------
    images : sequence of PooledImage
    size : int
        Side S of the canvas in pixels.
    """

    def __init__(self, images: Sequence[PooledImage], size: int) -> None:
        self.images, self.size = tuple(images), size

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
        """Lay some of the images out.

        Parameters
        ----------
        chosen : sequence of int, length N
        device : torch.device

        Returns
        -------
        pixels : Tensor of float32, shape (N, C, S, S)
            Values in [0, 1].
        fields : Tensor of float32, shape (N, 1, S, S)
            1 inside the field of view, 0 outside and beyond the image.
        """
        channels = self.images[0].pixels.shape[-1]
        pixels = np.zeros((len(chosen), self.size, self.size, channels), np.uint8)
        fields = np.zeros((len(chosen), self.size, self.size), np.bool_)
        for canvas, field, index in zip(pixels, fields, chosen, strict=True):
            self.images[index].draw_on(canvas, field)
        on_device = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).contiguous()
        return on_device.float() / 255, torch.from_numpy(fields).to(device).float()[:, None]


def fill_pool(
    images: Sequence[npt.NDArray[np.generic]], order: Sequence[int], card: EncoderCard
) -> Run[ImagePool]:
    """Bring images to working size and 8 bits.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, C)
        Each is looked at once, so a sequence that reads on demand will do.
    order : sequence of int
        Which images, in the order of the pool.
    card : EncoderCard
        Says size, channels and whether there is a field of view.

    Yields
    ------
    Progress
        Per image.
    """
    drafts, shelf = [], _Shelf()
    for done, index in enumerate(order):
        drafts.append(_draft(images[index], card, shelf))
        yield Progress("prepare", done + 1, len(order))
    return ImagePool([_finished(draft, shelf) for draft in drafts], card.working_size)


_Ticket = tuple[int, int, tuple[int, ...]]
"""Block, place in the block, and shape of an array on the shelf."""


class _Shelf:
    """Keeps arrays in large blocks.

    One by one, allocated between the short-lived arrays that they are made from, they would leave
    holes in the process's memory, several times their own size. Even views would, so those are made
    when all is on the shelf.
    """

    def __init__(self) -> None:
        self._blocks: list[Bytes] = []
        self._used = 0

    def keep(self, array: Bytes) -> _Ticket:
        """Copy an array onto the shelf."""
        if not self._blocks or self._used + array.size > self._blocks[-1].size:
            self._blocks.append(np.empty(max(_BLOCK, array.size), np.uint8))
            self._used = 0
        start = self._used
        self._used += array.size
        self._blocks[-1][start : self._used].reshape(array.shape)[...] = array
        return len(self._blocks) - 1, start, array.shape

    def get(self, ticket: _Ticket) -> Bytes:
        """View an array on the shelf."""
        block, start, shape = ticket
        return self._blocks[block][start : start + math.prod(shape)].reshape(shape)


_Draft = tuple[Bytes | _Ticket, _Ticket | None]
"""An image's pixels, its own or on the shelf, and its field of view."""


def _draft(image: npt.NDArray[np.generic], card: EncoderCard, shelf: _Shelf) -> _Draft:
    pixels, field = image_to_canvas(as_image(image), card.preprocessing, card.working_size)
    canvas = Canvas((image.shape[0], image.shape[1]), card.working_size)
    (top, left), (height, width) = canvas.corner, canvas.inner
    inside = (slice(top, top + height), slice(left, left + width))
    lit = field[0, 0].numpy()[inside] > 0
    bits = None if lit.all() else shelf.keep(np.packbits(lit))
    fits = image.shape[:2] == (height, width) and image.size == height * width * card.channels
    if image.dtype == np.uint8 and fits:
        return np.asarray(image), bits
    scaled = (pixels[0].permute(1, 2, 0) * 255).round().byte().numpy()[inside]
    return shelf.keep(scaled), bits


def _finished(draft: _Draft, shelf: _Shelf) -> PooledImage:
    pixels, bits = draft
    kept = shelf.get(pixels) if isinstance(pixels, tuple) else pixels
    kept = kept if kept.ndim == 3 else kept[..., None]
    return PooledImage(kept, None if bits is None else shelf.get(bits))
