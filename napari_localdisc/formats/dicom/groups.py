"""Values of a DICOM header, wherever an object keeps them: at its root or by frame."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

_SEQUENCES = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "VOILUTFunction": "FrameVOILUTSequence",
}
"""Functional groups that hold a tag in enhanced objects."""

SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"


def value_of(tags: Any, name: str) -> Any:
    """Read a tag; None if it is absent, empty or cannot be decoded."""
    try:
        value = tags.get(name)
    except Exception:  # whatever a device wrote there, pydicom makes nothing of it
        return None
    is_empty = value is None or (hasattr(value, "__len__") and len(value) == 0)
    return None if is_empty else value


def frame_value(tags: Any, name: str, frame: int) -> Any:
    """Read a tag of a frame: from its own groups, the shared ones, or the root."""
    for groups in (_item(tags, PER_FRAME, frame), _item(tags, SHARED, 0)):
        group = _item(groups, _SEQUENCES[name], 0)
        value = None if group is None else value_of(group, name)
        if value is not None:
            return value
    return value_of(tags, name)


def has_groups(tags: Any) -> bool:
    """Whether an object keeps values by frame."""
    return value_of(tags, SHARED) is not None or value_of(tags, PER_FRAME) is not None


def numbers(value: Any, count: int) -> list[float] | None:
    """Make finite numbers of a value; None where it does not hold so many."""
    if value is None:
        return None
    parts = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    try:
        found = [float(part) for part in parts]
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def number(value: Any) -> float | None:
    """Make a finite number of a value, or None."""
    found = numbers(value, 1)
    return found[0] if found else None


def _item(tags: Any, name: str, index: int) -> Any:
    sequence = None if tags is None else value_of(tags, name)
    is_there = isinstance(sequence, Iterable) and not isinstance(sequence, str | bytes)
    items: list[Any] = list(sequence or ()) if is_there else []
    return items[index] if index < len(items) else None
