"""Data augmentation: exposure, masked blocks, noise, and symmetries of the square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from kornia import augmentation as K
from torch import Tensor, nn

Turns = Literal["square", "mirror", "none"]
"""Symmetries under which an image stays plausible: all eight of the square, or left and right
exchanged, or none."""

_BLOCKS = 5
"""Blocks along a side of a view that are masked as a whole."""


def exposure() -> nn.Module:
    """Random contrast, brightness, blur and noise, drawn per image.

    Returns
    -------
    Module
        Maps normalised channels (N, C, H, W), about zero and of unit variance, to the same.
    """
    # Both about zero, the mean: contrast alone changes the spread, brightness the level.
    return K.AugmentationSequential(
        K.RandomContrast((0.7, 1.4), clip_output=False, p=0.8),
        K.RandomBrightness((0.8, 1.2), clip_output=False, p=0.8),
        K.RandomGaussianBlur((5, 5), (0.3, 1.2), p=0.4),
        K.RandomGaussianNoise(std=0.2, p=0.5),
        data_keys=["input"],
    )


def hide(views: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Mask a share of the blocks of a grid, drawn per image.

    Parameters
    ----------
    views : Tensor, shape (N, C, side, side)
        About zero, the value of masked blocks.
    share : float
        From 0 to 1.
    generator : torch.Generator
    """
    if not share:
        return views
    side = views.shape[-1]
    block = max(1, side // _BLOCKS)
    shift = torch.randint(0, block, (2,), generator=generator).tolist()
    kept = torch.rand(len(views), 1, _BLOCKS + 3, _BLOCKS + 3, generator=generator) >= share
    grid = kept.to(views).repeat_interleave(block, 2).repeat_interleave(block, 3)
    return views * grid[..., shift[0] : shift[0] + side, shift[1] : shift[1] + side]


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
    def draw(cls, generator: torch.Generator, turns: Turns = "square") -> Turn:
        """Draw an allowed symmetry at random."""
        quarters, mirrored = torch.randint(0, 4, (2,), generator=generator).tolist()
        if turns == "square":
            return cls(quarters, mirrored % 2 == 1)
        return cls(0, turns == "mirror" and mirrored % 2 == 1)

    def __call__(self, x: Tensor) -> Tensor:
        """Turn the last two axes."""
        turned = torch.rot90(x, self.quarters, (-2, -1))
        return turned.flip(-1) if self.mirrored else turned

    def undo(self, x: Tensor) -> Tensor:
        """Turn back."""
        straight = x.flip(-1) if self.mirrored else x
        return torch.rot90(straight, -self.quarters, (-2, -1))
