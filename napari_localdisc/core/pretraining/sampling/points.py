"""Which pixels are told apart: small windows of points, so that neighbours are negatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_WINDOWS = 6
_POINTS = 40


@dataclass(frozen=True)
class Points:
    """P points in each of G windows.

    Attributes
    ----------
    owner : Tensor of int64, shape (G,)
        Which crop of the batch a window lies in.
    rows, columns : Tensor of int64, shape (G, P)
    near_negatives : Tensor of bool, shape (G, P, P)
        Pairs of points that may be negatives of each other.
    """

    owner: Tensor
    rows: Tensor
    columns: Tensor
    near_negatives: Tensor

    def to(self, device: torch.device) -> Points:
        """Move to a device."""
        return Points(
            *(x.to(device) for x in (self.owner, self.rows, self.columns, self.near_negatives))
        )

    def gather(self, embedding: Tensor) -> Tensor:
        """Pick the points' vectors (G, P, D) from maps (N, D, H, W)."""
        return embedding[self.owner[:, None], :, self.rows, self.columns]

    def nearest_neighbours(self, vectors: Tensor) -> Tensor:
        """For each point (G, P, D) the vector of the most alike point in another crop."""
        flat = vectors.flatten(0, 1)
        owner = self.owner.repeat_interleave(vectors.shape[1])
        alike = (flat @ flat.T).masked_fill(owner[:, None] == owner, -torch.inf)
        return flat[alike.argmax(dim=1)].view_as(vectors)

    def far_negatives(self, vectors: Tensor, count: int) -> Tensor:
        """Pick `count` points of the whole batch, at most (F, D), as far negatives."""
        flat = vectors.flatten(0, 1)
        return flat[torch.linspace(0, len(flat) - 1, min(count, len(flat))).long().to(flat.device)]


class PointSampler:
    """Draws windows of points.

    Parameters
    ----------
    reach : int
        Side of a window in pixels.
    apart : float
        Points within this many pixels are no negatives of each other.
    seed : int
    """

    def __init__(self, reach: int, apart: float, seed: int) -> None:
        self.reach, self.apart = reach, apart
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, crops: int, side: int) -> Points:
        """Draw windows in each of a number of crops of a side."""
        reach = min(self.reach, side)
        owner = torch.arange(crops).repeat_interleave(_WINDOWS)
        corner = torch.randint(0, side - reach + 1, (len(owner), 1, 2), generator=self.generator)
        places = corner + torch.randint(
            0, reach, (len(owner), _POINTS, 2), generator=self.generator
        )
        distance = torch.cdist(places.float(), places.float())
        return Points(owner, places[..., 0], places[..., 1], distance > self.apart)
