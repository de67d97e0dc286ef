"""Images in, masks out, in the image's own place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import PIL.Image

from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.io import dicom, nifti, raster
from napari_localdisc.io.atomic import replacing

SUFFIXES = raster.SUFFIXES + nifti.SUFFIXES + dicom.SUFFIXES
"""Endings of the files that are taken from a folder."""

MIN_SIDE = 16
"""Fewest pixels along a side in which anything can be found."""


class Geometry(Protocol):
    """Where an image lies, and how a mask with the same place is written."""

    @property
    def suffix(self) -> str:
        """Ending of the mask's file name."""
        ...

    def save(self, labels: npt.NDArray[np.uint8], path: Path) -> None:
        """Write labels of shape (H, W)."""
        ...


@dataclass(frozen=True)
class Image:
    """An image as it is stored.

    Attributes
    ----------
    pixels : ndarray, shape (H, W) or (H, W, 3)
    path : Path
    geometry : Geometry or None
        None for plain pictures.
    """

    pixels: npt.NDArray[np.generic]
    path: Path
    geometry: Geometry | None = None


def read_image(path: str | Path, may_be_blank: bool = True) -> Image:
    """Read an image file.

    Parameters
    ----------
    path : str or Path
        A picture (EXIF orientation is respected), or a NIfTI or DICOM file with one 2D image.
    may_be_blank : bool
        Whether all its pixels may be the same, as those of an empty mask.

    Raises
    ------
    LocaldiscError
        If the file is missing, locked, damaged, no image, holds several, is smaller than
        `MIN_SIDE`, or blank where it may not be.
    """
    path = Path(path)
    _check_file(path)
    image = _read(path)
    height, width = image.pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise LocaldiscError(
            f"{path} is {width} x {height} pixels; expected at least {MIN_SIDE} x {MIN_SIDE}:"
            " give the full image."
        )
    if not may_be_blank and bool((image.pixels == image.pixels[0, 0]).all()):
        raise LocaldiscError(
            f"{path} is blank, all its pixels are the same; give an image that shows something."
        )
    return image


def _check_file(path: Path) -> None:
    try:
        if not path.is_file():
            raise LocaldiscError(f"{path} does not exist or is not a file; check the path.")
        with path.open("rb") as file:
            if not file.read(1):
                raise LocaldiscError(f"{path} is empty (0 bytes); copy or export it again.")
    except OSError as error:
        raise LocaldiscError(
            f"{path} cannot be read ({error.strerror}); check its permissions."
        ) from error


def _read(path: Path) -> Image:
    name = path.name.lower()
    if name.endswith(nifti.SUFFIXES):
        pixels, nifti_geometry = nifti.read_nifti(path)
        return Image(pixels, path, nifti_geometry)
    if name.endswith(dicom.SUFFIXES):
        pixels, dicom_geometry = dicom.read_dicom(path)
        return Image(pixels, path, dicom_geometry)
    return Image(raster.read_raster(path), path)


def write_mask(
    labels: npt.NDArray[np.uint8], path: str | Path, like: Image, scale_to_255: bool
) -> Path:
    """Write a mask beside nothing else: the file appears whole or not at all.

    Parameters
    ----------
    labels : ndarray of uint8, shape (H, W)
        0 background, 1..K targets.
    path : str or Path
        Without ending; it gets the one that suits `like`: ``.png``, ``.nii.gz`` or ``.dcm``.
    like : Image
        The image that the labels belong to.
    scale_to_255 : bool
        Write a single target as 255, so that any picture viewer shows it. NIfTI and DICOM masks
        keep 1, as the programs that read them expect.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        If labels and image differ in size.
    LocaldiscError
        If the file cannot be written.
    """
    if labels.shape != like.pixels.shape[:2]:
        raise ValueError(f"expected labels of shape {like.pixels.shape[:2]}, got {labels.shape}")
    suffix = ".png" if like.geometry is None else like.geometry.suffix
    target = Path(path).with_name(f"{Path(path).name}{suffix}")
    with replacing(target, suffix) as temporary:
        if like.geometry is None:
            shown = (labels > 0).astype(np.uint8) * 255 if scale_to_255 else labels
            PIL.Image.fromarray(shown).save(temporary, format="PNG", optimize=True)
        else:
            like.geometry.save(labels, temporary)
    return target


def mask_suffix(path: str | Path) -> str:
    """Tell the ending of an image's mask by the image's name."""
    name = Path(path).name.lower()
    if name.endswith(nifti.SUFFIXES):
        return nifti.NiftiGeometry.suffix
    return dicom.DicomGeometry.suffix if name.endswith(dicom.SUFFIXES) else ".png"


def image_stem(path: str | Path) -> str:
    """File name without the ending of an image; ``"a.b.nii.gz"`` becomes ``"a.b"``."""
    name = Path(path).name
    endings = [suffix for suffix in SUFFIXES if name.lower().endswith(suffix)]
    return name[: -len(max(endings, key=len))] if endings else name


def find_images(paths: Sequence[str | Path]) -> list[Path]:
    """List image files: files as they are given, and what folders hold, sorted by name.

    Raises
    ------
    LocaldiscError
        If a path is missing, a folder holds no image, or nothing was given.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += _list_folder(path)
        elif path.exists():
            found.append(path)
        else:
            raise LocaldiscError(f"{path} does not exist; check the path.")
    if not found:
        raise LocaldiscError("no image was given; name image files or a folder that holds some.")
    return list(dict.fromkeys(found))


def _list_folder(folder: Path) -> list[Path]:
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise LocaldiscError(
            f"folder {folder} cannot be read ({error.strerror}); check its permissions."
        ) from error
    images = [file for file in files if is_image_name(file) and file.is_file()]
    if not images:
        raise LocaldiscError(
            f"folder {folder} holds no image ({', '.join(SUFFIXES)}); check the path."
        )
    return images


def is_image_name(path: Path) -> bool:
    """Whether a file is one of ours by its name; hidden files never are."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")
