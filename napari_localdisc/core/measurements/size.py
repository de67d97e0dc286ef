"""How large a structure is."""

from __future__ import annotations

import numpy as np

from napari_localdisc.core.measurements.measurement import Measurement
from napari_localdisc.core.measurements.structure import Structure


def _pixels(structure: Structure) -> float:
    return structure.pixels


def _area(structure: Structure) -> float:
    return structure.pixels * float(np.prod(structure.scale.spacing))


def _volume(structure: Structure) -> float:
    return structure.scale.volume(structure.pixels)


def _equivalent_diameter(structure: Structure) -> float:
    """Diameter of the disc, or ball, of the same size."""
    return structure.region("equivalent_diameter_area")[0]


MEASUREMENTS = (
    Measurement("area", "px", _pixels, axes=(2,), of_empty=True),
    Measurement("area", "{area}", _area, axes=(2,), of_empty=True, needs_spacing=True),
    Measurement("volume", "px", _pixels, axes=(3,), of_empty=True),
    Measurement("volume", "{volume}", _volume, axes=(3,), of_empty=True, needs_spacing=True),
    Measurement("equivalent diameter", "{length}", _equivalent_diameter),
)
