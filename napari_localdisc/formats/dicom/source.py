"""What masks repeat of their image's header: a white list, completed where devices left gaps.

All else stays behind: comments, operators, addresses, private tags, overlays and thumbnails.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from napari_localdisc.formats.dicom.groups import frame_value, has_groups, number, numbers, value_of

_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
_STUDY = ("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName")
_IDENTITY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_COUNTS = ("SeriesNumber", "InstanceNumber")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_UTF8 = "ISO_IR 192"
_UNIT = 0.01
"""How far a direction's length may be from one, and two directions from a right angle."""


@dataclass(frozen=True)
class Place:
    """Where a frame lies, as far as its header says.

    Attributes
    ----------
    spacing : list of float, optional
        Millimetres between rows and between columns.
    position, orientation : list of float, optional
        Of the first pixel, in millimetres, and of the rows and columns, in the patient.
    thickness : float, optional
        In millimetres.
    """

    spacing: list[float] | None = None
    position: list[float] | None = None
    orientation: list[float] | None = None
    thickness: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether every pixel has its place in the patient."""
        return None not in (self.spacing, self.position, self.orientation)


@dataclass(frozen=True)
class Source:
    """An image that a mask refers to.

    Attributes
    ----------
    header : pydicom.Dataset
        Patient, study and identity, all of them well-formed.
    places : tuple of Place
        One for each frame.
    notes : tuple of str
        A sentence for what is missing or could not be used.
    """

    header: Any
    places: tuple[Place, ...]
    notes: tuple[str, ...] = ()


def spacing_of(places: Sequence[Place]) -> tuple[float, ...] | None:
    """Millimetres between planes, rows and columns; of a single plane between the latter."""
    in_plane = places[0].spacing
    gap = gap_of(places)
    if in_plane is None or (len(places) > 1 and not gap):
        return None
    return (gap, *in_plane) if gap else tuple(in_plane)


def gap_of(places: Sequence[Place]) -> float | None:
    """Millimetres between neighbouring planes; None if there are none, or they have no place."""
    if not all(place.is_known for place in places):
        return None
    heights = [height_of(place.position or (), place.orientation or ()) for place in places]
    steps = [abs(after - before) for before, after in pairwise(heights)]
    return median(steps) if steps else None


def height_of(position: Sequence[float], orientation: Sequence[float]) -> float:
    """Tell how far a slice lies from the origin, across itself, in millimetres."""
    rows, columns = np.array(orientation, dtype=float).reshape(2, 3)
    return float(np.cross(rows, columns) @ np.array(position, dtype=float))


def source_of(tags: Any) -> Source:
    """Gather what a mask may repeat of the header of its image."""
    header = importlib.import_module("pydicom").Dataset()
    dropped = [name for name in (*_PATIENT, *_STUDY) if not _copy_text(tags, name, header)]
    for name in _IDENTITY:
        if value_of(tags, name) is not None:
            setattr(header, name, str(tags[name].value))
    for name in _COUNTS:
        setattr(header, name, _count(value_of(tags, name)))
    header.SOPClassUID = str(value_of(tags, "SOPClassUID") or _SECONDARY_CAPTURE)
    header.Rows, header.Columns = int(tags.Rows), int(tags.Columns)
    if value_of(tags, "LossyImageCompression") == "01":
        header.LossyImageCompression = "01"
    if any(not str(element.value).isascii() for element in header):
        header.SpecificCharacterSet = _UTF8
    frames = int(number(value_of(tags, "NumberOfFrames")) or 1)
    places = tuple(_place(tags, frame) for frame in range(frames))
    notes = (
        [f"left empty in the mask, for it is malformed: {', '.join(dropped)}"] if dropped else []
    )
    return Source(header, places, (*notes, *_gaps(tags, places)))


def _copy_text(tags: Any, name: str, header: Any) -> bool:
    """Copy a text, or leave it empty; returns whether it was empty or is well-formed."""
    value = value_of(tags, name)
    text = "" if value is None else "\\".join(_parts(value))
    is_good = name not in _RULES or not text or _RULES[name](text)
    setattr(header, name, text if is_good else "")
    return is_good and (value is not None or name not in tags or not _has_bytes(tags, name))


def _parts(value: Any) -> list[str]:
    is_several = hasattr(value, "append") or isinstance(value, list | tuple)
    return [str(part) for part in (value if is_several else [value])]


def _has_bytes(tags: Any, name: str) -> bool:
    """Whether there is something in a tag that could not be decoded."""
    raw = tags.get_item(name)
    return bool(getattr(raw, "value", None))


def _is_of(kind: str) -> Callable[[str], bool]:
    def is_well_formed(text: str) -> bool:
        values = importlib.import_module("pydicom.valuerep")
        try:
            return getattr(values, kind)(text) is not None
        except ValueError:
            return False

    return is_well_formed


_RULES: dict[str, Callable[[str], bool]] = {
    "PatientSex": lambda text: text in ("M", "F", "O"),
    "PatientBirthDate": _is_of("DA"),
    "StudyDate": _is_of("DA"),
    "StudyTime": _is_of("TM"),
}


def _count(value: Any) -> int:
    return int(value) if str(value).isdigit() and int(value) < 2**30 else 0


def _place(tags: Any, frame: int) -> Place:
    spacing = numbers(frame_value(tags, "PixelSpacing", frame), 2)
    position = numbers(frame_value(tags, "ImagePositionPatient", frame), 3)
    orientation = numbers(frame_value(tags, "ImageOrientationPatient", frame), 6)
    thickness = number(frame_value(tags, "SliceThickness", frame))
    return Place(
        spacing if spacing and min(spacing) > 0 else None,
        position,
        orientation if orientation and _is_plane(orientation) else None,
        thickness if thickness and thickness > 0 else None,
    )


def _is_plane(orientation: Sequence[float]) -> bool:
    """Whether two directions are of unit length and at a right angle."""
    rows, columns = np.array(orientation).reshape(2, 3)
    products = np.array([rows @ rows - 1, columns @ columns - 1, rows @ columns])
    return bool(np.abs(products).max() < _UNIT)


_PLACING = {
    "PixelSpacing": "spacing", "ImagePositionPatient": "position",
    "ImageOrientationPatient": "orientation",
}  # fmt: skip


def _gaps(tags: Any, places: Sequence[Place]) -> list[str]:
    """Say what is missing of a place that an image has in part; films have none."""
    first = places[0]
    is_tried = has_groups(tags) or any(
        name in tags for name in ("ImagePositionPatient", "ImageOrientationPatient")
    )
    missing = [name for name, what in _PLACING.items() if getattr(first, what) is None]
    if not is_tried or len(missing) == len(_PLACING):
        return []
    if missing:
        return [f"the mask has no place in the patient, for the image lacks {', '.join(missing)}"]
    if first.thickness is None:
        return ["the mask has no slice thickness, for the image lacks SliceThickness"]
    return []
