"""A few of many images, read small: what guidance and pretraining learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
from skimage.transform import resize

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.formats.images import read_picture

Pixels = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Sample:
    """Images in memory, and what could not be read.

    Attributes
    ----------
    paths : tuple of Path
    images : tuple of ndarray, shape (H, W) or (H, W, 3)
    errors : tuple of str
        One line for each file that was passed over.
    """

    paths: tuple[Path, ...]
    images: tuple[Pixels, ...]
    errors: tuple[str, ...] = ()


def read_sample(
    files: Sequence[Path],
    count: int | None = None,
    size: int = 512,
    seed: int = 0,
    read: Callable[[Path], Pixels] | None = None,
) -> Run[Sample]:
    """Read some of many files, scaled down to the size that will be worked at.

    Parameters
    ----------
    files : sequence of Path
    count : int, optional
        Images to read, drawn at random; all if not given. A damaged or blank file is replaced by
        another.
    size : int
        Longer side in pixels; smaller images stay as they are.
    seed : int
        The same seed draws the same files.
    read : callable, optional
        Reads a file in its own way, which `size` has no part in, and raises `LocaldiscError` for
        one that is to be passed over.

    Yields
    ------
    Progress
        Per file.

    Raises
    ------
    LocaldiscError
        If not one file can be read.
    """
    wanted = len(files) if count is None else min(count, len(files))
    order = np.random.default_rng(seed).permutation(len(files)) if wanted < len(files) else None
    queue = list(files) if order is None else [files[index] for index in order]
    found: dict[Path, Pixels] = {}
    errors: list[str] = []
    for path in queue:
        if len(found) == wanted:
            break
        try:
            found[path] = read(path) if read else _read(path, size)
        except LocaldiscError as error:
            errors.append(str(error))
        yield Progress("read", len(found), wanted, path.name)
    if not found:
        raise nothing_read(errors)
    kept = [path for path in files if path in found]
    return Sample(tuple(kept), tuple(found[path] for path in kept), tuple(errors))


def _read(path: Path, size: int) -> Pixels:
    return shrink(read_picture(path, may_be_blank=False), size)


def nothing_read(errors: Sequence[str]) -> LocaldiscError:
    """Say that not one image can be read, by what was said of each."""
    if len(errors) == 1:
        return LocaldiscError(errors[0])
    return LocaldiscError(f"none of {len(errors)} images can be read; the first one: {errors[0]}")


def shrink(pixels: Pixels, size: int) -> Pixels:
    """Scale an image down until its longer side is `size`; its type and range stay.

    Parameters
    ----------
    pixels : ndarray, shape (H, W) or (H, W, C)
    size : int
        In pixels; smaller images stay as they are.
    """
    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        return pixels
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    if pixels.dtype == np.uint8:
        picture = PIL.Image.fromarray(pixels)
        small = picture.resize(shape[::-1], PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
        return np.asarray(small)
    smooth = resize(pixels.astype(np.float32), shape, order=1, anti_aliasing=True)
    return np.asarray(smooth, dtype=np.float32)
