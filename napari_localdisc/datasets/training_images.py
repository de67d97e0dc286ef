"""Images for pretraining: small, 8 bits a channel, none twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.imaging.arrays import as_image
from napari_localdisc.datasets.sample import shrink
from napari_localdisc.formats.images import read_picture


class TrainingReader:
    """Reads image files, each content once; give it to `read_sample`.

    Parameters
    ----------
    size : int
        Longer side in pixels to which larger images are scaled down.
    least : int
        Shorter side in pixels, as stored, from which on an image is of use.
    """

    def __init__(self, size: int, least: int) -> None:
        self.size, self.least = size, least
        self._seen: dict[bytes, Path] = {}

    def __call__(self, path: Path) -> npt.NDArray[np.uint8]:
        """Read a file as (H, W) or (H, W, 3).

        Raises
        ------
        LocaldiscError
            If it is not readable, smaller than `least`, or has the content of an earlier one.
        """
        try:
            content = _digest(path)
        except OSError as error:
            raise LocaldiscError(
                f"{path} cannot be read ({error.strerror}); check its permissions."
            ) from error
        if content in self._seen:
            raise LocaldiscError(
                f"{path} has the same content as {self._seen[content]}; remove one of them."
            )
        pixels = read_picture(path)
        height, width = pixels.shape[:2]
        if min(height, width) < self.least:
            raise LocaldiscError(
                f"{path} is {width} x {height} pixels, smaller than a crop of {self.least};"
                " give the full image or take smaller crops."
            )
        small = _bytes(shrink(pixels, self.size), path)
        self._seen[content] = path
        return small


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _bytes(pixels: npt.NDArray[np.generic], path: Path) -> npt.NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return np.asarray(pixels)
    stretched = (as_image(pixels, str(path)) * 255).round().astype(np.uint8)
    return stretched[..., 0] if stretched.shape[-1] == 1 else stretched
