"""Connected parts of a mask, and polygons that follow the edges of their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Ring = list[tuple[int, int]]

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""To the right, down, left and up, in rows and columns: each a turn to the right of the last."""


@dataclass(frozen=True)
class Part:
    """Pixels that hang together edge to edge.

    Attributes
    ----------
    pixels : ndarray of bool, shape (h, w)
        The part alone, within its box.
    row, column : int
        Of the box in the image.
    """

    pixels: Mask
    row: int
    column: int

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return int(np.count_nonzero(self.pixels))

    def rings(self) -> list[Ring]:
        """Outline as closed rings of corners (x, y) in the image, the outer one first.

        Corners of pixels are whole numbers. Rings touch at corners at most, the outer one is
        counter-clockwise by its numbers and holes are clockwise, as GeoJSON has it.
        """
        return [[(self.column + x, self.row + y) for x, y in ring] for ring in _rings(self.pixels)]


def parts_of(mask: Mask) -> Iterator[Part]:
    """Find the parts of a mask (H, W)."""
    from scipy import ndimage  # slow to import, and help lists what needs it

    numbered, _ = ndimage.label(mask)
    for number, box in enumerate(ndimage.find_objects(numbered), start=1):
        yield Part(numbered[box] == number, box[0].start, box[1].start)


def _rings(pixels: Mask) -> Iterator[Ring]:
    edges = _edges(pixels)
    left = {
        (int(row), int(column), way)
        for way in range(4)
        for row, column in zip(*np.nonzero(edges[way]), strict=True)
    }
    starts = list(zip(*np.nonzero(edges[0]), strict=True))
    for row, column in starts:  # every ring has an edge to the right, the outer one the topmost
        if (int(row), int(column), 0) in left:
            yield _follow((int(row), int(column), 0), left)


def _edges(pixels: Mask) -> Mask:
    """Where edges begin, by their direction: the part lies to the right of each."""
    around = np.pad(pixels, 1)
    inside = around[1:-1, 1:-1]
    height, width = pixels.shape
    edges = np.zeros((4, height + 1, width + 1), np.bool_)
    edges[0, :-1, :-1] = inside & ~around[:-2, 1:-1]
    edges[1, :-1, 1:] = inside & ~around[1:-1, 2:]
    edges[2, 1:, 1:] = inside & ~around[2:, 1:-1]
    edges[3, 1:, :-1] = inside & ~around[1:-1, :-2]
    return edges


def _follow(start: tuple[int, int, int], left: set[tuple[int, int, int]]) -> Ring:
    """Follow edges back to the first, and take them away; corners are where they turn."""
    ring, edge = Ring(), start
    while True:
        left.discard(edge)
        row, column, way = edge
        row, column = row + _STEPS[way][0], column + _STEPS[way][1]
        # Where two pixels of the part touch at a corner alone, the left turn keeps a ring from
        # meeting itself.
        turns = ((row, column, (way + turn) % 4) for turn in (-1, 0, 1))
        following = next((one for one in turns if one in left or one == start), start)
        if following[2] != way:
            ring.append((column, row))
        if following == start:
            return [*ring, ring[0]]
        edge = following
