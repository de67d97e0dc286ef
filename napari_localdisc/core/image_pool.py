"""The images of a pretraining in memory: 8 bits a channel, at working size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.core.encoder import EncoderCard
from napari_localdisc.core.framing import Frame, frame
from napari_localdisc.core.imaging import as_image
from napari_localdisc.core.progress import Progress, Run

Bytes = npt.NDArray[np.uint8]


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

    def lay(self, pixels: Bytes, field: npt.NDArray[np.bool_]) -> None:
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
            self.images[index].lay(canvas, field)
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
    pooled = []
    for done, index in enumerate(order):
        pooled.append(_pooled(images[index], card))
        yield Progress("prepare", done + 1, len(order))
    return ImagePool(pooled, card.working_size)


def _pooled(image: npt.NDArray[np.generic], card: EncoderCard) -> PooledImage:
    pixels, field = frame(as_image(image), card.preprocessing, card.working_size)
    place = Frame((image.shape[0], image.shape[1]), card.working_size)
    (top, left), (height, width) = place.corner, place.inner
    inside = (slice(top, top + height), slice(left, left + width))
    lit = field[0, 0].numpy()[inside] > 0
    bits = None if lit.all() else np.packbits(lit)
    as_it_is = np.asarray(image if image.ndim == 3 else image[..., None])
    if as_it_is.dtype == np.uint8 and as_it_is.shape == (height, width, card.channels):
        return PooledImage(as_it_is, bits)
    scaled = (pixels[0].permute(1, 2, 0) * 255).round().byte().numpy()[inside]
    return PooledImage(np.ascontiguousarray(scaled), bits)
