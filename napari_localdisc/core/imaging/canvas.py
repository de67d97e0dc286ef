"""Square canvases: resampling of images to the canvas of a network, and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.imaging.arrays import FloatImage
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.imaging.window import WHOLE, Window


@dataclass(frozen=True)
class Canvas:
    """Place and scale of an image on its square canvas, or on a window of it.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the image.
    size : int
        Side in pixels of the canvas, or of the window.
    window : Window
        The part of the canvas that is kept.
    """

    shape: tuple[int, int]
    size: int
    window: Window = WHOLE

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the image on the canvas: its longer side fills it."""
        scale = self.window.canvas_side(self.size) / max(self.shape)
        height, width = (max(1, round(side * scale)) for side in self.shape)
        return height, width

    @property
    def corner(self) -> tuple[int, int]:
        """Top and left of the image from the corner of the window; below 0 where it is cut."""
        height, width = self.inner
        whole = self.window.canvas_side(self.size)
        top, left = self.window.corner(self.size)
        return (whole - height) // 2 - top, (whole - width) // 2 - left

    def to_canvas(self, x: Tensor) -> Tensor:
        """Scale (N, C, H, W) to the canvas (N, C, size, size), zero outside."""
        height, width = self.inner
        top, left = self.corner
        if x.shape[-2:] != (height, width):
            x = F.interpolate(x, size=(height, width), mode="bilinear", antialias=True)
        return F.pad(x, (left, self.size - width - left, top, self.size - height - top))

    def from_canvas(self, x: Tensor) -> Tensor:
        """Cut (N, C, size, size) back to the image and scale it to (N, C, H, W).

        What of the image lies outside the window is zero.
        """
        height, width = self.inner
        top, left = self.corner
        cut = F.pad(x, (-left, left + width - self.size, -top, top + height - self.size))
        return F.interpolate(cut, size=self.shape, mode="bilinear", align_corners=False)


def image_to_canvas(
    image: FloatImage, preprocessing: Preprocessing, size: int, window: Window = WHOLE
) -> tuple[Tensor, Tensor]:
    """Resample an image and its field of view to a canvas.

    Parameters
    ----------
    image : ndarray of float32, shape (H, W, C)
    preprocessing : Preprocessing
    size : int
        Side in pixels of the canvas, or of the window.
    window : Window
        The part of the canvas that is kept.

    Returns
    -------
    pixels : Tensor, shape (1, C, size, size)
    field : Tensor, shape (1, 1, size, size)
        1 inside the field of view, 0 outside and beyond the image.
    """
    canvas = Canvas((image.shape[0], image.shape[1]), size, window)
    pixels, field = preprocessing.planes(image)
    return canvas.to_canvas(pixels).clamp(0, 1), (canvas.to_canvas(field) > 0.5).float()
