"""Lungs on an upright frontal image, the patient's right being on the left of the image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.measure import label, regionprops

from napari_localdisc.core.measurements.measurement import Measurement
from napari_localdisc.core.measurements.structure import Structure

_LUNGS = frozenset({"lungs"})


def _sides(structure: Structure) -> npt.NDArray[np.float64]:
    """Areas of the right and the left lung; NaN where there are no two parts.

    The two largest parts, by the columns of their centres. Smaller ones count for neither.
    """
    parts = regionprops(label(structure.mask, connectivity=2))
    lungs = sorted(parts, key=lambda part: part.num_pixels)[-2:]
    if len(lungs) < 2:
        return np.full(2, np.nan)
    lungs.sort(key=lambda part: part.centroid[1])
    return np.array([part.num_pixels for part in lungs]) * float(np.prod(structure.scale.spacing))


def _right(structure: Structure) -> float:
    return float(_sides(structure)[0])


def _left(structure: Structure) -> float:
    return float(_sides(structure)[1])


def _ratio(structure: Structure) -> float:
    right, left = _sides(structure)
    return float(right / left)


MEASUREMENTS = (
    Measurement("right lung", "{area}", _right, axes=(2,), targets=_LUNGS),
    Measurement("left lung", "{area}", _left, axes=(2,), targets=_LUNGS),
    Measurement("right to left lung", "", _ratio, axes=(2,), targets=_LUNGS),
)
