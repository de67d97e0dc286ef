"""From an image to what the network sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from napari_localdisc.core.gaussian import WORDS, blur, differential
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
    scales : tuple of float
        Scales in pixels at which the last of them is described by its differential structure.
    """

    channels: int
    field_of_view: bool
    sigmas: tuple[float, ...] = (6.0, 24.0)
    scales: tuple[float, ...] = ()

    @property
    def inputs(self) -> int:
        """Channels of the network's input: normalised ones, then their differential structure."""
        return (1 + len(self.sigmas) + WORDS * len(self.scales)) * self.channels

    @property
    def normalised(self) -> int:
        """How many of them, the first ones, are normalised channels."""
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
        return self.describe(torch.cat([wide, *local], dim=1), field)

    def describe(self, normalised: Tensor, field: Tensor) -> Tensor:
        """Add the differential structure to normalised channels.

        Parameters
        ----------
        normalised : Tensor, shape (N, normalised, H, W)
        field : Tensor, shape (N, 1, H, W)

        Returns
        -------
        Tensor, shape (N, inputs, H, W)
        """
        last = normalised[:, -self.channels :]
        words = [differential(last, scale) * field for scale in self.scales]
        return torch.cat([normalised, *words], dim=1)


def normalise(pixels: Tensor, field: Tensor, average: Callable[[Tensor], Tensor]) -> Tensor:
    """Subtract a mean and divide by a standard deviation, both taken inside the field of view."""
    weight = average(field).clamp_min(1e-4)
    mean = average(pixels * field) / weight
    variance = average(pixels.square() * field) / weight - mean.square()
    return (pixels - mean) / (variance.clamp_min(0).sqrt() + 0.01) * field
