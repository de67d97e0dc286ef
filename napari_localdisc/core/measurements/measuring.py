"""From label maps to numbers with units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.measurements.measurement import Measured, Measurement
from napari_localdisc.core.measurements.registry import MEASUREMENTS
from napari_localdisc.core.measurements.structure import Scale, Structure

Pixels = npt.NDArray[np.generic]


def measure_labels(
    labels: Pixels,
    targets: Sequence[str] = (),
    spacing: Sequence[float] | None = None,
    unit: str = "mm",
    image: Pixels | None = None,
    measurements: Iterable[Measurement] = MEASUREMENTS,
) -> list[Measured]:
    """Measure every target of a label map.

    Parameters
    ----------
    labels : ndarray of int or bool, shape (H, W), or (N, H, W) of a stack
        0 background, 1..K targets.
    targets : sequence of str
        Names of the K targets; the labels that occur, named by their numbers, if not given.
    spacing : sequence of float, optional
        Distance between the centres of neighbouring pixels along each axis.
    unit : str
        Of the spacing, such as ``"mm"``; without spacing everything is in pixels.
    image : ndarray, shape (H, W) or (N, H, W), with a last axis of 1 or 3 for channels, optional
        What the labels were found in.
    measurements : iterable of Measurement
        What to measure, where it applies.

    Raises
    ------
    LocaldiscError
        If an array has another shape, the labels are no whole numbers from 0 to K, or the spacing
        is not one positive number for each axis with a unit.
    """
    planes = _checked_labels(labels)
    scale = checked_scale(spacing, unit, planes.ndim)
    pixels = None if image is None else _checked_image(image, planes.shape)
    structures = [
        Structure(name, planes == label, scale, pixels)
        for label, name in _names(planes, targets).items()
    ]
    wanted = tuple(measurements)
    return [
        measurement.measure(structure)
        for structure in structures
        for measurement in wanted
        if measurement.applies_to(structure)
    ]


def _names(labels: npt.NDArray[np.integer], targets: Sequence[str]) -> dict[int, str]:
    """Name of each label."""
    if not targets:
        return {int(label): str(label) for label in np.unique(labels) if label}
    if labels.max() > len(targets):
        raise LocaldiscError(
            f"the labels go up to {labels.max()} and {len(targets)} target(s) are named"
            f" ({', '.join(targets)}); name every target."
        )
    return dict(enumerate(targets, start=1))


def _checked_labels(labels: Pixels) -> npt.NDArray[np.integer]:
    planes = np.asarray(labels)
    if planes.ndim not in (2, 3) or 0 in planes.shape:
        raise LocaldiscError(
            f"the labels have shape {planes.shape}; expected (height, width), or (planes, height,"
            " width) of a stack: give one label map."
        )
    if planes.dtype.kind not in "bui" or (planes.dtype.kind == "i" and planes.min() < 0):
        raise LocaldiscError(
            f"the labels hold {planes.dtype} numbers, or some below 0; give whole numbers with 0"
            " for the background."
        )
    return planes.astype(np.uint8 if planes.dtype.kind == "b" else planes.dtype, copy=False)


def checked_scale(spacing: Sequence[float] | None, unit: str, axes: int) -> Scale:
    """Make the scale of labels with so many axes; pixels if no spacing is given.

    Raises
    ------
    LocaldiscError
        If the spacing is not one positive number for each axis with a unit.
    """
    if spacing is None:
        return Scale((1.0,) * axes, "px")
    if unit in ("", "px"):
        raise LocaldiscError(
            f"the unit of the spacing is {unit!r}; name one such as 'mm', or leave the spacing out"
            " to measure in pixels."
        )
    sides = tuple(float(side) for side in spacing)
    if len(sides) != axes or not all(np.isfinite(side) and side > 0 for side in sides):
        raise LocaldiscError(
            f"the spacing is {tuple(spacing)}; expected {axes} positive numbers, one for each axis"
            " of the labels."
        )
    return Scale(sides, unit)


def _checked_image(image: Pixels, shape: tuple[int, ...]) -> Pixels:
    pixels = np.asarray(image)
    if pixels.shape == (*shape, 1):
        pixels = pixels[..., 0]
    if pixels.shape not in (shape, (*shape, 3)):
        raise LocaldiscError(
            f"the image has shape {pixels.shape} and the labels have {shape}; give the image that"
            " the labels were found in."
        )
    return pixels
