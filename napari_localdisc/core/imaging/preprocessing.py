"""From an image to what the network sees.

The rim of a field of view is dim and looks like a vessel, so the outermost pixels are not believed:
they and all that lies beyond are filled with the mean of what is near inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_localdisc.core.imaging.arrays import FloatImage, field_of_view, with_channels
from napari_localdisc.core.imaging.morphology import erode
from napari_localdisc.core.imaging.scale_space import WORDS, blur, differential

_RIM = 0.008
"""Width of the rim, as a share of the longer side."""
_NEAR = 12.0
"""Width in pixels of the neighbourhood that fills it."""


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
        Widths in pixels of the neighbourhoods whose mean is subtracted.
    scales : tuple of float
        Scales in pixels at which the last of these differences is described by its differential
        structure.
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
        # Before the channels are copied: looking for the field takes as much memory again.
        field = torch.from_numpy(field_of_view(converted)) if self.field_of_view else None
        pixels = torch.from_numpy(converted).permute(2, 0, 1)[None].contiguous()
        if field is None:
            return pixels, torch.ones_like(pixels[:, :1])
        return pixels, field.float()[None, None]

    def __call__(self, pixels: Tensor, field: Tensor) -> Tensor:
        """Normalise channels, whole and against their surroundings, and describe them.

        Parameters
        ----------
        pixels : Tensor, shape (N, C, H, W)
            Values in [0, 1].
        field : Tensor, shape (N, 1, H, W)
            1 inside the field of view, 0 outside.

        Returns
        -------
        Tensor, shape (N, inputs, H, W)
            Zero outside the field of view; the normalised channels have unit variance inside.
        """
        return self.describe(self.normalise(pixels, field), field)

    def normalise(self, pixels: Tensor, field: Tensor) -> Tensor:
        """Compute the normalised channels (N, normalised, H, W)."""
        inside = without_rim(field)
        filled = fill(pixels, inside)
        mean = (filled * inside).sum(dim=(2, 3), keepdim=True) / _count(inside)
        wide = _scale(filled - mean, inside)
        local = [_scale(filled - blur(filled, sigma), inside) for sigma in self.sigmas]
        return torch.cat([wide, *local], dim=1) * field

    def whole(self, normalised: Tensor) -> Tensor:
        """Those of normalised channels (N, normalised, H, W) that kept their surroundings' mean."""
        return normalised[:, : self.channels]

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


def without_rim(field: Tensor) -> Tensor:
    """Erode a field of view (N, 1, H, W); the image's own edge is no rim."""
    radius = round(_RIM * max(field.shape[-2:]))
    if radius == 0:
        return field
    eroded = erode(field, radius)
    return torch.where(eroded.amax(dim=(2, 3), keepdim=True) > 0, eroded, field)


def fill(pixels: Tensor, inside: Tensor) -> Tensor:
    """Replace pixels (N, C, H, W) where `inside` (N, 1, H, W) is 0 by the mean of those near."""
    known = pixels * inside
    mean = known.sum(dim=(2, 3), keepdim=True) / _count(inside)
    weight = blur(inside, _NEAR)
    near = (blur(known, _NEAR) + 1e-3 * mean) / (weight + 1e-3)
    return known + near * (1 - inside)


def _scale(x: Tensor, inside: Tensor) -> Tensor:
    """Divide by the standard deviation inside, for values whose mean is about zero."""
    variance = (x.square() * inside).sum(dim=(2, 3), keepdim=True) / _count(inside)
    return x / (variance.sqrt() + 2e-3)


def _count(inside: Tensor) -> Tensor:
    return inside.sum(dim=(2, 3), keepdim=True).clamp_min(1)
