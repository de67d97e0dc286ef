"""Masks in their place, with the names of their targets, from files of every format."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.formats.dicom.identity import needed
from napari_localdisc.formats.dicom.reading import Dicom, read_header
from napari_localdisc.formats.images import read_image
from napari_localdisc.formats.masks import MOST_LABELS, MOST_OF_VOLUMES, LabelMap, as_mask
from napari_localdisc.formats.placement import Placement, placed_at, placement_of
from napari_localdisc.formats.registry import format_of

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_SIZES = ("Rows", "Columns", "NumberOfFrames")


@dataclass(frozen=True, eq=False)
class PlacedMask:
    """A label map in its place.

    Attributes
    ----------
    path : Path
    labels : ndarray of uint8, shape (H, W), or (N, H, W) of a stack
    placement : Placement or None
        None where the file says nothing of it.
    targets : mapping of int to str
        Names by label, where the file holds them.
    is_sparse : bool
        Whether planes that hold nothing may be left out, as a DICOM segmentation does.
    """

    path: Path
    labels: LabelMap
    placement: Placement | None = None
    targets: Mapping[int, str] = field(default_factory=dict)
    is_sparse: bool = False


def read_placed_mask(path: Path) -> PlacedMask:
    """Read a mask, or a stack of them, with its place and the names of its targets.

    Raises
    ------
    LocaldiscError
        As `read_mask` does, or if the segments of a DICOM segmentation overlap.
    """
    targets = _segment_names(path)
    if targets:
        placed = _read_segmentation(path, targets)
        if placed is not None:
            return placed
    image = read_image(path)
    most = MOST_LABELS if image.geometry.shown_as_picture else MOST_OF_VOLUMES
    labels = as_mask(image.pixels, path, most)
    return PlacedMask(path, labels, placement_of(image.geometry, labels.shape), targets)


def _segment_names(path: Path) -> dict[int, str]:
    """Names of the segments of a DICOM segmentation; none of other files."""
    if not path.is_file() or not isinstance(format_of(path), Dicom):
        return {}
    tags = read_header(path, ("SOPClassUID", "SegmentSequence", *_SIZES))
    if tags is None or tags.get("SOPClassUID") != _SEGMENTATION:
        return {}
    return {
        int(one.SegmentNumber): str(one.get("SegmentLabel") or one.SegmentNumber)
        for one in tags.get("SegmentSequence") or ()
    }


def _read_segmentation(path: Path, targets: Mapping[int, str]) -> PlacedMask | None:
    """Read a segmentation whose frames lie in a volume; None where they have no place."""
    highdicom = needed("highdicom", path)
    if max(targets) > MOST_OF_VOLUMES:
        raise LocaldiscError(
            f"{path} holds segments up to number {max(targets)}; expected at most"
            f" {MOST_OF_VOLUMES}: save those that you want on their own."
        )
    tags = read_header(path, _SIZES)
    check_pixels(path, int(tags.Columns), int(tags.Rows), int(tags.NumberOfFrames))
    seg = importlib.import_module("highdicom.seg")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            volume = _volume(path, seg.segread(path), seg)
    except LocaldiscError:
        raise
    except Exception:  # whatever it lacks to lie somewhere, it may still be read as planes
        return None
    array = np.asarray(volume.array)
    labels = array[0] if len(array) == 1 else array
    placement = placed_at(_to_patient(volume, highdicom), labels.ndim)
    return PlacedMask(path, labels, placement, targets, is_sparse=True)


def _volume(path: Path, segmentation: Any, seg: Any) -> Any:
    if segmentation.segmentation_type == seg.SegmentationTypeValues.LABELMAP:
        return segmentation.get_volume(combine_segments=True, dtype=np.uint8)
    volume = segmentation.get_volume(combine_segments=False)
    masks = np.asarray(volume.array) >= 0.5
    if (np.count_nonzero(masks, axis=-1) > 1).any():
        raise LocaldiscError(
            f"{path} holds segments that overlap, and a pixel is compared for one target alone;"
            " save each of them in a file of its own."
        )
    numbers = np.array(segmentation.segment_numbers, dtype=np.uint8)
    labels = (masks * numbers).max(axis=-1)
    return volume.with_array(labels)


def _to_patient(volume: Any, highdicom: Any) -> Any:
    patient = highdicom.CoordinateSystemNames.PATIENT
    if volume.coordinate_system != patient:
        raise ValueError("not in a patient")
    return np.asarray(volume.affine, dtype=np.float64)
