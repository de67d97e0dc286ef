"""How many connected parts a structure has, and how large they are."""

from __future__ import annotations

import numpy as np

from napari_localdisc.core.measurements.measurement import Measurement
from napari_localdisc.core.measurements.structure import Structure


def _number(structure: Structure) -> float:
    return len(structure.part_sizes)


def _median(structure: Structure) -> float:
    return _size(structure, float(np.median(structure.part_sizes)))


def _largest(structure: Structure) -> float:
    return _size(structure, float(np.max(structure.part_sizes)))


def _size(structure: Structure, pixels: float) -> float:
    """Area of a number of pixels, of a stack their volume."""
    if structure.is_stack:
        return structure.scale.volume(pixels)
    return pixels * float(np.prod(structure.scale.spacing))


MEASUREMENTS = (
    Measurement("parts", "", _number, of_empty=True),
    Measurement("median part", "{area}", _median, axes=(2,)),
    Measurement("largest part", "{area}", _largest, axes=(2,)),
    Measurement("median part", "{volume}", _median, axes=(3,)),
    Measurement("largest part", "{volume}", _largest, axes=(3,)),
)
