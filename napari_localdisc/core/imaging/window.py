"""Windows: the square part of a canvas that a structure with a known place lies in."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Share = Annotated[float, Field(ge=0, le=1)]


class Window(BaseModel):
    """A square part of a canvas, in shares of the canvas's side.

    Attributes
    ----------
    top, left : float
        Its corner, in [0, 1).
    side : float
        In (0, 1]; 1 is the whole canvas.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    top: _Share = 0.0
    left: _Share = 0.0
    side: float = Field(default=1.0, ge=0.05, le=1)

    @model_validator(mode="after")
    def _lies_inside(self) -> Self:
        if max(self.top, self.left) + self.side > 1 + 1e-6:
            raise ValueError("a window must lie on its canvas")
        return self

    def canvas_side(self, size: int) -> int:
        """Side in pixels of the whole canvas on which the window has a side of `size` pixels."""
        return round(size / self.side)

    def corner(self, size: int) -> tuple[int, int]:
        """Top and left in pixels on that canvas."""
        whole = self.canvas_side(size)
        top, left = (min(round(start * whole), whole - size) for start in (self.top, self.left))
        return top, left

    def spans(self, side: int) -> tuple[slice, slice]:
        """Rows and columns of the window on a canvas of `side` pixels."""
        size = max(1, round(side * self.side))
        rows, columns = (
            slice(start, start + size)
            for start in (min(round(one * side), side - size) for one in (self.top, self.left))
        )
        return rows, columns

    def padding(self, size: int) -> tuple[int, int, int, int]:
        """Pixels left, right, above and below a window of `size` pixels on its canvas."""
        whole = self.canvas_side(size)
        top, left = self.corner(size)
        return left, whole - size - left, top, whole - size - top


WHOLE = Window()
"""The whole canvas."""
