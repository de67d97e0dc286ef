"""Masks of DICOM images and maps of confidence, made with highdicom where it is installed."""

from __future__ import annotations

import copy
import hashlib
import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc import __version__
from napari_localdisc.base.errors import LocaldiscError

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

MASK, CONFIDENCE = "mask", "confidence"
"""What a segmentation is."""

_SERIES = {MASK: 1000, CONFIDENCE: 2000}
"""What is added to the number of an image's series."""

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
        to; the derived image keeps whatever they say about their place. It is put together by hand,
        for highdicom makes secondary captures of a single frame only.
        """
        self._write(labels, path, targets, MASK)

    def save_shares(self, shares: Labels, path: Path) -> None:
        """Write shares alike: as a DICOM segmentation of probabilities, or frames of shades."""
        self._write(shares, path, (CONFIDENCE,), CONFIDENCE)

    def _write(self, numbers: Labels, path: Path, names: Sequence[str], what: str) -> None:
        if numbers.ndim == 2:
            save_segmentation([self.tags], numbers[None], path, names, self.path, what)
        else:
            with _told_of(self.path):
                _save_frames(self.tags, numbers, path, what)


@contextmanager
def _told_of(image: Path) -> Iterator[None]:
    """Say of an image that no mask can be made of its tags, without quoting them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (OSError, LocaldiscError):
        raise
    except Exception as error:
        raise LocaldiscError(
            f"{image} has tags of which no DICOM segmentation can be made"
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


def height_of(position: Sequence[float], orientation: Sequence[float]) -> float:
    """Tell how far a slice lies from the origin, across itself, in millimetres."""
    rows, columns = np.array(orientation, dtype=float).reshape(2, 3)
    return float(np.cross(rows, columns) @ np.array(position, dtype=float))


def labels_of(tags: Any) -> npt.NDArray[np.generic]:
    """Read the numbers of the segments of a DICOM segmentation.

    Returns
    -------
    ndarray of uint8, shape (H, W), or (N, H, W, 1) of several images
        In the order in which they lie, or else in which they are told of.
    """
    stored = importlib.import_module("pydicom.pixels").pixel_array(tags)
    stored = np.asarray(stored).reshape((-1, int(tags.Rows), int(tags.Columns)))
    shared = (tags.get("SharedFunctionalGroupsSequence") or [{}])[0]
    planes, heights = dict[Any, Labels](), dict[Any, float]()
    for frame, about in zip(stored, tags.PerFrameFunctionalGroupsSequence, strict=True):
        source = _source(about) or _source(shared)
        plane = planes.setdefault(source, np.zeros(frame.shape, dtype=np.uint8))
        heights.setdefault(source, _height(about, shared))
        segment = "SegmentIdentificationSequence"
        identity = about.get(segment) or shared.get(segment)
        plane[frame > 0] = identity[0].ReferencedSegmentNumber
    ordered = [planes[source] for source in sorted(planes, key=lambda source: heights[source])]
    return ordered[0] if len(ordered) == 1 else np.stack(ordered)[..., None]


def _height(about: Any, shared: Any) -> float:
    """Tell how far a frame lies from the origin; 0 if it has no place."""
    place, direction = (
        (about.get(name) or shared.get(name) or [{}])[0]
        for name in ("PlanePositionSequence", "PlaneOrientationSequence")
    )
    position, orientation = (
        place.get("ImagePositionPatient"),
        direction.get("ImageOrientationPatient"),
    )
    return height_of(position, orientation) if position and orientation else 0.0


def _source(about: Any) -> tuple[str, str] | None:
    """Tell which image, and which frame of it, a frame of a segmentation belongs to."""
    for derivation in about.get("DerivationImageSequence") or ():
        for source in derivation.get("SourceImageSequence") or ():
            return str(source.ReferencedSOPInstanceUID), str(source.get("ReferencedFrameNumber"))
    return None


def save_segmentation(
    images: Sequence[Any],
    numbers: Labels,
    path: Path,
    names: Sequence[str],
    source: Path,
    what: str = MASK,
) -> None:
    """Write labels, or shares of one, as one DICOM segmentation.

    Parameters
    ----------
    images : sequence of pydicom.Dataset
        Tags of the N images that were segmented.
    numbers : ndarray of uint8, shape (N, H, W)
        Labels, or shares in steps of 1/255.
    path : Path
    names : sequence of str
        Names of the segments.
    source : Path
        Where the images come from.
    what : str
        `MASK` or `CONFIDENCE`.

    Raises
    ------
    LocaldiscError
        If their tags do not do.
    """
    with _told_of(source):
        named = [*names, *_unnamed(numbers, len(names))] if what == MASK else names
        _segmentation(images, numbers, path, named, what).save_as(path)


def _unnamed(labels: Labels, named: int) -> list[str]:
    count = max(1, int(labels.max(initial=0)))
    return [f"target {number + 1}" for number in range(named, count)]


def _segmentation(
    images: Sequence[Any], numbers: Labels, path: Path, names: Sequence[str], what: str
) -> Any:
    highdicom = needed("highdicom", path)
    seg = importlib.import_module("highdicom.seg")
    sources = [_completed(tags, numbers) for tags in images]
    source, kinds = sources[0], seg.SegmentationTypeValues
    return seg.Segmentation(
        sources,
        numbers if what == MASK else numbers / 255.0,
        kinds.BINARY if what == MASK else kinds.FRACTIONAL,
        [_segment(highdicom, number + 1, name) for number, name in enumerate(names)],
        series_instance_uid=_series(source, what),
        series_number=_SERIES[what] + _number(source.get("SeriesNumber")),
        sop_instance_uid=_uid(source.SOPInstanceUID, _digest(numbers)),
        instance_number=max(1, _number(source.get("InstanceNumber"))),
        manufacturer=_NAME,
        manufacturer_model_name=_NAME,
        software_versions=__version__,
        device_serial_number="0",
        series_description=f"{_NAME} {what}",
        omit_empty_frames=False,
    )


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


def _save_frames(tags: Any, numbers: Labels, path: Path, what: str) -> None:
    pydicom = needed("pydicom", path)
    mask = _completed(tags, numbers)
    for name in _PIXEL_DESCRIPTION:
        mask.pop(name, None)
    mask.SeriesInstanceUID = _series(mask, what)
    mask.SOPInstanceUID = _uid(mask.SOPInstanceUID, _digest(numbers))
    mask.SOPClassUID = _FRAMES_OF_BYTES
    mask.SeriesDescription = f"{_NAME} {what}"
    mask.ImageType = ["DERIVED", "SECONDARY"]
    mask.file_meta = pydicom.dataset.FileMetaDataset()
    mask.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    mask.set_pixel_data(np.ascontiguousarray(numbers), "MONOCHROME2", 8)
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
    if source.get("ImagePositionPatient") and not source.get("FrameOfReferenceUID"):
        source.FrameOfReferenceUID = _uid(source.SeriesInstanceUID, "frame of reference")
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


def _series(source: Any, what: str) -> Any:
    return _uid(source.SeriesInstanceUID, "masks" if what == MASK else what)


def _digest(labels: Labels) -> str:
    return hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=16).hexdigest()
