"""Images in, masks out, in the image's own place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.atomic import replacing
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.dicom.series import is_one_of_several
from napari_localdisc.formats.format import Geometry
from napari_localdisc.formats.raster import PictureGeometry
from napari_localdisc.formats.registry import (
    SERIES,
    SUFFIXES,
    format_of,
    images_in,
    is_image_folder,
)

MIN_SIDE = 16
"""Fewest pixels along a side in which anything can be found."""


@dataclass(frozen=True)
class Image:
    """An image as it is stored, or a stack of them.

    Attributes
    ----------
    pixels : ndarray, shape (H, W), (H, W, 3), or (N, H, W, C) with C in {1, 3}
        Only a stack has four axes.
    path : Path
    geometry : Geometry
        That of an upright picture if not given.
    """

    pixels: npt.NDArray[np.generic]
    path: Path
    geometry: Geometry = field(default_factory=PictureGeometry)

    @property
    def is_stack(self) -> bool:
        """Whether it holds several planes: pages, slices or frames."""
        return self.pixels.ndim == 4

    @property
    def extent(self) -> tuple[int, ...]:
        """Shape of its labels: (H, W) or (N, H, W)."""
        return self.pixels.shape[:3] if self.is_stack else self.pixels.shape[:2]

    def plane(self, index: int) -> npt.NDArray[np.generic]:
        """One plane of a stack, (H, W) or (H, W, 3)."""
        plane = np.asarray(self.pixels[index])
        return plane[..., 0] if plane.shape[-1] == 1 else plane


def read_image(path: str | Path, may_be_blank: bool = True, may_be_stack: bool = True) -> Image:
    """Read an image file.

    Parameters
    ----------
    path : str or Path
        A file of one of the `FORMATS`, or a folder that is of one.
    may_be_blank : bool
        Whether all its pixels may be the same, as those of an empty mask.
    may_be_stack : bool
        Whether it may hold several planes.

    Raises
    ------
    LocaldiscError
        If the file is missing, locked, damaged, no image, larger than the limit, smaller than
        `MIN_SIDE`, blank where it may not be, or a stack where it may not be.
    """
    path = Path(path)
    _check_file(path)
    pixels, geometry = format_of(path).read(path)
    image = Image(pixels, path, geometry)
    height, width = image.extent[-2:]
    if min(height, width) < MIN_SIDE:
        raise LocaldiscError(
            f"{path} is {width} x {height} pixels; expected at least {MIN_SIDE} x {MIN_SIDE}:"
            " give the full image."
        )
    if image.is_stack and not may_be_stack:
        raise LocaldiscError(
            f"{path} holds {len(image.pixels)} planes; expected a single image: save the plane you"
            " want on its own."
        )
    if not may_be_blank and is_blank(image.pixels):
        raise LocaldiscError(
            f"{path} is blank, all its pixels are the same; give an image that shows something."
        )
    return image


def read_picture(path: str | Path, may_be_blank: bool = True) -> npt.NDArray[np.generic]:
    """Read the pixels (H, W) or (H, W, 3) of an image, or those of the middle plane of a stack.

    Raises
    ------
    LocaldiscError
        As `read_image` does.
    """
    image = read_image(path, may_be_blank)
    return image.plane(len(image.pixels) // 2) if image.is_stack else image.pixels


def _check_file(path: Path) -> None:
    try:
        if path.is_dir() or is_one_of_several(path):  # perhaps a series, or one image
            return
        if not path.is_file():
            raise LocaldiscError(f"{path} does not exist or is not a file; check the path.")
        with path.open("rb") as file:
            if not file.read(1):
                raise LocaldiscError(f"{path} is empty (0 bytes); copy or export it again.")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LocaldiscError(f"{path} cannot be read ({reason}); check its permissions.") from error


def write_mask(
    labels: npt.NDArray[np.uint8],
    path: str | Path,
    like: Image,
    scale_to_255: bool,
    targets: Sequence[str] = (),
) -> Path:
    """Write a mask beside nothing else: the file appears whole or not at all.

    Parameters
    ----------
    labels : ndarray of uint8, shape (H, W), or (N, H, W) of a stack
        0 background, 1..K targets.
    path : str or Path
        Without ending; it gets the one that suits `like`: ``.png``, ``.tif`` for several pages,
        ``.nii.gz`` or ``.dcm``.
    like : Image
        The image that the labels belong to. A picture that is to be turned when it is shown has a
        mask that is to be turned alike.
    scale_to_255 : bool
        Write a single target as 255, so that any picture viewer shows it. NIfTI and DICOM masks
        keep 1, as the programs that read them expect.
    targets : sequence of str
        Names of the targets, for the formats that keep them: DICOM.

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
    check_extent(labels, like)
    if scale_to_255 and like.geometry.shown_as_picture:
        labels = (labels > 0).astype(np.uint8) * np.uint8(255)
    return write_beside(path, like, lambda place: like.geometry.save(labels, place, targets))


def check_extent(found: npt.NDArray[np.generic], like: Image) -> None:
    """Raise a ValueError if what was found in an image has another size."""
    if found.shape != like.extent:
        raise ValueError(f"expected labels of shape {like.extent}, got {found.shape}")


def write_beside(path: str | Path, like: Image, save: Callable[[Path], None]) -> Path:
    """Write what was found in an image, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Without ending; it gets the one that suits `like`.
    like : Image
    save : callable
        Writes to the path that it is given.
    """
    suffix = like.geometry.suffix
    target = Path(path).with_name(f"{Path(path).name}{suffix}")
    with replacing(target, suffix) as temporary:
        save(temporary)
    return target


def mask_suffix(path: str | Path) -> str:
    """Tell the ending of an image's mask; that of a file that is not there, by its name."""
    path = Path(path)
    return format_of(path).mask_suffix(path)


def is_blank(pixels: npt.NDArray[np.generic]) -> bool:
    """Whether all pixels of an image (H, W, ...) or a stack are the same."""
    first = pixels[(0,) * max(2, pixels.ndim - 1)]
    return bool((pixels == first).all())


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
        try:
            is_folder, exists = path.is_dir() and not is_image_folder(path), path.exists()
        except OSError as error:
            raise LocaldiscError(
                f"{path} cannot be read ({error.strerror}); check the path."
            ) from error
        if is_one_of_several(path):
            found += SERIES.files_of(path)
            continue
        if not exists:
            raise LocaldiscError(f"{path} does not exist; check the path.")
        found += _list_folder(path) if is_folder else [path]
    if not found:
        raise LocaldiscError("no image was given; name image files or a folder that holds some.")
    return list(dict.fromkeys(found))


def _list_folder(folder: Path) -> list[Path]:
    images = images_in(folder)
    if not images:
        raise LocaldiscError(
            f"folder {folder} holds no image ({', '.join(SUFFIXES)}); check the path."
        )
    return images
