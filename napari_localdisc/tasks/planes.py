"""Single images that a task takes one by one: arrays, planes of layers, planes of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_localdisc.formats.images import Image, read_image

Pixels = npt.NDArray[np.generic]


class Plane(Protocol):
    """A single image, perhaps not in memory yet."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def pixels(self) -> Pixels:
        """Read it, of shape (H, W) or (H, W, C)."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayPlane:
    """An image in memory.

    Attributes
    ----------
    array : ndarray, shape (H, W) or (H, W, C)
    name : str
    """

    array: Pixels
    name: str = "the image"

    def pixels(self) -> Pixels:
        """Return the array."""
        return self.array


def as_planes(images: Sequence[Plane | Pixels]) -> list[Plane]:
    """Give arrays among images a name."""
    return [
        ArrayPlane(image, f"image {number}") if isinstance(image, np.ndarray) else image
        for number, image in enumerate(images, start=1)
    ]


@dataclass
class _LastImage:
    """Reads files and keeps the last one, for its planes are asked for one after the other."""

    image: Image | None = None

    def read(self, path: Path) -> Image:
        if self.image is None or self.image.path != path:
            self.image = None  # let go before the next one needs the memory
            self.image = read_image(path)
        return self.image


@dataclass(frozen=True)
class FilePlane:
    """One plane of an image file.

    Attributes
    ----------
    path : Path
    index : int
        Its number among the planes of the file, from 0.
    count : int
        How many the file has.
    """

    path: Path
    index: int = 0
    count: int = 1
    reader: _LastImage = field(default_factory=_LastImage, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The file's name, with the plane's number where there are several."""
        return f"{self.path.name} [{self.index}]" if self.count > 1 else self.path.name

    def pixels(self) -> Pixels:
        """Read the plane.

        Raises
        ------
        LocaldiscError
            If the file cannot be read.
        """
        image = self.reader.read(self.path)
        return image.plane(self.index) if image.is_stack else image.pixels


class FilePlanes:
    """Lists planes of files; those that it has listed share one file in memory."""

    def __init__(self) -> None:
        self._reader = _LastImage()

    def of(self, path: Path) -> Iterator[FilePlane]:
        """List all planes of a file.

        Raises
        ------
        LocaldiscError
            If the file cannot be read.
        """
        image = self._reader.read(path)
        count = len(image.pixels) if image.is_stack else 1
        return (FilePlane(path, index, count, self._reader) for index in range(count))
