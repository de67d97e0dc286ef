"""How far a structure reaches down and across an image."""

from __future__ import annotations

from napari_localdisc.core.measurements.measurement import Measurement
from napari_localdisc.core.measurements.structure import Structure

_LUNGS = frozenset({"lungs"})
_DISCS = frozenset({"optic-disc", "optic-cup"})


def _down(structure: Structure) -> float:
    return _along(structure, 0)


def _across(structure: Structure) -> float:
    return _along(structure, 1)


def _along(structure: Structure, axis: int) -> float:
    """Side of its bounding box, from the outer border of its pixels."""
    box = structure.region("bbox", in_pixels=True)
    return (box[2 + axis] - box[axis]) * structure.scale.spacing[axis]


MEASUREMENTS = (
    Measurement("height", "{length}", _down, axes=(2,), targets=_LUNGS),
    Measurement("width", "{length}", _across, axes=(2,), targets=_LUNGS),
    Measurement("vertical diameter", "{length}", _down, axes=(2,), targets=_DISCS),
    Measurement("horizontal diameter", "{length}", _across, axes=(2,), targets=_DISCS),
)
