"""Masks and label maps in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.images import find_images, read_image

MOST_LABELS = 32
"""Highest value that is still read as the number of a target."""

MOST_OF_VOLUMES = 254
"""The same in formats for label maps, which do not show a mask as white."""

_CLEAR = 0.9
"""Part of the pixels that must be near black or white for a picture to count as a mask."""

LabelMap = npt.NDArray[np.uint8]


def read_mask(path: str | Path, may_be_stack: bool = False) -> LabelMap:
    """Read a mask.

    Whole numbers up to `MOST_LABELS` are labels. Anything else must be black and white but for soft
    edges, and is cut at half its range.

    Parameters
    ----------
    path : str or Path
    may_be_stack : bool
        Whether it may hold several planes.

    Returns
    -------
    ndarray of uint8, shape (H, W), or (N, H, W) of a stack
        0 background, 1..K targets.

    Raises
    ------
    LocaldiscError
        If the file cannot be read or does not look like a mask.
    """
    return as_mask(np.asarray(read_image(path, may_be_stack=may_be_stack).pixels), path)


def as_mask(pixels: npt.NDArray[np.generic], path: str | Path, most: int = MOST_LABELS) -> LabelMap:
    """Take the pixels of an image for a mask, as `read_mask` does.

    Parameters
    ----------
    pixels : ndarray, shape (H, W), (H, W, 3), or (N, H, W, C) of a stack
    path : str or Path
        Named in errors.
    most : int
        Highest value that is the number of a target, where there are several values beside 0.

    Raises
    ------
    LocaldiscError
        If they do not look like a mask.
    """
    values = pixels.max(axis=-1) if pixels.ndim > 2 else pixels
    if not np.isfinite(values).all():
        raise LocaldiscError(
            f"{path} does not look like a mask (it holds numbers that are not finite); expected 0"
            " outside and 255 inside, or labels 0, 1, 2, ..."
        )
    distinct = np.unique(values)
    highest = most if len(distinct) > 2 else MOST_LABELS
    if distinct[0] >= 0 and distinct[-1] <= highest and bool((distinct % 1 == 0).all()):
        return values.astype(np.uint8)
    if len(distinct) == 1:
        return np.ones(values.shape, dtype=np.uint8)
    return _cut(values, path)


def _cut(values: npt.NDArray[np.generic], path: str | Path) -> LabelMap:
    number = values.astype(np.float64)
    low, high = number.min(), number.max()
    relative = (number - low) / (high - low)
    clear = float(((relative < 0.25) | (relative > 0.75)).mean())
    if not clear >= _CLEAR:
        raise LocaldiscError(
            f"{path} does not look like a mask (values from {low:g} to {high:g}, few of them black"
            " or white); expected 0 outside and 255 inside, or labels 0, 1, 2, ..."
        )
    return np.asarray(relative > 0.5, dtype=np.uint8)


def find_masks(path: str | Path) -> list[Path]:
    """List the masks of a folder, or the one file; a contact sheet among them is left out.

    Raises
    ------
    LocaldiscError
        If the path is missing or the folder holds no image.
    """
    return [file for file in find_images([path]) if file.name != "overview.png"]
