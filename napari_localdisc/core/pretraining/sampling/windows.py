"""Windows: the places of the two views of a crop in the region cut from an image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """Two windows, shifted against each other, inside a cut with a margin.

    A pixel lies at another distance from the borders of either window, so those do not identify
    the pixel; the margin lets neighbourhoods reach beyond the windows.

    Attributes
    ----------
    side : int
        Of a window, in pixels.
    slack : int
        By how much they may be shifted.
    margin : int
        Pixels around all that the windows can cover.
    first, second : tuple of int
        Rows and columns from the margin on, 0 to `slack`.
    """

    side: int
    slack: int
    margin: int
    first: tuple[int, int]
    second: tuple[int, int]

    @classmethod
    def draw(cls, side: int, margin: int, size: int, generator: torch.Generator) -> Windows:
        """Draw windows for images of a size, with as much slack and margin as fit."""
        slack = min(side // 4, size - side)
        margin = max(0, min(margin, (size - side - slack) // 2))
        rows, columns = torch.randint(0, slack + 1, (2, 2), generator=generator).tolist()
        return cls(side, slack, margin, (rows[0], columns[0]), (rows[1], columns[1]))

    @property
    def cut(self) -> int:
        """Side of the region that is cut from an image."""
        return self.side + self.slack + 2 * self.margin

    @property
    def core(self) -> int:
        """Side of the region in both windows, wherever they are."""
        return self.side - self.slack

    def view(self, x: Tensor, corner: tuple[int, int]) -> Tensor:
        """Look at a cut (..., cut, cut) through the window at a corner."""
        return _span(x, self.margin + corner[0], self.margin + corner[1], self.side)

    def shared(self, x: Tensor, corner: tuple[int, int]) -> Tensor:
        """Crop a map of that window (..., side, side) to the core."""
        return _span(x, self.slack - corner[0], self.slack - corner[1], self.core)

    def from_middle(self, corner: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns from the middle of a cut to a window's corner, doubled."""
        return 2 * (self.margin + corner[0]) - self.cut, 2 * (self.margin + corner[1]) - self.cut

    def middle(self, x: Tensor) -> Tensor:
        """Crop a cut (..., cut, cut) to the core."""
        return _span(x, self.margin + self.slack, self.margin + self.slack, self.core)


def _span(x: Tensor, row: int, column: int, side: int) -> Tensor:
    return x[..., row : row + side, column : column + side]
