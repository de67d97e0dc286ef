"""EXIF orientation: how a stored picture is turned to be shown, and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

TAG = 0x0112
"""Of EXIF and of TIFF."""

UPRIGHT = 1

Array = npt.NDArray[np.generic]

_TURNS: dict[int, Callable[[Array], Array]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}
_BACK = {6: 8, 8: 6}
"""All other turns undo themselves."""


def known(value: object) -> int:
    """Make an orientation of a tag's value; what means nothing counts as upright."""
    return value if isinstance(value, int) and value in _TURNS else UPRIGHT


def upright(stored: Array, orientation: int) -> Array:
    """Turn a picture (H, W, ...) as it is to be shown."""
    return _TURNS[orientation](stored) if orientation in _TURNS else stored


def as_stored(shown: Array, orientation: int) -> Array:
    """Turn a picture (H, W, ...) back to how it is stored."""
    return upright(shown, _BACK.get(orientation, orientation))
