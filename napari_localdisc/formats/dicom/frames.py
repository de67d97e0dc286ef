"""Masks of DICOM images of several frames: derived images of as many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_localdisc import __version__
from napari_localdisc.formats.dicom.groups import PER_FRAME, SHARED
from napari_localdisc.formats.dicom.identity import (
    NAME,
    SERIES,
    Labels,
    decimals,
    derivation,
    digest,
    identified,
    needed,
    series_uid,
    uid,
)
from napari_localdisc.formats.dicom.source import Place, Source

_FRAMES_OF_BYTES = "1.2.840.10008.5.1.4.1.1.7.2"


def save_frames(source: Source, numbers: Labels, path: Path, what: str) -> None:
    """Write labels or shares (N, H, W) as a derived image that refers to its source."""
    pydicom = needed("pydicom", path)
    mask = identified(source, numbers)
    reference = pydicom.Dataset()
    reference.ReferencedSOPClassUID = mask.SOPClassUID
    reference.ReferencedSOPInstanceUID = mask.SOPInstanceUID
    mask.SourceImageSequence = [reference]
    mask.DerivationDescription = derivation(what)
    mask.SeriesInstanceUID = series_uid(mask, what)
    mask.SOPInstanceUID = uid(mask.SOPInstanceUID, digest(numbers))
    mask.SOPClassUID = _FRAMES_OF_BYTES
    mask.SeriesNumber += SERIES[what]
    mask.SeriesDescription = f"{NAME} {what}"
    mask.Modality, mask.ConversionType, mask.Manufacturer = "OT", "WSD", NAME
    mask.SoftwareVersions = __version__
    mask.ImageType = ["DERIVED", "SECONDARY"]
    _place_frames(mask, source.places, pydicom)
    mask.file_meta = pydicom.dataset.FileMetaDataset()
    mask.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    mask.set_pixel_data(np.ascontiguousarray(numbers), "MONOCHROME2", 8)
    pydicom.dcmwrite(path, mask, enforce_file_format=True)


def _place_frames(mask: Any, places: Sequence[Place], pydicom: Any) -> None:
    """Repeat the places of frames, where each has one; else the spacing alone."""
    first = places[0]
    if first.spacing:
        mask.PixelSpacing = decimals(first.spacing)
    if not all(place.is_known for place in places):
        mask.pop("FrameOfReferenceUID", None)
        return
    if not mask.get("FrameOfReferenceUID"):
        mask.FrameOfReferenceUID = uid(mask.SeriesInstanceUID, "frame of reference")
    mask[SHARED] = pydicom.DataElement(SHARED, "SQ", [pydicom.Dataset()])
    frames = [_frame_groups(place, pydicom) for place in places]
    mask[PER_FRAME] = pydicom.DataElement(PER_FRAME, "SQ", frames)


def _frame_groups(place: Place, pydicom: Any) -> Any:
    groups, measures, position, direction = (pydicom.Dataset() for _ in range(4))
    measures.PixelSpacing = decimals(place.spacing or ())
    if place.thickness:
        measures.SliceThickness = decimals([place.thickness])[0]
    position.ImagePositionPatient = decimals(place.position or ())
    direction.ImageOrientationPatient = decimals(place.orientation or ())
    groups.PixelMeasuresSequence = [measures]
    groups.PlanePositionSequence = [position]
    groups.PlaneOrientationSequence = [direction]
    return groups
