"""Two masks brought onto one grid of pixels, or refused where they lie elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.core.imaging.lattice import (
    Matrix,
    covers_alike,
    extension,
    farthest,
    index_map,
    on_lattice,
    resampled,
)
from napari_localdisc.core.measurements.structure import Scale
from napari_localdisc.formats.masks import LabelMap
from napari_localdisc.formats.placed_masks import PlacedMask
from napari_localdisc.formats.placement import Placement, placed_at

ALIKE = 0.01
"""Part by which sizes of pixels may differ: headers round them."""


def spacing_of_axes(given: tuple[float, ...], axes: int, path: Path) -> tuple[float, ...]:
    """Spacing along each axis of a file, from one number for all or one for each.

    Raises
    ------
    LocaldiscError
        If there are more or fewer.
    """
    spacing = given * axes if len(given) == 1 else given
    if len(spacing) != axes:
        raise LocaldiscError(
            f"the spacing has {len(spacing)} numbers and {path} has {axes} axes; give one number,"
            " or one for each axis."
        )
    return spacing


@dataclass(frozen=True)
class Grid:
    """How masks are brought together, and what their pixels measure.

    Attributes
    ----------
    resample : bool
        Look masks up at the nearest pixel of the true one, instead of refusing others.
    unit : str
        ``"mm"`` or ``"px"``; ``"auto"`` for mm where files say it and px elsewhere.
    spacing : tuple of float
        Millimetres along each axis, or one number for all, of files that do not say it.
    """

    resample: bool = False
    unit: str = "auto"
    spacing: tuple[float, ...] = ()

    def scale(self, found: PlacedMask, true: PlacedMask) -> Scale:
        """Tell how large the pixels of two masks on one grid are.

        Raises
        ------
        LocaldiscError
            If `spacing` is not one number for each axis, or there is none where `unit` is mm.
        """
        axes = true.labels.ndim
        known = next((mask.placement for mask in (true, found) if mask.placement), None)
        if self.unit == "px":
            return Scale((1.0,) * axes, "px")
        if known is not None:
            return Scale(known.spacing, "mm")
        if not self.spacing:
            if self.unit == "mm":
                raise LocaldiscError(
                    f"{true.path} does not say how large its pixels are; give the millimetres"
                    " between them (--spacing)."
                )
            return Scale((1.0,) * axes, "px")
        return Scale(spacing_of_axes(self.spacing, axes, true.path), "mm")

    def align(self, found: PlacedMask, true: PlacedMask) -> tuple[PlacedMask, PlacedMask]:
        """Bring a mask onto the grid of the true one.

        That grid is extended where the mask found something beyond it: nothing is lost.

        Raises
        ------
        LocaldiscError
            If they lie elsewhere and are not to be resampled.
        """
        found, true = _with_planes(found, true), _with_planes(true, found)
        steps, is_exact = self._steps(found, true)
        shape = _volume(true.labels).shape
        if is_exact and not (found.is_sparse or true.is_sparse):
            room: Sequence[tuple[int, int]] = ((0, 0),) * 3
        else:
            room = extension(steps, shape, _volume(found.labels))
        larger = tuple(size + sum(more) for size, more in zip(shape, room, strict=True))
        check_pixels(found.path, larger[2], larger[1], larger[0])
        first = tuple(-before for before, _ in room)
        there = resampled(_volume(found.labels), steps, larger, first)
        wide = _moved(true, np.pad(_volume(true.labels), room), first)
        place = wide.placement or _scaled(found.placement, steps, true.labels.ndim)
        return replace(found, labels=_as(there, true), placement=place), wide

    def onto(self, mask: PlacedMask, true: PlacedMask) -> LabelMap:
        """Look a mask up on the grid of another, without what lies beyond it.

        Raises
        ------
        LocaldiscError
            As `align` does.
        """
        mask = _with_planes(mask, true)
        steps, _ = self._steps(mask, true)
        labels = resampled(_volume(mask.labels), steps, _volume(true.labels).shape, first=(0, 0, 0))
        return _as(labels, true)

    def _steps(self, found: PlacedMask, true: PlacedMask) -> tuple[Matrix, bool]:
        """Map indices of the true mask to those of the found one; whether pixels meet exactly."""
        if found.labels.ndim != true.labels.ndim:
            raise LocaldiscError(f"{_described(found, true)}; give masks of one image or volume.")
        own, other = (mask.placement.matrix if mask.placement else None for mask in (found, true))
        if own is None or other is None:
            return self._unplaced_steps(found, true)
        moving, fixed = _volume(found.labels).shape, _volume(true.labels).shape
        steps = index_map(other, own)
        whole = on_lattice(steps, fixed)
        is_sparse = found.is_sparse or true.is_sparse
        if whole is not None and (is_sparse or covers_alike(whole, fixed, moving)):
            return whole, True
        if self.resample:
            return (steps if whole is None else whole), False
        apart = farthest(other, own, fixed)
        where = (
            f"{found.path} and {true.path} lie up to {apart:.4g} mm apart"
            if moving == fixed
            else _described(found, true)
        )
        raise LocaldiscError(f"{where}; give masks of one place, or resample them (--resample).")

    def _unplaced_steps(self, found: PlacedMask, true: PlacedMask) -> tuple[Matrix, bool]:
        """Let both show the same part of the patient, as nothing says otherwise."""
        moving, fixed = _volume(found.labels).shape, _volume(true.labels).shape
        sizes = [mask.placement.spacing for mask in (found, true) if mask.placement]
        is_alike = moving == fixed and all(np.allclose(sizes[0], one, ALIKE) for one in sizes)
        if is_alike:
            return np.eye(4), True
        if not self.resample:
            raise LocaldiscError(
                f"{_described(found, true)}; give masks of one size, or resample them (--resample)."
            )
        steps = np.eye(4)
        ratio = np.array(moving) / np.array(fixed)
        steps[[0, 1, 2], [0, 1, 2]], steps[:3, 3] = ratio, ratio / 2 - 0.5
        return steps, True


def _volume(labels: LabelMap) -> LabelMap:
    return labels if labels.ndim == 3 else labels[None]


def _as(labels: LabelMap, like: PlacedMask) -> LabelMap:
    return labels if like.labels.ndim == 3 else labels[0]


def _with_planes(mask: PlacedMask, like: PlacedMask) -> PlacedMask:
    """Take a segmentation that left out all planes but one for the volume that it belongs to."""
    place, other = mask.placement, like.placement
    if not mask.is_sparse or mask.labels.ndim == like.labels.ndim or mask.labels.ndim == 3:
        return mask
    if place is None or place.matrix is None or other is None:
        return mask
    matrix = place.matrix.copy()
    matrix[:3, 0] *= other.spacing[0]
    return replace(mask, labels=mask.labels[None], placement=placed_at(matrix, 3))


def _moved(mask: PlacedMask, labels: LabelMap, first: tuple[int, ...]) -> PlacedMask:
    """Give a mask other pixels, the first of which lies at an index of the old ones."""
    place = mask.placement
    if place is not None and place.matrix is not None:
        matrix = place.matrix.copy()
        matrix[:3, 3] += matrix[:3, :3] @ np.array(first, dtype=np.float64)
        place = replace(place, matrix=matrix)
    return replace(mask, labels=_as(labels, mask), placement=place)


def _scaled(place: Placement | None, steps: Matrix, axes: int) -> Placement | None:
    """Give the sizes of pixels on a grid that says nothing of them, but shows the same."""
    if place is None:
        return None
    ratio = np.diag(steps)[3 - axes : 3]
    return Placement(tuple((np.array(place.spacing) * ratio).tolist()))


def _described(found: PlacedMask, true: PlacedMask) -> str:
    return f"{found.path} is {_extent(found)} and {true.path} is {_extent(true)}"


def _extent(mask: PlacedMask) -> str:
    *planes, height, width = mask.labels.shape
    text = f"{width} x {height}" + "".join(f" x {count}" for count in planes) + " pixels"
    if mask.placement is None:
        return text
    *thick, down, along = mask.placement.spacing
    sizes = " x ".join(f"{size:.4g}" for size in (along, down, *thick))
    return f"{text} of {sizes} mm"
