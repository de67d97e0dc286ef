"""Masks of DICOM images: DICOM segmentations, made with highdicom where it is installed."""

from __future__ import annotations

import copy
import hashlib
import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc import __version__
from napari_localdisc.core.errors import LocaldiscError

_NAME = "napari-localdisc"
_FRAMES_OF_BYTES = "1.2.840.10008.5.1.4.1.1.7.2"
_IDENTITY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
_STUDY = ("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName")
_PIXEL_DESCRIPTION = (
    "LargestImagePixelValue", "SmallestImagePixelValue", "ModalityLUTSequence", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "RescaleIntercept", "RescaleSlope", "RescaleType", "VOILUTSequence",
    "WindowCenter", "WindowWidth", "PlanarConfiguration", "LossyImageCompression",
)  # fmt: skip
_PALETTE = ("Red", "Green", "Blue")

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class DicomGeometry:
    """Where an image lies.

    Attributes
    ----------
    tags : pydicom.Dataset
        Those of the image: patient, study, position and pixel spacing.
    path : Path
        The image's file.
    """

    tags: Any
    path: Path

    suffix = ".dcm"
    shown_as_picture = False

    def save(self, labels: Labels, path: Path, targets: Sequence[str] = ()) -> None:
        """Write labels (H, W) as a DICOM segmentation, (N, H, W) as frames of a derived image.

        The general multi-frame images have no place for each frame that a segmentation could refer
        to; the derived image keeps whatever they say about their place.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if labels.ndim == 3:
                    _save_frames(self.tags, labels, path)
                else:
                    _save_segmentation(self.tags, labels, path, targets)
        except (OSError, LocaldiscError):
            raise
        except Exception as error:
            raise LocaldiscError(
                f"{self.path} has tags of which no DICOM segmentation can be made"
                f" ({type(error).__name__}); convert it to NIfTI or PNG."
            ) from error


def needed(library: str, path: Path) -> Any:
    """Import a library of the extra, or say how to install it."""
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise LocaldiscError(
            f"{path} is a DICOM file and {library} is not installed; run:"
            " pip install 'napari-localdisc[medical]'"
        ) from error


def labels_of(tags: Any, path: Path) -> npt.NDArray[np.generic]:
    """Read the numbers (H, W) of the segments of a DICOM segmentation of one image."""
    frames = importlib.import_module("pydicom.pixels").pixel_array(tags)
    frames = np.asarray(frames).reshape((-1, int(tags.Rows), int(tags.Columns)))
    labels = np.zeros(frames.shape[1:], dtype=np.uint8)
    shared = (tags.get("SharedFunctionalGroupsSequence") or [{}])[0]
    sources = set()
    for frame, about in zip(frames, tags.PerFrameFunctionalGroupsSequence, strict=True):
        sources.add(_source(about) or _source(shared))
        segment = "SegmentIdentificationSequence"
        identity = about.get(segment) or shared.get(segment)
        labels[frame > 0] = identity[0].ReferencedSegmentNumber
    if len(sources) > 1:
        raise LocaldiscError(
            f"{path} is a segmentation of {len(sources)} images; expected one of a single image."
        )
    return labels


def _source(about: Any) -> tuple[str, str] | None:
    """Tell which image, and which frame of it, a frame of a segmentation belongs to."""
    for derivation in about.get("DerivationImageSequence") or ():
        for source in derivation.get("SourceImageSequence") or ():
            return str(source.ReferencedSOPInstanceUID), str(source.get("ReferencedFrameNumber"))
    return None


def _save_segmentation(tags: Any, labels: Labels, path: Path, targets: Sequence[str]) -> None:
    highdicom = needed("highdicom", path)
    seg = importlib.import_module("highdicom.seg")
    source = _completed(tags, labels)
    count = max(1, len(targets), int(labels.max(initial=0)))
    names = [*targets, *(f"target {number + 1}" for number in range(len(targets), count))]
    mask = seg.Segmentation(
        [source],
        labels[None],
        seg.SegmentationTypeValues.BINARY,
        [_segment(highdicom, number + 1, name) for number, name in enumerate(names)],
        series_instance_uid=_uid(source.SeriesInstanceUID, "masks"),
        series_number=1000 + _number(source.get("SeriesNumber")),
        sop_instance_uid=_uid(source.SOPInstanceUID, _digest(labels)),
        instance_number=max(1, _number(source.get("InstanceNumber"))),
        manufacturer=_NAME,
        manufacturer_model_name=_NAME,
        software_versions=__version__,
        device_serial_number="0",
        series_description=f"{_NAME} mask",
        omit_empty_frames=False,
    )
    mask.save_as(path)


def _segment(highdicom: Any, number: int, name: str) -> Any:
    codes = importlib.import_module("pydicom.sr.codedict").codes
    return importlib.import_module("highdicom.seg").SegmentDescription(
        segment_number=number,
        segment_label=name[:64],
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=codes.SCT.AnatomicalStructure,
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=_NAME, version=__version__, family=codes.DCM.ArtificialIntelligence
        ),
    )


def _save_frames(tags: Any, labels: Labels, path: Path) -> None:
    pydicom = needed("pydicom", path)
    mask = _completed(tags, labels)
    for name in _PIXEL_DESCRIPTION:
        mask.pop(name, None)
    mask.SeriesInstanceUID = _uid(mask.SeriesInstanceUID, "masks")
    mask.SOPInstanceUID = _uid(mask.SOPInstanceUID, _digest(labels))
    mask.SOPClassUID = _FRAMES_OF_BYTES
    mask.SeriesDescription = f"{_NAME} mask"
    mask.ImageType = ["DERIVED", "SECONDARY"]
    mask.file_meta = pydicom.dataset.FileMetaDataset()
    mask.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    mask.set_pixel_data(np.ascontiguousarray(labels), "MONOCHROME2", 8)
    pydicom.dcmwrite(path, mask, enforce_file_format=True)


def _completed(tags: Any, labels: Labels) -> Any:
    """Copy the tags of an image, with what every image must have."""
    source = copy.deepcopy(tags)
    for colour in _PALETTE:
        for what in ("Descriptor", "Data"):
            source.pop(f"{colour}PaletteColorLookupTable{what}", None)
    for name in (*_PATIENT, *_STUDY):
        if name not in source or not _is_well_formed(source[name]):
            setattr(source, name, "")
    for name in _IDENTITY:
        if not source.get(name):
            setattr(source, name, _uid(name, _digest(labels)))
    source.Modality = source.get("Modality") or "OT"
    return source


def _is_well_formed(element: Any) -> bool:
    """Whether a date or time is one; devices write all kinds of things there."""
    values = importlib.import_module("pydicom.valuerep")
    kind = {"DA": values.DA, "TM": values.TM}.get(element.VR)
    try:
        return kind is None or not element.value or kind(str(element.value)) is not None
    except ValueError:
        return False


def _number(value: Any) -> int:
    return int(value) if str(value).isdigit() and int(value) < 2**30 else 0


def _uid(*words: object) -> Any:
    """Make an identifier of words, the same of the same ones: a mask made twice is one mask."""
    return importlib.import_module("pydicom.uid").generate_uid(
        entropy_srcs=[_NAME, *map(str, words)]
    )


def _digest(labels: Labels) -> str:
    return hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=16).hexdigest()
