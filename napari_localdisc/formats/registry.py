"""The file formats that there are. To add one: a module beside this one and a line in `FORMATS`."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.dicom.reading import Dicom
from napari_localdisc.formats.dicom.series import DicomSeries
from napari_localdisc.formats.format import HEAD, Format
from napari_localdisc.formats.itk import Itk
from napari_localdisc.formats.napari_readers import NapariReaders
from napari_localdisc.formats.nifti import Nifti
from napari_localdisc.formats.omezarr.reading import OmeZarr
from napari_localdisc.formats.raster import Raster
from napari_localdisc.formats.tiff import Tiff


def _slices_in(folder: Path) -> list[Path]:
    """List the images of a folder; none where not all of them are DICOM files."""
    images = images_in(folder)
    return images if all(isinstance(format_of(image), Dicom) for image in images) else []


SERIES = DicomSeries(_slices_in)

FORMATS: tuple[Format, ...] = (
    OmeZarr(),  # before a series, which any folder may be
    SERIES,
    Dicom(),  # before TIFF, for a DICOM file may begin like one
    Raster(),
    Tiff(),
    Nifti(),
    Itk(),
    NapariReaders(),  # last, for it tries whatever it is given
)

SUFFIXES: tuple[str, ...] = tuple(sorted(suffix for one in FORMATS for suffix in one.suffixes))
"""Endings of the files that are taken from a folder."""


def format_of(path: Path) -> Format:
    """Tell the format of a file or folder: by content, else by name, else the first that tries."""
    head, name = _head(path), path.name.lower()
    by_content = (one for one in FORMATS if one.recognises(path, head))
    by_name = (one for one in FORMATS if name.endswith(one.suffixes))
    by_trial = (one for one in FORMATS if one.tries(path))
    return next(chain(by_content, by_name, by_trial))


def _head(path: Path) -> bytes:
    try:
        if path.is_file():
            with path.open("rb") as file:
                return file.read(HEAD)
    except OSError:
        pass
    return b""


def is_image_folder(path: Path) -> bool:
    """Whether a folder, with all that is in it, is one image."""
    return any(one.fills(path) for one in FORMATS)


def images_in(folder: Path) -> list[Path]:
    """List the image files of a folder, sorted by name.

    Raises
    ------
    LocaldiscError
        If it cannot be read.
    """
    return [file for file in visible_files(folder) if is_image_file(file)]


def visible_files(folder: Path) -> list[Path]:
    """List all plain files of a folder that are not hidden, sorted by name.

    A folder that is one image counts as a file.

    Raises
    ------
    LocaldiscError
        If it cannot be read.
    """
    try:
        return [file for file in sorted(folder.iterdir()) if is_visible_file(file)]
    except OSError as error:
        raise LocaldiscError(
            f"folder {folder} cannot be read ({error.strerror}); check its permissions."
        ) from error


def is_visible_file(path: Path) -> bool:
    """Whether it is a file, or a folder that is one image.

    Pipes, devices and other folders are none, links that lead nowhere are.
    """
    if path.name.startswith("."):
        return False
    try:
        return path.is_file() or _leads_nowhere(path) or is_image_folder(path)
    except OSError:
        return False


def is_image_file(path: Path) -> bool:
    """Whether a file is an image: by its name or, of formats that have no fixed one, by content.

    Directories and reports among DICOM files are none, and nothing that is hidden is one. A link
    that leads nowhere is what its name says: it is to be missed.
    """
    if not is_visible_file(path):
        return False
    if _leads_nowhere(path):
        return is_image_name(path)
    if path.is_dir():
        return True
    head = _head(path)
    if any(one.shows_nothing(head) for one in FORMATS):
        return False
    return is_image_name(path) or any(one.is_found_by(head) for one in FORMATS)


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def is_image_name(path: Path) -> bool:
    """Whether a file is an image by its name; hidden files never are."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")
