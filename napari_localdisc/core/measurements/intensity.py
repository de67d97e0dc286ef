"""How bright the image is inside a structure: RGB counts by its luminance."""

from __future__ import annotations

from napari_localdisc.core.measurements.measurement import Measurement
from napari_localdisc.core.measurements.structure import Structure


def _mean(structure: Structure) -> float:
    return structure.region("intensity_mean")[0]


def _deviation(structure: Structure) -> float:
    return structure.region("intensity_std")[0]


MEASUREMENTS = (
    Measurement("mean intensity", "", _mean, needs_image=True),
    Measurement("SD of intensity", "", _deviation, needs_image=True),
)
