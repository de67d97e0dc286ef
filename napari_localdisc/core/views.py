"""Pairs of views: the same crops of images under two random variations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_localdisc.core.augmentation import Turn, exposure, hide
from napari_localdisc.core.encoder import EncoderCard
from napari_localdisc.core.image_pool import ImagePool
from napari_localdisc.core.normalised_pool import NormalisedPool
from napari_localdisc.core.pretrain_config import PretrainConfig
from napari_localdisc.core.windows import Windows

_MARGIN = 16
"""Pixels around views that their descriptions may reach into."""


@dataclass(frozen=True)
class Views:
    """N crops, seen twice, prepared for the network.

    Attributes
    ----------
    first, second : Tensor, shape (N, C, side, side)
        The second is shifted and turned, and parts of it are hidden.
    windows : Windows
        How it is shifted.
    turn : Turn
        How it is turned.
    plain : Tensor, shape (N, C, core, core)
        What both show, neither varied nor turned.
    image : Tensor of int64, shape (N,)
        Which image of the pool a crop was cut from.
    """

    first: Tensor
    second: Tensor
    windows: Windows
    turn: Turn
    plain: Tensor
    image: Tensor

    def shared(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Bring maps of both views (N, D, side, side) to what both show (N, D, core, core)."""
        straight = self.turn.undo(second)
        windows = self.windows
        return windows.shared(first, windows.first), windows.shared(straight, windows.second)


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
        self.normalised = NormalisedPool(pool, card)
        self.one_crop_each = one_crop_each
        self.vary = exposure()
        self.generator = torch.Generator().manual_seed(config.seed)

    def __call__(self, device: torch.device) -> Views:
        """Draw the views of a step."""
        size, chosen = self._choose()
        images = [self.normalised.take(index, size) for index in chosen]
        owners = [index % len(chosen) for index in range(self.config.crops)]
        windows = Windows.draw(self.config.crop, _MARGIN, size, self.generator)
        cuts = [self._cut(images[owner], windows.cut) for owner in owners]
        normalised = torch.stack(cuts).to(device).float()
        turn = Turn.draw(self.generator, self.config.turns)
        first = windows.view(self._describe(normalised, varied=True), windows.first)
        second = windows.view(self._describe(normalised, varied=True), windows.second)
        return Views(
            first=first,
            second=turn(hide(second, self.config.hidden, self.generator)),
            windows=windows,
            turn=turn,
            plain=windows.middle(self._describe(normalised, varied=False)),
            image=torch.tensor([chosen[owner] for owner in owners], device=device),
        )

    def _describe(self, cuts: Tensor, *, varied: bool) -> Tensor:
        """Turn cuts (N, C + 1, cut, cut), the last channel the field, into network inputs."""
        normalised, field = cuts[:, :-1], cuts[:, -1:]
        if varied:
            normalised = self.vary(normalised) * field
        return self.card.preprocessing.describe(normalised, field)

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

    def _cut(self, image: Tensor, side: int) -> Tensor:
        """Cut around some place in the field of view, the last channel."""
        half = side // 2
        for _ in range(20):
            row, column = self._draw(image.shape[-1] - side + 1, 2)
            if image[-1, row + half, column + half] > 0:
                break
        return image[:, row : row + side, column : column + side]
