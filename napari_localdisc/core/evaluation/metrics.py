"""Metrics of a mask against the truth: Dice, and surface distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

Mask = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[np.generic]


@dataclass(frozen=True)
class BoundaryDistance:
    """Distance between the boundaries of two masks, in units of the spacing.

    Attributes
    ----------
    mean : float
        Mean distance to the other boundary, over the boundary pixels of both masks.
    hd95 : float
        Hausdorff distance at the 95th percentile: the larger of the two directions.
    """

    mean: float
    hd95: float


def dice(prediction: AnyArray, truth: AnyArray, field: AnyArray | None = None) -> float:
    """Dice-Sorensen coefficient of two masks.

    Parameters
    ----------
    prediction, truth : ndarray of bool or int, shape (H, W)
        Above 0 inside the structure.
    field : ndarray of bool or int, shape (H, W), optional
        Only pixels above 0 here count, for example a field of view.

    Returns
    -------
    float
        From 0 (no overlap) to 1 (equal). Two masks that are both empty are equal: 1.

    Raises
    ------
    ValueError
        If an argument is not a plane of booleans or integers, or the shapes differ.

    Examples
    --------
    >>> dice(np.array([[1, 1, 0]]), np.array([[0, 1, 0]]))
    0.6666666666666666
    """
    predicted, true = _validated_pair(prediction, truth)
    if field is not None:
        counted = _validated("field", field)
        _validate_same_shape("field", counted, true)
        predicted, true = predicted & counted, true & counted
    total = int(predicted.sum()) + int(true.sum())
    return 2.0 * int((predicted & true).sum()) / total if total else 1.0


def boundary_distance(
    prediction: AnyArray, truth: AnyArray, spacing: Sequence[float] = (1.0, 1.0)
) -> BoundaryDistance:
    """Distance between the boundaries of two masks.

    Boundary pixels are those of a mask with a 4-neighbour outside of it; what lies beyond the
    image's edge counts as outside.

    Parameters
    ----------
    prediction, truth : ndarray of bool or int, shape (H, W)
        Above 0 inside the structure.
    spacing : sequence of float
        Distance between the centres of neighbouring pixels along each axis.

    Returns
    -------
    BoundaryDistance
        Both 0 if both masks are empty; both infinite if one of them is.

    Raises
    ------
    ValueError
        If a mask is not a plane of booleans or integers, the shapes differ, or `spacing` is not one
        positive number for each axis.

    Examples
    --------
    >>> near, far = np.zeros((2, 9, 9), dtype=bool)
    >>> near[2, 2] = far[2, 5] = True
    >>> boundary_distance(near, far)
    BoundaryDistance(mean=3.0, hd95=3.0)
    """
    predicted, true = _validated_pair(prediction, truth)
    scale = _validated_spacing(spacing, true.ndim)
    if not predicted.any() and not true.any():
        return BoundaryDistance(0.0, 0.0)
    if not predicted.any() or not true.any():
        return BoundaryDistance(float("inf"), float("inf"))
    first, second = _boundary(predicted) * scale, _boundary(true) * scale
    there = KDTree(second).query(first)[0]
    back = KDTree(first).query(second)[0]
    return BoundaryDistance(
        mean=float(np.concatenate([there, back]).mean()),
        hd95=float(max(np.percentile(there, 95), np.percentile(back, 95))),
    )


def _boundary(mask: Mask) -> npt.NDArray[np.int64]:
    """Find boundary pixels, shape (n, 2)."""
    return np.argwhere(mask & ~binary_erosion(mask))


def _validated(name: str, array: AnyArray) -> Mask:
    values = np.asarray(array)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(
            f"Expected argument `{name}` to be a plane of shape (H, W), got shape {values.shape}."
        )
    if values.dtype.kind not in "bui":
        raise ValueError(
            f"Expected argument `{name}` to hold booleans or integers, got {values.dtype}."
        )
    return np.asarray(np.greater(values, 0))


def _validate_same_shape(name: str, array: Mask, truth: Mask) -> None:
    if array.shape != truth.shape:
        raise ValueError(
            f"Expected argument `{name}` to have the shape of `truth`, {truth.shape},"
            f" got {array.shape}."
        )


def _validated_pair(prediction: AnyArray, truth: AnyArray) -> tuple[Mask, Mask]:
    predicted, true = _validated("prediction", prediction), _validated("truth", truth)
    _validate_same_shape("prediction", predicted, true)
    return predicted, true


def _validated_spacing(spacing: Sequence[float], axes: int) -> npt.NDArray[np.float64]:
    scale = np.asarray(spacing, dtype=np.float64)
    if scale.shape != (axes,) or not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError(
            f"Expected argument `spacing` to be {axes} positive numbers, got {spacing!r}."
        )
    return scale
