"""Photographs and other plain pictures: PNG, JPEG, TIFF, GIF, BMP."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageOps
import tifffile

from napari_localdisc.core.errors import LocaldiscError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp")
Pixels = npt.NDArray[np.generic]

_PLAIN_MODES = ("L", "RGB", "I", "F", "I;16", "I;16L", "I;16B")
_STACKS = ("GIF", "TIFF", "PNG")


def read_raster(path: Path) -> Pixels:
    """Read a picture, upright, as it is stored.

    Parameters
    ----------
    path : Path
        A file of one of `SUFFIXES`; what it is decides its content, not its name.

    Returns
    -------
    ndarray, shape (H, W) or (H, W, 3)
        In the stored type; palettes are resolved, alpha is dropped.

    Raises
    ------
    LocaldiscError
        If it is no picture, is damaged, or holds several pages.
    """
    try:
        return _read_with_tifffile(path) if _is_deep_tiff(path) else _read_with_pillow(path)
    except PIL.UnidentifiedImageError as error:
        raise LocaldiscError(
            f"{path} is not an image that can be read, whatever its name says; export it again"
            " as PNG or TIFF."
        ) from error


def _is_deep_tiff(path: Path) -> bool:
    """Whether a file is a TIFF of a kind that Pillow would squeeze into 8 bits, or refuse."""
    with path.open("rb") as opened:
        if opened.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return False
    with _refusing(path), _without_log("tifffile"), tifffile.TiffFile(path) as file:
        page = file.pages.first
        return page.samplesperpixel > 1 and page.bitspersample > 8


def _read_with_pillow(path: Path) -> Pixels:
    with _refusing(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with PIL.Image.open(path) as picture:
            pages = getattr(picture, "n_frames", 1)
            if pages > 1 and picture.format in _STACKS:
                raise _several(path, pages)
            return _plain(PIL.ImageOps.exif_transpose(picture))


def _plain(picture: PIL.Image.Image) -> Pixels:
    if picture.mode in _PLAIN_MODES:
        return np.asarray(picture)
    if picture.mode in ("1", "LA", "La"):
        return np.asarray(picture.convert("L"))
    pixels = np.asarray(picture.convert("RGB"))
    is_grey = picture.mode == "P" and bool((pixels == pixels[..., :1]).all())
    return pixels[..., 0] if is_grey else pixels


def _read_with_tifffile(path: Path) -> Pixels:
    with _refusing(path), _without_log("tifffile"), tifffile.TiffFile(path) as file:
        series = file.series[0]
        sizes = dict(zip(series.axes, series.shape, strict=True))
        pages = math.prod(size for axis, size in sizes.items() if axis not in "YXSC")
        if pages > 1:
            raise _several(path, pages)
        axes = [axis for axis in series.axes if axis in "YXSC"]
        pixels = series.asarray().reshape([sizes[axis] for axis in axes])
        if "Y" not in axes[:1]:
            pixels = np.moveaxis(pixels, 0, -1)
        return np.asarray(pixels[..., :3] if pixels.ndim == 3 else pixels)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn whatever a decoder makes of a damaged file into one clear error."""
    try:
        yield
    except (LocaldiscError, PIL.UnidentifiedImageError):
        raise
    except PIL.Image.DecompressionBombError as error:
        raise LocaldiscError(
            f"{path} is too large ({error}); cut it into parts or scale it down."
        ) from error
    except Exception as error:
        raise LocaldiscError(
            f"{path} is damaged or of an unknown kind ({error}); copy or export it again."
        ) from error


@contextmanager
def _without_log(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _several(path: Path, pages: int) -> LocaldiscError:
    return LocaldiscError(
        f"{path} holds {pages} pages; expected a single image: save the page you want on its own."
    )
