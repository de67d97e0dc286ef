"""DICOM segmentations, read with pydicom and made with highdicom."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc import __version__
from napari_localdisc.formats.dicom.codes import code_of, colour_of, structure_of
from napari_localdisc.formats.dicom.groups import PER_FRAME, SHARED
from napari_localdisc.formats.dicom.identity import (
    MASK,
    NAME,
    SERIES,
    Labels,
    decimals,
    derivation,
    digest,
    identified,
    needed,
    series_uid,
    told_of,
    uid,
)
from napari_localdisc.formats.dicom.source import Source, gap_of, height_of

_STAND_IN = "1.2.840.10008.5.1.4.1.1.7"
"""The class that highdicom is shown: one without demands on the header."""


def labels_of(tags: Any) -> npt.NDArray[np.generic]:
    """Read the numbers of the segments of a DICOM segmentation.

    Returns
    -------
    ndarray of uint8, shape (H, W), or (N, H, W, 1) of several images
        In the order in which they lie, or else in which they are told of.
    """
    stored = importlib.import_module("pydicom.pixels").pixel_array(tags)
    stored = np.asarray(stored).reshape((-1, int(tags.Rows), int(tags.Columns)))
    shared = (tags.get(SHARED) or [{}])[0]
    planes, heights = dict[Any, Labels](), dict[Any, float]()
    for frame, about in zip(stored, tags[PER_FRAME].value, strict=True):
        source = _reference(about) or _reference(shared)
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


def _reference(about: Any) -> tuple[str, str] | None:
    """Tell which image, and which frame of it, a frame of a segmentation belongs to."""
    for origin in about.get("DerivationImageSequence") or ():
        for source in origin.get("SourceImageSequence") or ():
            return str(source.ReferencedSOPInstanceUID), str(source.get("ReferencedFrameNumber"))
    return None


def save_segmentation(
    sources: Sequence[Source],
    numbers: Labels,
    path: Path,
    names: Sequence[str],
    image: Path,
    what: str = MASK,
) -> None:
    """Write labels, or shares of one, as one DICOM segmentation.

    Parameters
    ----------
    sources : sequence of Source
        The N images that were segmented, of one frame each.
    numbers : ndarray of uint8, shape (N, H, W)
        Labels, or shares in steps of 1/255.
    path : Path
    names : sequence of str
        Names of the segments.
    image : Path
        Where the images come from.
    what : str
        `MASK` or `CONFIDENCE`.

    Raises
    ------
    LocaldiscError
        If their tags do not do.
    """
    with told_of(image):
        named = [*names, *_unnamed(numbers, len(names))] if what == MASK else names
        segmentation = _segmentation(sources, numbers, path, named, what)
        _name_classes(segmentation, {str(one.header.SOPClassUID) for one in sources})
        if sources[0].places[0].thickness is None:
            _forget_thickness(segmentation)
        segmentation.save_as(path)


def _unnamed(labels: Labels, named: int) -> list[str]:
    count = max(1, int(labels.max(initial=0)))
    return [f"target {number + 1}" for number in range(named, count)]


def _segmentation(
    sources: Sequence[Source], numbers: Labels, path: Path, names: Sequence[str], what: str
) -> Any:
    highdicom = needed("highdicom", path)
    seg = importlib.import_module("highdicom.seg")
    gap = gap_of([one.places[0] for one in sources])
    shown = [_placed(one, numbers, gap) for one in sources]
    first, kinds = shown[0], seg.SegmentationTypeValues
    made = seg.Segmentation(
        shown,
        numbers if what == MASK else numbers / 255.0,
        kinds.BINARY if what == MASK else kinds.FRACTIONAL,
        [_segment(highdicom, number + 1, name) for number, name in enumerate(names)],
        series_instance_uid=series_uid(first, what),
        series_number=SERIES[what] + first.SeriesNumber,
        sop_instance_uid=uid(first.SOPInstanceUID, digest(numbers)),
        instance_number=max(1, first.InstanceNumber),
        manufacturer=NAME,
        manufacturer_model_name=NAME,
        software_versions=__version__,
        device_serial_number="0",
        series_description=f"{NAME} {what}",
        content_label=what.upper(),
        omit_empty_frames=False,
    )
    made.DerivationDescription = derivation(what)
    return made


def _segment(highdicom: Any, number: int, name: str) -> Any:
    codes = importlib.import_module("pydicom.sr.codedict").codes
    structure = structure_of(name)
    return importlib.import_module("highdicom.seg").SegmentDescription(
        segment_number=number,
        segment_label=name[:64],
        segmented_property_category=code_of("AnatomicalStructure"),
        segmented_property_type=code_of(structure.kind),
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=NAME, version=__version__, family=codes.DCM.ArtificialIntelligence
        ),
        anatomic_regions=[code_of(structure.region)] if structure.region else None,
        display_color=colour_of(structure),
    )


def _placed(source: Source, numbers: Labels, gap: float | None) -> Any:
    """Make the data set of a single image that highdicom asks for."""
    image, place = identified(source, numbers), source.places[0]
    image.SOPClassUID = _STAND_IN
    if place.spacing:
        image.PixelSpacing = decimals(place.spacing)
        image.SliceThickness = decimals([place.thickness or 1.0])[0]
    if place.is_known:
        image.ImagePositionPatient = decimals(place.position or ())
        image.ImageOrientationPatient = decimals(place.orientation or ())
        if gap:
            image.SpacingBetweenSlices = decimals([gap])[0]
        if not image.get("FrameOfReferenceUID"):
            image.FrameOfReferenceUID = uid(image.SeriesInstanceUID, "frame of reference")
    else:
        image.pop("FrameOfReferenceUID", None)
    return image


def _name_classes(segmentation: Any, classes: set[str]) -> None:
    """Put the class of the images where the one that stood in for it is referred to."""
    (actual,) = classes if len(classes) == 1 else (_STAND_IN,)

    def replace(_: Any, element: Any) -> None:
        if element.keyword == "ReferencedSOPClassUID" and element.value == _STAND_IN:
            element.value = actual

    segmentation.walk(replace)


def _forget_thickness(segmentation: Any) -> None:
    """Leave the thickness empty that readers ask for and nobody has said."""
    for groups in (segmentation.get(SHARED) or [], segmentation.get(PER_FRAME) or []):
        for group in groups:
            for measures in group.get("PixelMeasuresSequence") or ():
                measures.SliceThickness = None
