"""Images on the square canvas that guidance and pretraining work on, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.imaging.arrays import FloatImage
from napari_localdisc.core.imaging.preprocessing import Preprocessing


@dataclass(frozen=True)
class Canvas:
    """Where an image lies on its square canvas.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the image.
    size : int
        Side of the canvas.
    """

    shape: tuple[int, int]
    size: int

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the image on the canvas: its longer side fills it."""
        scale = self.size / max(self.shape)
        height, width = (max(1, round(side * scale)) for side in self.shape)
        return height, width

    @property
    def corner(self) -> tuple[int, int]:
        """Top and left of the image on the canvas."""
        height, width = self.inner
        return (self.size - height) // 2, (self.size - width) // 2

    def to_canvas(self, x: Tensor) -> Tensor:
        """Scale (N, C, H, W) to the canvas (N, C, size, size), zero outside."""
        height, width = self.inner
        top, left = self.corner
        if x.shape[-2:] != (height, width):
            x = F.interpolate(x, size=(height, width), mode="bilinear", antialias=True)
        return F.pad(x, (left, self.size - width - left, top, self.size - height - top))

    def from_canvas(self, x: Tensor) -> Tensor:
        """Cut (N, C, size, size) back to the image and scale it to (N, C, H, W)."""
        height, width = self.inner
        top, left = self.corner
        cut = x[..., top : top + height, left : left + width]
        return F.interpolate(cut, size=self.shape, mode="bilinear", align_corners=False)


def image_to_canvas(
    image: FloatImage, preprocessing: Preprocessing, size: int
) -> tuple[Tensor, Tensor]:
    """Lay an image and its field of view on a canvas.

    Parameters
    ----------
    image : ndarray of float32, shape (H, W, C)
    preprocessing : Preprocessing
    size : int
        Side of the canvas in pixels.

    Returns
    -------
    pixels : Tensor, shape (1, C, size, size)
    field : Tensor, shape (1, 1, size, size)
        1 inside the field of view, 0 outside and beyond the image.
    """
    canvas = Canvas((image.shape[0], image.shape[1]), size)
    pixels, field = preprocessing.planes(image)
    return canvas.to_canvas(pixels).clamp(0, 1), (canvas.to_canvas(field) > 0.5).float()
