"""Pairs of views: the same crops of images under two random variations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.augmentation import Turn, photometric
from napari_localdisc.core.encoder import EncoderCard
from napari_localdisc.core.image_pool import ImagePool
from napari_localdisc.core.pretrain_config import PretrainConfig


@dataclass(frozen=True)
class Views:
    """N crops, seen twice, prepared for the network.

    Attributes
    ----------
    first, second : Tensor, shape (N, C, side, side)
        The second is turned.
    turn : Turn
        How.
    image : Tensor of int64, shape (N,)
        Which image of the pool a crop was cut from.
    """

    first: Tensor
    second: Tensor
    turn: Turn
    image: Tensor


class ViewFeeder:
    """Draws pairs of views from a pool, and varies them on the device.

    Parameters
    ----------
    pool : ImagePool
    card : EncoderCard
    config : PretrainConfig
    one_crop_each : bool
        Cut one crop from each of as many different images, rather than several from a few.
    """

    def __init__(
        self, pool: ImagePool, card: EncoderCard, config: PretrainConfig, one_crop_each: bool
    ) -> None:
        self.pool, self.card, self.config = pool, card, config
        self.one_crop_each = one_crop_each
        self.augment = photometric(card.channels)
        self.generator = torch.Generator().manual_seed(config.seed)

    def __call__(self, device: torch.device) -> Views:
        """Draw the views of a step."""
        size, chosen = self._choose()
        pixels, fields = self._scaled(chosen, size, device)
        owners = [index % len(chosen) for index in range(self.config.crops)]
        lit = fields.cpu()  # in one go: every look at a pixel would wait for the device
        corners = [self._corner(lit[owner]) for owner in owners]
        side = self.config.crop

        def cut(view: Tensor) -> Tensor:
            return torch.stack(
                [
                    view[o, :, r : r + side, c : c + side]
                    for o, (r, c) in zip(owners, corners, strict=True)
                ]
            )

        prepare = self.card.preprocessing
        first, second = (cut(prepare(self.augment(pixels).clamp(0, 1), fields)) for _ in range(2))
        turn = Turn.draw(self.generator)
        image = torch.tensor([chosen[owner] for owner in owners], device=device)
        return Views(first, turn(second), turn, image)

    def _draw(self, high: int, count: int) -> list[int]:
        return [int(i) for i in torch.randint(0, high, (count,), generator=self.generator)]

    def _choose(self) -> tuple[int, list[int]]:
        """Draw a size in pixels and the images that are seen at it."""
        config = self.config
        scale = config.scales[self._draw(len(config.scales), 1)[0]]
        size = max(config.crop, round(self.card.working_size * scale))
        if self.one_crop_each:
            shuffled = torch.randperm(len(self.pool), generator=self.generator)
            return size, shuffled[: config.crops].tolist()
        count = min(config.crops, max(config.images, round(config.images / scale)))
        return size, self._draw(len(self.pool), count)

    def _scaled(self, chosen: list[int], size: int, device: torch.device) -> tuple[Tensor, Tensor]:
        pixels, fields = self.pool.take(chosen, device)
        if size != pixels.shape[-1]:
            pixels = F.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
            fields = F.interpolate(fields, size=(size, size), mode="nearest")
        return pixels, fields

    def _corner(self, field: Tensor) -> tuple[int, int]:
        """Draw the corner of a crop whose centre lies in the field of view."""
        size, half = field.shape[-1], self.config.crop // 2
        for _ in range(20):
            row, column = self._draw(size - 2 * half + 1, 2)
            if field[0, min(row + half, size - 1), min(column + half, size - 1)] > 0:
                break
        return row, column
