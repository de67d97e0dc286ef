"""What a case of the corpus is, and the picture that all of them show."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

OF_PYTHON = re.compile(
    r"\w(Error|Exception|Warning)\b|NoneType|<class|has no attribute|\b(int|str|list|tuple|dict)\b"
)
"""Names of classes and the like, which help nobody with a file."""

SHAPE = (40, 56)
DARK, BRIGHT = 40, 200


def picture(shift: int = 0) -> np.ndarray:
    """A bright block on dark ground, in a place that any turn or flip would move."""
    pixels = np.full(SHAPE, DARK, np.uint8)
    pixels[::5] += 3
    pixels[4:18, 6 + shift : 30 + shift] = BRIGHT
    return pixels


def stack(planes: int = 3) -> np.ndarray:
    """Pictures whose block moves from plane to plane."""
    return np.stack([picture(4 * plane) for plane in range(planes)])


def truth_of(pixels: np.ndarray) -> np.ndarray:
    """The mask that belongs to such a picture."""
    return np.asarray(pixels) > (DARK + BRIGHT) / 2


@dataclass(frozen=True)
class Case:
    """A file, and what must become of it.

    Attributes
    ----------
    make : callable
        Writes it into a folder and returns its path.
    truth : ndarray of bool, optional
        The block as it must be found, upright; None where the file must be refused.
    says : str
        Part of the line that refuses it.
    """

    make: Callable[[Path], Path]
    truth: np.ndarray | None = None
    says: str = field(default="")


def written(name: str, content: bytes) -> Callable[[Path], Path]:
    """Make a maker of a file with this name and content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return make


def cut(make: Callable[[Path], Path], at: float | int) -> Callable[[Path], Path]:
    """Cut a file off after so many bytes, or after that share of them."""

    def torn(folder: Path) -> Path:
        path = make(folder)
        whole = path.read_bytes()
        path.write_bytes(whole[: at if isinstance(at, int) else int(at * len(whole))])
        return path

    return torn
