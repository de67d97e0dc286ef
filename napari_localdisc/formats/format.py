"""What a file format has to offer: see `registry` for those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.generic]

HEAD = 352
"""Bytes of a file that formats recognise it by."""


class Geometry(Protocol):
    """Where an image lies, and how a mask with the same place is written."""

    @property
    def suffix(self) -> str:
        """Ending of the mask's file name."""
        ...

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Millimetres between pixels along each axis of the labels; None if not known."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for what the file lacks or holds and could not be used."""
        ...

    @property
    def shown_as_picture(self) -> bool:
        """Whether a single target is written as 255, so that any picture viewer shows it."""
        ...

    def save(
        self, labels: npt.NDArray[np.uint8], path: Path, targets: Sequence[str] = (), /
    ) -> None:
        """Write labels of shape (H, W), or (N, H, W) of a stack."""
        ...

    def save_shares(self, shares: npt.NDArray[np.uint8], path: Path, /) -> None:
        """Write shares of one in steps of 1/255, of the same shapes."""
        ...


class Format(Protocol):
    """A file format: recognises its files, reads them, and names the files of their masks.

    What a file is, its content decides, else its name, else the first format that gives it a try.

    Attributes
    ----------
    suffixes : tuple of str
        Endings of its files' names, small, with their dot.
    """

    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes, /) -> bool:
        """Whether the content of a file or folder is of this format.

        Parameters
        ----------
        path : Path
        head : bytes
            The first `HEAD` bytes; none of a folder or of what cannot be opened.
        """
        ...

    def is_found_by(self, _: bytes, /) -> bool:
        """Whether a folder's file is an image by its first bytes, whatever its name."""
        return False

    def shows_nothing(self, _: bytes, /) -> bool:
        """Whether a folder's file is none by its first bytes, whatever its name."""
        return False

    def fills(self, _: Path, /) -> bool:
        """Whether a folder, with all that is in it, is one image."""
        return False

    def tries(self, _: Path, /) -> bool:
        """Whether it is worth a try with a file that neither content nor name tells of."""
        return False

    def read(self, path: Path, /) -> tuple[Pixels, Geometry]:
        """Read an image.

        Returns
        -------
        pixels : ndarray, shape (H, W), (H, W, 3), or (N, H, W, C) with C in {1, 3}
            As they are stored; only a stack has four axes.
        geometry : Geometry
            Writes masks in the image's own place.

        Raises
        ------
        LocaldiscError
            If it is damaged, too large or of a kind that cannot be read.
        """
        ...

    def mask_suffix(self, path: Path, /) -> str:
        """Tell the ending of an image's mask, without reading its pixels."""
        ...
