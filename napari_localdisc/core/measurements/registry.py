"""All measurements: to add one, a function and a line in the module of its family.

A new family is a module with ``MEASUREMENTS``, and its name in the list below.
"""

from __future__ import annotations

from napari_localdisc.core.measurements import (
    extent,
    intensity,
    lungs,
    parts,
    place,
    shape,
    size,
)
from napari_localdisc.core.measurements.measurement import Measurement

MEASUREMENTS: tuple[Measurement, ...] = tuple(
    measurement
    for family in (size, shape, extent, lungs, parts, place, intensity)
    for measurement in family.MEASUREMENTS
)
