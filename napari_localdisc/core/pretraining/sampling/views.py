"""Pairs of views: the same crops of images under two random variations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.imaging.augmentation import Turn, exposure, hide
from napari_localdisc.core.pretraining.config import PretrainConfig
from napari_localdisc.core.pretraining.pseudo_labels.pseudo_label_maps import PseudoLabelMaps
from napari_localdisc.core.pretraining.sampling.image_pool import ImagePool
from napari_localdisc.core.pretraining.sampling.normalised_pool import NormalisedPool
from napari_localdisc.core.pretraining.sampling.warp import Warp
from napari_localdisc.core.pretraining.sampling.windows import Windows

_MARGIN = 16
"""Pixels around views that their descriptions may reach into."""

_Place = tuple[Tensor, Tensor]
"""Rows (side, 1) and columns (side,) of a square."""

_INSIDE = 0.99
"""From this value on a pixel of a warped field of view lies inside."""


@dataclass(frozen=True)
class Views:
    """N crops, seen twice, prepared for the network.

    Attributes
    ----------
    first, second : Tensor, shape (N, C, side, side)
        The second is warped, shifted and turned, and parts of it are hidden.
    windows : Windows
        How it is shifted.
    turn : Turn
        How it is turned.
    warp : Warp
        How it is zoomed and tilted.
    plain : tuple of two Tensors, shape (N, C, core, core)
        What both show, as it looks in either, neither varied nor turned.
    image : Tensor of int64, shape (N,)
        Which image of the pool a crop was cut from.
    pseudo_labels : Tensor of int64, shape (N, B, core, core), optional
        What a teacher tells of what both show.
    """

    first: Tensor
    second: Tensor
    windows: Windows
    turn: Turn
    warp: Warp
    plain: tuple[Tensor, Tensor]
    image: Tensor
    pseudo_labels: Tensor | None = None

    def shared(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Bring maps of both views (N, D, side, side) to what both show (N, D, core, core)."""
        windows = self.windows
        straight = _straight(self.turn.undo(second), windows, self.warp)[0]
        return windows.shared(first, windows.first), straight

    @property
    def overlap(self) -> Tensor:
        """Where the core is shown in both views: bool (N, core, core)."""
        return _straight(self.second[:, :1], self.windows, self.warp)[1]


class ViewFeeder:
    """Draws pairs of views from a pool, and varies them on the device.

    Parameters
    ----------
    pool : ImagePool
    card : EncoderCard
    config : PretrainConfig
    one_crop_each : bool
        Cut one crop from each of as many different images, rather than several from a few.
    pseudo_labels : PseudoLabelMaps, optional
        Tells codes of the images of the pool.
    """

    def __init__(
        self,
        pool: ImagePool,
        card: EncoderCard,
        config: PretrainConfig,
        one_crop_each: bool,
        pseudo_labels: PseudoLabelMaps | None = None,
    ) -> None:
        self.pool, self.card, self.config = pool, card, config
        self.normalised = NormalisedPool(pool, card)
        self.one_crop_each, self.pseudo_labels = one_crop_each, pseudo_labels
        self.vary = exposure()
        self.generator = torch.Generator().manual_seed(config.seed)

    def __call__(self, device: torch.device) -> Views:
        """Draw the views of a step."""
        size, chosen = self._choose()
        owners = [chosen[crop % len(chosen)] for crop in range(self.config.crops)]
        images = [self.normalised.take(index, size, device) for index in owners]
        beyond = self.config.crop // 4 + _MARGIN if self.config.mirrored else 0
        windows = Windows.draw(self.config.crop, _MARGIN, size + 2 * beyond, self.generator)
        places = [self._place(image, windows.cut, beyond) for image in images]
        normalised = _cut(images, places).to(device).float()
        turn = Turn.draw(self.generator, self.config.turns)
        warp = Warp.draw(len(owners), self.config.zoom, self.config.tilt, self.generator)
        warped = warp(normalised)
        first = windows.view(self._describe(normalised, varied=True), windows.first)
        second = windows.view(self._describe(warped, varied=True), windows.second)
        return Views(
            first=first,
            second=turn(hide(second, self.config.hidden, self.generator)),
            windows=windows,
            turn=turn,
            warp=warp,
            plain=self._plain(normalised, warped, windows, warp),
            image=torch.tensor(owners, device=device),
            pseudo_labels=self._cut_pseudo_labels(owners, size, places, windows, device),
        )

    def _cut_pseudo_labels(
        self,
        owners: Sequence[int],
        size: int,
        places: Sequence[_Place],
        windows: Windows,
        device: torch.device,
    ) -> Tensor | None:
        """Cut out what the teacher tells of what both views show."""
        if self.pseudo_labels is None:
            return None
        maps = [self.pseudo_labels.take(index, size) for index in owners]
        return windows.middle(_cut(maps, places)).to(device)

    def _plain(
        self, normalised: Tensor, warped: Tensor, windows: Windows, warp: Warp
    ) -> tuple[Tensor, Tensor]:
        """Describe what both views show, as it looks in either."""
        first = windows.middle(self._describe(normalised, varied=False))
        if warp.matrix is None:
            return first, first
        second = windows.view(self._describe(warped, varied=False), windows.second)
        return first, _straight(second, windows, warp)[0]

    def _describe(self, cuts: Tensor, *, varied: bool) -> Tensor:
        """Turn cuts (N, C + 1, cut, cut), the last channel the field, into network inputs."""
        normalised, field = cuts[:, :-1], (cuts[:, -1:] > _INSIDE).float()
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

    def _place(self, image: Tensor, side: int, beyond: int) -> _Place:
        """Choose a square around some place in the field of view, the last channel.

        It may reach `beyond` pixels over the border.
        """
        size, half = image.shape[-1], side // 2
        for _ in range(20):
            row, column = (x - beyond for x in self._draw(size + 2 * beyond - side + 1, 2))
            if image[-1, row + half, column + half] > 0:
                break
        return _mirrored(row, side, size)[:, None], _mirrored(column, side, size)


def _mirrored(start: int, count: int, size: int) -> Tensor:
    """Count pixels of a row of some size from a start on; beyond its ends those of its mirror."""
    turned = torch.arange(start, start + count) % (2 * size - 2)
    return torch.minimum(turned, 2 * size - 2 - turned)


def _cut(maps: Sequence[Tensor], places: Sequence[_Place]) -> Tensor:
    """Cut squares of one size out of maps (..., S, S), one of each."""
    return torch.stack([x[(..., *place)] for x, place in zip(maps, places, strict=True)])


def _straight(second: Tensor, windows: Windows, warp: Warp) -> tuple[Tensor, Tensor]:
    """Bring a map of the second view to the core, and tell where the view shows that."""
    if warp.matrix is not None:
        return warp.undo(second, windows.from_middle(windows.second), windows.core)
    straight = windows.shared(second, windows.second)
    return straight, torch.ones_like(straight[:, 0], dtype=torch.bool)
