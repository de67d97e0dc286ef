"""From an image to what the network sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.imaging import FloatImage, field_of_view, with_channels


@dataclass(frozen=True)
class Preprocessing:
    """How images of a modality are prepared.

    Attributes
    ----------
    channels : int
        1 (grey) or 3 (RGB).
    field_of_view : bool
        Whether a dark border is to be left out, as in fundus photographs.
    sigmas : tuple of float
        Scales in pixels of the local contrast normalisations.
    """

    channels: int
    field_of_view: bool
    sigmas: tuple[float, ...] = (6.0, 24.0)

    @property
    def inputs(self) -> int:
        """Channels of the network's input: globally normalised ones, then one set per sigma."""
        return (1 + len(self.sigmas)) * self.channels

    def planes(self, image: FloatImage) -> tuple[Tensor, Tensor]:
        """Split an image into channels (1, C, H, W) and field of view (1, 1, H, W)."""
        converted = with_channels(image, self.channels)
        pixels = torch.from_numpy(converted).permute(2, 0, 1)[None].contiguous()
        if not self.field_of_view:
            return pixels, torch.ones_like(pixels[:, :1])
        field = torch.from_numpy(field_of_view(converted))
        return pixels, field.float()[None, None]

    def __call__(self, pixels: Tensor, field: Tensor) -> Tensor:
        """Normalise channels globally and locally.

        Parameters
        ----------
        pixels : Tensor, shape (N, C, H, W)
            Values in [0, 1].
        field : Tensor, shape (N, 1, H, W)
            1 inside the field of view, 0 outside.

        Returns
        -------
        Tensor, shape (N, inputs, H, W)
            Zero mean and unit variance over the field of view, then over Gaussian neighbourhoods;
            zero outside the field of view.
        """
        wide = normalise(pixels, field, lambda x: x.mean(dim=(2, 3), keepdim=True))
        local = [normalise(pixels, field, partial(blur, sigma=sigma)) for sigma in self.sigmas]
        return torch.cat([wide, *local], dim=1)


def normalise(pixels: Tensor, field: Tensor, average: Callable[[Tensor], Tensor]) -> Tensor:
    """Subtract a mean and divide by a standard deviation, both taken inside the field of view."""
    weight = average(field).clamp_min(1e-4)
    mean = average(pixels * field) / weight
    variance = average(pixels.square() * field) / weight - mean.square()
    return (pixels - mean) / (variance.clamp_min(0).sqrt() + 0.01) * field


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur with mirrored borders; wide kernels run on a coarser grid.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    sigma : float
        Standard deviation in pixels.
    """
    factor = max(1, min(int(sigma / 3), min(x.shape[-2:])))
    if factor == 1:
        return _blur(x, sigma)
    coarse = F.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)
    return F.interpolate(
        _blur(coarse, sigma / factor), size=x.shape[-2:], mode="bilinear", align_corners=False
    )


def _blur(x: Tensor, sigma: float) -> Tensor:
    for axis in (-2, -1):
        radius = min(int(3 * sigma + 0.5), x.shape[axis] - 1)
        steps = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
        kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
        shape = (1, 1, -1, 1) if axis == -2 else (1, 1, 1, -1)
        weight = (kernel / kernel.sum()).view(shape).expand(x.shape[1], 1, *shape[2:])
        padding = (0, 0, radius, radius) if axis == -2 else (radius, radius, 0, 0)
        x = F.conv2d(F.pad(x, padding, mode="reflect"), weight, groups=x.shape[1])
    return x
