"""Where a structure lies."""

from __future__ import annotations

from napari_localdisc.core.measurements.measurement import Measurement
from napari_localdisc.core.measurements.structure import Structure


def _plane(structure: Structure) -> float:
    return structure.region("centroid", in_pixels=True)[0]


def _row(structure: Structure) -> float:
    return structure.region("centroid", in_pixels=True)[-2]


def _column(structure: Structure) -> float:
    return structure.region("centroid", in_pixels=True)[-1]


MEASUREMENTS = (
    Measurement("centroid plane", "px", _plane, axes=(3,)),
    Measurement("centroid row", "px", _row),
    Measurement("centroid column", "px", _column),
)
