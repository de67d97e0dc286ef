"""Copy-paste augmentation: reference shapes of a curvilinear target, pasted into images.

Of a graft every border is known. Beside what is believed of the real structures it teaches a
network borders at full resolution, and shapes that no belief has shown (copy-paste augmentation,
Ghiasi et al. 2021, with shapes from the prior instead of labelled examples).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_localdisc.core.imaging.morphology import dilate
from napari_localdisc.core.imaging.scale_space import blur
from napari_localdisc.core.losses.segmentation import IGNORE
from napari_localdisc.core.segmenter.local_contrast import local_contrast, width_levels
from napari_localdisc.core.segmenter.pixel_features import PixelSet

_STRENGTH = (0.2, 1.0)
"""Range of a graft's contrast, in that of the structures that were found: others are fainter."""
_PATCHES = 8.0
"""Width in pixels of the patches in which contrast varies along a graft."""
_SOFT = 0.7
_NEAR = 3


@dataclass(frozen=True)
class PastedShape:
    """A crop of a reference mask, and how it is to look.

    Attributes
    ----------
    mask : Tensor of bool, shape (s, s)
    level : Tensor of int64, shape (s, s)
        Of local half-width, 0 to 3.
    strength : Tensor, scalar
        Its contrast, in that of the structures that were found.
    noise : Tensor, shape (s, s)
        White; blurred, it says how contrast varies along the graft.
    """

    mask: Tensor
    level: Tensor
    strength: Tensor
    noise: Tensor


class CopyPaste:
    """Draws crops of reference masks into crops of images.

    Parameters
    ----------
    pixels : PixelSet
    masks : Tensor of bool, shape (N, S, S)
        References of one target, on the canvas of `pixels`.
    labels : Tensor of int8, shape (n, S, S)
        What is believed of the images: 0 background, 1..K targets, -1 undecided.
    target : int
        Label of the target.

    Attributes
    ----------
    contrast : Tensor, shape (4, C)
        Difference from the surroundings in each normalised channel, by local half-width.
    """

    def __init__(self, pixels: PixelSet, masks: Tensor, labels: Tensor, target: int) -> None:
        self.masks, self.target = masks, target
        self._to_choose = masks.cpu().numpy()  # a GPU would be waited for at each comparison
        self.levels = width_levels(masks)
        self.contrast = local_contrast(pixels.normalised, pixels.fields, labels, target)

    def sample(self, side: int, generator: torch.Generator) -> PastedShape:
        """Draw the fullest of three crops (side, side) of a reference, and how it is to look."""
        index = int(torch.randint(len(self.masks), (), generator=generator))
        room = self.masks.shape[-1] - side + 1
        corners = torch.randint(room, (3, 2), generator=generator).tolist()
        spans = [(index, slice(r, r + side), slice(c, c + side)) for r, c in corners]
        span = max(spans, key=lambda one: self._to_choose[one].sum())
        quarters = int(torch.randint(4, (), generator=generator))
        mask, level = (torch.rot90(maps[span], quarters) for maps in (self.masks, self.levels))
        low, high = _STRENGTH
        strength = low + (high - low) * torch.rand((), generator=generator)
        return PastedShape(mask, level, strength, torch.randn(side, side, generator=generator))

    def paste(
        self, crops: Tensor, labels: Tensor, fields: Tensor, shapes: Sequence[PastedShape]
    ) -> tuple[Tensor, Tensor]:
        """Draw grafts into crops.

        Parameters
        ----------
        crops : Tensor, shape (B, C, s, s)
            Normalised channels.
        labels : Tensor of int64, shape (B, s, s)
        fields : Tensor of bool, shape (B, s, s)
        shapes : sequence of PastedShape
            One for each crop, of the same side.

        Returns
        -------
        crops, labels : Tensor
            Of the same shapes. Pixels near a graft that were undecided are background.
        """
        mask, level, strength, noise = (
            torch.stack([getattr(shape, name) for shape in shapes])
            for name in ("mask", "level", "strength", "noise")
        )
        varied = 1 + 1.5 * _PATCHES * blur(noise[:, None], _PATCHES)
        strength = strength[:, None, None, None] * varied.clamp(0.4, 1.5)
        amount = strength.to(crops) * mask[:, None]
        drawn = blur(self.contrast[level].permute(0, 3, 1, 2) * amount, _SOFT)
        near = dilate(mask[:, None].float(), _NEAR)[:, 0] > 0
        labels = torch.where(near & (labels == IGNORE), 0, labels)
        return crops + drawn * fields[:, None], torch.where(mask & fields, self.target, labels)
