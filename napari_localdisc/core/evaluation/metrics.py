"""Metrics of a mask against the truth: Dice, and surface distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

Mask = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[np.generic]
Distances = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """How far the surfaces of two masks lie apart, in units of the spacing.

    Two empty masks lie 0 apart; an empty one and another are infinitely far apart.

    Attributes
    ----------
    there : ndarray of float64, shape (n,)
        From each surface pixel of the first mask to the nearest of the second.
    back : ndarray of float64, shape (m,)
        From the second to the first.
    """

    there: Distances
    back: Distances

    @cached_property
    def mean(self) -> float:
        """Average symmetric surface distance: the mean over the surface pixels of both masks."""
        both = np.concatenate([self.there, self.back])
        return float(both.mean()) if both.size else 0.0

    @cached_property
    def hd95(self) -> float:
        """Hausdorff distance at the 95th percentile: the larger of the two directions."""
        if not np.isfinite(self.mean) or not self.there.size:
            return self.mean
        return float(max(np.percentile(self.there, 95), np.percentile(self.back, 95)))

    def surface_dice(self, tolerance: float) -> float:
        """Share of the surface pixels of both masks that lie within a tolerance of the other.

        Parameters
        ----------
        tolerance : float
            In units of the spacing.

        Returns
        -------
        float
            In [0, 1]; 1 if both masks are empty.
        """
        both = np.concatenate([self.there, self.back])
        return float((both <= tolerance).mean()) if both.size else 1.0


def dice(prediction: AnyArray, truth: AnyArray, field: AnyArray | None = None) -> float:
    """Dice-Sorensen coefficient of two masks.

    Parameters
    ----------
    prediction, truth : ndarray of bool or int, shape (H, W) or (N, H, W)
        Above 0 inside the structure.
    field : ndarray of bool or int, of the same shape, optional
        Only pixels above 0 here count, for example a field of view.

    Returns
    -------
    float
        From 0 (no overlap) to 1 (equal). Two masks that are both empty are equal: 1.

    Raises
    ------
    ValueError
        If an argument is no plane or stack of booleans or integers, or the shapes differ.

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


def surface_distances(
    prediction: AnyArray, truth: AnyArray, spacing: Sequence[float] | None = None
) -> SurfaceDistances:
    """Measure how far the surfaces of two masks lie apart.

    Surface pixels are those of a mask with a neighbour outside of it, by 4 in a plane and by 6 in a
    stack; what lies beyond the image's edge counts as outside.

    Parameters
    ----------
    prediction, truth : ndarray of bool or int, shape (H, W) or (N, H, W)
        Above 0 inside the structure.
    spacing : sequence of float, optional
        Distance between the centres of neighbouring pixels along each axis; ones if not given.

    Raises
    ------
    ValueError
        If a mask is no plane or stack of booleans or integers, the shapes differ, or `spacing` is
        not one positive number for each axis.

    Examples
    --------
    >>> near, far = np.zeros((2, 9, 9), dtype=bool)
    >>> near[2, 2] = far[2, 5] = True
    >>> surface_distances(near, far).mean
    3.0
    """
    predicted, true = _validated_pair(prediction, truth)
    scale = _validated_spacing(spacing, true.ndim)
    first, second = _surface(predicted) * scale, _surface(true) * scale
    return SurfaceDistances(_nearest(first, second), _nearest(second, first))


def _nearest(points: Distances, others: Distances) -> Distances:
    if not len(others):
        return np.full(len(points), np.inf)
    return np.asarray(KDTree(others).query(points)[0], dtype=np.float64)


def _surface(mask: Mask) -> npt.NDArray[np.int64]:
    """Find surface pixels, shape (n, axes)."""
    return np.argwhere(mask & ~binary_erosion(mask))


def _validated(name: str, array: AnyArray) -> Mask:
    values = np.asarray(array)
    if values.ndim not in (2, 3) or values.size == 0:
        raise ValueError(
            f"Expected argument `{name}` to be a plane of shape (H, W) or a stack (N, H, W), got"
            f" shape {values.shape}."
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


def _validated_spacing(spacing: Sequence[float] | None, axes: int) -> npt.NDArray[np.float64]:
    scale = np.ones(axes) if spacing is None else np.asarray(spacing, dtype=np.float64)
    if scale.shape != (axes,) or not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError(
            f"Expected argument `spacing` to be {axes} positive numbers, got {spacing!r}."
        )
    return scale
