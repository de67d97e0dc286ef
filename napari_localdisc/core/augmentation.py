"""Random variation of images while a network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from kornia import augmentation as K
from torch import Tensor, nn

_RANGE = 10.0
"""Normalised values beyond half of it, five standard deviations, are cut."""


def exposure() -> nn.Module:
    """Contrast, brightness, sharpness and noise of another exposure, drawn per image.

    Returns
    -------
    Module
        Maps normalised channels (N, C, H, W), about zero and of unit variance, to the same.
    """
    return _Exposure(
        K.AugmentationSequential(
            K.RandomBrightness((0.9, 1.1), p=0.8),
            K.RandomContrast((0.7, 1.4), p=0.8),
            K.RandomGamma((0.8, 1.25), p=0.5),
            K.RandomGaussianBlur((5, 5), (0.3, 1.2), p=0.4),
            K.RandomGaussianNoise(std=0.02, p=0.5),
            data_keys=["input"],
        )
    )


class _Exposure(nn.Module):
    """Lets augmentations for values in [0, 1] work on normalised ones."""

    def __init__(self, steps: nn.Module) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, normalised: Tensor) -> Tensor:
        varied = self.steps((normalised / _RANGE + 0.5).clamp(0, 1))
        return cast(Tensor, (varied - 0.5) * _RANGE)


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
