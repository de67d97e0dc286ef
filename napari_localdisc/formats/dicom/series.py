"""Folders that hold the slices of one DICOM series, read as the volume that they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.formats.dicom.identity import CONFIDENCE, Labels
from napari_localdisc.formats.dicom.reading import read_dicom, read_header
from napari_localdisc.formats.dicom.segmentation import save_segmentation
from napari_localdisc.formats.dicom.source import Source, height_of, spacing_of
from napari_localdisc.formats.format import Format

_PLACED = (
    "SeriesInstanceUID", "SOPInstanceUID", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "Rows", "Columns",
)  # fmt: skip
_ALIKE = {
    "Rows": "height", "Columns": "width", "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel spacing",
}  # fmt: skip
_SEVERAL = "series-"
"""Beginning of the name of one of several series in a folder."""
_SAME_PLACE = 1e-3
"""Millimetres between two slices below which they lie in one place."""
_GAP = 1.5
"""Times the usual distance between neighbours, from which a slice is missing between them."""
_ONE_BY_ONE = "name its files one by one to have a mask for each."


@dataclass(frozen=True)
class SeriesGeometry:
    """Where the slices of a series lie.

    Attributes
    ----------
    slices : tuple of Source
        What masks repeat of the slices' headers, in the order of the planes.
    path : Path
        The folder.
    notes : tuple of str
        A sentence for all that was missing, or could not be used.
    """

    slices: tuple[Source, ...]
    path: Path
    notes: tuple[str, ...] = ()

    suffix = ".dcm"
    shown_as_picture = False

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Millimetres between slices, rows and columns."""
        return spacing_of([one.places[0] for one in self.slices])

    def save(self, labels: Labels, path: Path, targets: Sequence[str] = ()) -> None:
        """Write labels (N, H, W) as one DICOM segmentation of all slices."""
        save_segmentation(self.slices, labels, path, targets, self.path)

    def save_shares(self, shares: Labels, path: Path) -> None:
        """Write shares (N, H, W) as one DICOM segmentation of probabilities."""
        save_segmentation(self.slices, shares, path, (CONFIDENCE,), self.path, CONFIDENCE)


@dataclass(frozen=True)
class _Slice:
    """A file and what its header says; None if that cannot be read."""

    path: Path
    tags: Any

    @property
    def is_placed(self) -> bool:
        """Whether it is a single image that has a place."""
        tags = self.tags or {}
        return all(tags.get(name) for name in _PLACED) and int(tags.get("NumberOfFrames") or 1) == 1

    @property
    def shows_something(self) -> bool:
        """Whether it is an image; reports, directories and torn files show nothing."""
        return self.tags is not None and "Rows" in self.tags

    @property
    def kind(self) -> Any:
        """What sort of image or document it says that it is; None if it is torn before that."""
        return None if self.tags is None else self.tags.file_meta.get("MediaStorageSOPClassUID")

    @property
    def height(self) -> float:
        """Millimetres from the origin, across the slice."""
        return height_of(self.tags.ImagePositionPatient, self.tags.ImageOrientationPatient)


class DicomSeries(Format):
    """A folder whose files are the slices of one series.

    Parameters
    ----------
    slices_in : callable
        Lists the images of a folder; none where not all of them are DICOM files.
    """

    def __init__(self, slices_in: Callable[[Path], Sequence[Path]]) -> None:
        self._slices_in = slices_in

    def recognises(self, path: Path, head: bytes, /) -> bool:
        """Whether it is a folder, or the name of one of several series in a folder."""
        return not head and (path.is_dir() or is_one_of_several(path))

    def is_series(self, folder: Path) -> bool:
        """Whether a folder's images are slices of one series, each with its place in a patient.

        A single image is no series, and no films are, which have no place. A damaged slice is one.
        """
        return _slices(self._slices_in(folder)) is not None

    def volumes_in(self, folder: Path) -> dict[Path, list[Path]]:
        """List the volumes of a folder by their name: the folder, or names below it of several.

        Files of no volume, such as a scout between two series, are in none.
        """
        files = self._slices_in(folder)
        if _slices(files) is not None:
            return {folder: list(files)}
        return {folder / name: found for name, found in _several(files).items()}

    def files_of(self, path: Path) -> list[Path]:
        """List the files of a series by its name; none where there is no such series."""
        if path.is_dir():
            return list(self._slices_in(path))
        return self.volumes_in(path.parent).get(path, [])

    def read(self, path: Path, /) -> tuple[npt.NDArray[np.float32], SeriesGeometry]:
        """Read a series as a volume; see `read_series`."""
        return read_series(path, self.files_of(path))

    def mask_suffix(self, _: Path, /) -> str:
        """Tell the ending of a volume's mask."""
        return SeriesGeometry.suffix


def read_series(
    folder: Path, files: Sequence[Path]
) -> tuple[npt.NDArray[np.float32], SeriesGeometry]:
    """Read slices in the order in which they lie.

    Parameters
    ----------
    folder : Path
        What to call them together.
    files : sequence of Path
        The DICOM files that it holds.

    Returns
    -------
    pixels : ndarray of float32, shape (N, H, W, 1)
    geometry : SeriesGeometry

    Raises
    ------
    LocaldiscError
        If they are no series, do not make a volume or are too large, or one of them is damaged.
    """
    found = _slices(files)
    if found is None:
        raise LocaldiscError(f"{folder} is not a file and holds no DICOM series; check the path.")
    for one in found:
        if not one.is_placed:
            raise LocaldiscError(
                f"{one.path} is a damaged slice; copy or export it again, or leave it out."
            )
    slices = sorted(found, key=lambda one: one.height)
    _check_alike(folder, slices)
    _check_places(folder, slices)
    rows, columns = int(slices[0].tags.Rows), int(slices[0].tags.Columns)
    check_pixels(folder, columns, rows, len(slices))
    volume, sources = np.empty((len(slices), rows, columns, 1), np.float32), []
    notes = dict[str, None]()
    for plane, one in zip(volume, slices, strict=True):
        pixels, geometry = read_dicom(one.path)
        if pixels.shape != (rows, columns):
            raise LocaldiscError(f"{one.path} is a slice in colour; {_ONE_BY_ONE}")
        plane[..., 0] = pixels
        sources.append(geometry.source)
        notes |= dict.fromkeys(geometry.notes)
    return volume, SeriesGeometry(tuple(sources), folder, tuple(notes))


def is_one_of_several(path: Path) -> bool:
    """Whether a path is the name of one of several series in a folder, which is no file itself."""
    return path.name.startswith(_SEVERAL) and path.parent.is_dir() and not path.exists()


def _several(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Sort files into series of several slices each, named by their numbers if these differ."""
    groups = dict[str, list[_Slice]]()
    for path in files:
        one = _Slice(path, read_header(path, (*_PLACED, "NumberOfFrames", "SeriesNumber")))
        groups.setdefault(str((one.tags or {}).get("SeriesInstanceUID")), []).append(one)
    whole = [
        group for group in groups.values() if len(group) > 1 and all(one.is_placed for one in group)
    ]
    numbers = [str(group[0].tags.get("SeriesNumber")) for group in whole]
    are_names = len(set(numbers)) == len(numbers) and all(map(str.isdigit, numbers))
    names = numbers if are_names else [str(index + 1) for index in range(len(whole))]
    return {
        f"{_SEVERAL}{name}": [one.path for one in group]
        for name, group in zip(names, whole, strict=True)
    }


def _slices(files: Iterable[Path]) -> list[_Slice] | None:
    """Look at the headers of a series, as far as needed to see that it is none."""
    placed, others = list[_Slice](), list[_Slice]()
    for path in files:
        one = _Slice(path, read_header(path, (*_PLACED, "NumberOfFrames")))
        if not one.is_placed and one.shows_something:
            return None
        (placed if one.is_placed else others).append(one)
    if len(placed) < 2 or len({one.tags.SeriesInstanceUID for one in placed}) > 1:
        return None
    kinds = {one.kind for one in placed}
    return [*placed, *(one for one in others if one.kind in (None, *kinds))]


def _check_alike(folder: Path, slices: Sequence[_Slice]) -> None:
    """Refuse slices of different sizes or directions."""
    first, *others = slices
    for one in others:
        for name, what in _ALIKE.items():
            if not np.allclose(one.tags[name].value, first.tags[name].value, atol=1e-4):
                raise LocaldiscError(
                    f"{folder} is no volume: {first.path.name} and {one.path.name} differ in"
                    f" {what}; {_ONE_BY_ONE}"
                )


def _check_places(folder: Path, slices: Sequence[_Slice]) -> None:
    """Refuse slices that share a place, and places between them that have none."""
    pairs = list(pairwise(slices))
    gaps = [after.height - before.height for before, after in pairs]
    usual = median(gaps)
    for (before, after), gap in zip(pairs, gaps, strict=True):
        names = f"{before.path.name} and {after.path.name}"
        if gap < _SAME_PLACE:
            raise LocaldiscError(
                f"{folder} is no volume: {names} lie in the same place; {_ONE_BY_ONE}"
            )
        if gap > _GAP * usual:
            raise LocaldiscError(
                f"{folder} is no whole volume: {names} lie {gap:.4g} mm apart, others {usual:.4g};"
                f" add the slices between them, or {_ONE_BY_ONE}"
            )
