"""Zoom and tilt of the second of two views against the first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Warp:
    """Zoom and rotation of each of N squares about its middle.

    Attributes
    ----------
    matrix : Tensor of float32, shape (N, 2, 2), optional
        Takes the way from the middle to a place, as column and row, to that in the warped square.
        Nothing is warped without.
    """

    matrix: Tensor | None = None

    @classmethod
    def draw(cls, count: int, zoom: float, tilt: float, generator: torch.Generator) -> Warp:
        """Draw warps.

        Parameters
        ----------
        count : int
        zoom : float
            Largest factor by which something is shown larger or smaller; 1 for none.
        tilt : float
            Largest angle in degrees, either way.
        generator : torch.Generator
        """
        if zoom == 1 and tilt == 0:
            return cls()
        factor, angle = 2 * torch.rand(2, count, generator=generator) - 1
        factor, angle = zoom**factor, angle * math.radians(tilt)
        cosine, sine = factor * angle.cos(), factor * angle.sin()
        return cls(torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2))

    def __call__(self, squares: Tensor) -> Tensor:
        """Warp squares (N, C, side, side); what lies beyond their border is their mirror image."""
        if self.matrix is None:
            return squares
        back = torch.linalg.inv(self.matrix).to(squares)
        grid = F.affine_grid(F.pad(back, (0, 1)), list(squares.shape), align_corners=False)
        return F.grid_sample(squares, grid, padding_mode="reflection", align_corners=False)

    def undo(self, window: Tensor, corner: tuple[int, int], side: int) -> tuple[Tensor, Tensor]:
        """Warp a window of the warped squares back to squares about the middle.

        Parameters
        ----------
        window : Tensor, shape (N, D, H, W)
            H and W alike.
        corner : tuple of int
            Rows and columns from the middle of the warped squares to the window's corner, doubled.
        side : int
            Of the squares about the middle.

        Returns
        -------
        straight : Tensor, shape (N, D, side, side)
            Of the nearest pixel, so that unit vectors stay unit vectors.
        shown : Tensor of bool, shape (N, side, side)
            Where the window shows it at all.
        """
        if self.matrix is None:
            raise ValueError("Expected a warp that is not the identity.")
        steps = torch.arange(side) - (side - 1) / 2
        rows, columns = torch.meshgrid(steps, steps, indexing="ij")
        way = torch.einsum("nij,hwj->nhwi", self.matrix, torch.stack([columns, rows], dim=-1))
        start = torch.tensor([corner[1] / 2, corner[0] / 2])
        places = (2 * (way - start) / window.shape[-1] - 1).to(window)
        straight = F.grid_sample(
            window, places, mode="nearest", padding_mode="border", align_corners=False
        )
        return straight, (places.abs() <= 1).all(dim=-1)
