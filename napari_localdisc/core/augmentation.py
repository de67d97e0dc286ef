"""Random variation of images while a network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from kornia import augmentation as K
from torch import Tensor, nn


def photometric(channels: int) -> nn.Module:
    """Colour, contrast, blur and noise of another camera, drawn per image.

    Parameters
    ----------
    channels : int
        1 or 3; hue and saturation vary only where there is colour.

    Returns
    -------
    Module
        Maps (N, C, H, W) in [0, 1] to the same.
    """
    steps = [
        K.RandomBrightness((0.8, 1.2), p=0.8),
        K.RandomContrast((0.7, 1.4), p=0.8),
        K.RandomGamma((0.7, 1.5), p=0.8),
        K.RandomGaussianBlur((5, 5), (0.3, 1.2), p=0.4),
        K.RandomGaussianNoise(std=0.02, p=0.5),
    ]
    if channels == 3:
        steps[:0] = [K.RandomSaturation((0.6, 1.4), p=0.5), K.RandomHue((-0.04, 0.04), p=0.5)]
    return cast(nn.Module, K.AugmentationSequential(*steps, data_keys=["input"]))


def vary_inputs(inputs: Tensor, generator: torch.Generator) -> Tensor:
    """Vary gain, level and noise of preprocessed inputs (N, C, H, W), drawn per image."""
    shape = (len(inputs), inputs.shape[1], 1, 1)
    gain = 0.7 + 0.6 * torch.rand(shape[0], 1, 1, 1, generator=generator)
    shift = 0.15 * torch.randn(shape, generator=generator)
    noise = 0.1 * torch.randn(inputs.shape, generator=generator)
    return inputs * gain.to(inputs) + shift.to(inputs) + noise.to(inputs)


@dataclass(frozen=True)
class Turn:
    """One of the eight symmetries of the square."""

    quarters: int
    mirrored: bool

    @classmethod
    def draw(cls, generator: torch.Generator) -> Turn:
        """Draw one of the eight at random."""
        quarters, mirrored = torch.randint(0, 4, (2,), generator=generator).tolist()
        return cls(quarters, mirrored % 2 == 1)

    def __call__(self, x: Tensor) -> Tensor:
        """Turn the last two axes."""
        turned = torch.rot90(x, self.quarters, (-2, -1))
        return turned.flip(-1) if self.mirrored else turned

    def undo(self, x: Tensor) -> Tensor:
        """Turn back."""
        straight = x.flip(-1) if self.mirrored else x
        return torch.rot90(straight, -self.quarters, (-2, -1))
