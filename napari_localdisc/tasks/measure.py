"""Masks of files measured: ours or anybody's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.journal_record import recorded_targets
from napari_localdisc.core.measurements.measuring import measure_labels
from napari_localdisc.core.measurements.structure import is_cut
from napari_localdisc.files.discovery import Choice, no_mask
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.files.pairs import match_places
from napari_localdisc.formats.images import Image, read_image
from napari_localdisc.formats.placed_masks import PlacedMask, read_placed_mask
from napari_localdisc.formats.placement import placement_of
from napari_localdisc.reports.measurement_table import MeasuredTarget
from napari_localdisc.tasks.evaluation.aligned_masks import ALIKE, spacing_of_axes


def measure_files(
    masks: Path,
    images: Path | None = None,
    spacing: Sequence[float] = (),
    targets: Sequence[str] = (),
    choice: Choice | None = None,
) -> Run[list[MeasuredTarget]]:
    """Measure every target of every mask.

    Parameters
    ----------
    masks : Path
        A folder of masks or label maps, or one of them. That of results is entered with its
        sub-folders.
    images : Path, optional
        What the masks were found in, matched by sub-folder and name.
    spacing : sequence of float
        Millimetres along each axis, or one number for all, where neither mask nor image says it.
    targets : sequence of str
        Names of labels 1, 2 and so on, where neither the file nor a recipe names them.
    choice : Choice, optional
        Which masks are taken from folders.

    Yields
    ------
    Progress
        Per file.

    Returns
    -------
    list of MeasuredTarget
        A file that cannot be measured has one with its error.

    Raises
    ------
    LocaldiscError
        If there is no mask, or none of the images has the name of one.
    """
    choice = choice or Choice()
    is_nested = choice.recursive or (masks / JOURNAL).is_file()
    choice = replace(choice, recursive=is_nested)
    found = choice.find_masks(masks)
    if not found:
        raise no_mask(masks)
    names = recorded_targets(masks) or dict(enumerate(targets, start=1))
    partners = None if images is None else _partners(found, masks, images, choice)
    measuring = _Measuring(tuple(spacing), names, partners)
    rows: list[MeasuredTarget] = []
    for done, path in enumerate(found, start=1):
        rows += measuring.rows(path)
        yield Progress("measure", done, len(found), path.name)
    return rows


def _partners(found: list[Path], masks: Path, images: Path, choice: Choice) -> dict[Path, Path]:
    others = replace(choice, patterns=()).find([images])
    partners = match_places(found, others, (masks, images))
    if not partners:
        raise LocaldiscError(
            f"no mask matches an image by name (such as {found[0].name} and {others[0].name}); give"
            " both the same file names."
        )
    return partners


@dataclass(frozen=True)
class _Measuring:
    """Measures files.

    Attributes
    ----------
    spacing : tuple of float
        Of files that do not say it.
    names : mapping of int to str
        Targets of files that do not name them.
    partners : mapping of Path to Path, or None
        Image by mask; None if no images were given.
    """

    spacing: tuple[float, ...]
    names: Mapping[int, str]
    partners: Mapping[Path, Path] | None

    def rows(self, path: Path) -> list[MeasuredTarget]:
        """Measure a file; what is wrong with it becomes its row."""
        try:
            return self._measured(read_placed_mask(path))
        except LocaldiscError as error:
            return [MeasuredTarget(path, error=str(error))]

    def _measured(self, mask: PlacedMask) -> list[MeasuredTarget]:
        notes: list[str] = []
        image = self._image(mask, notes)
        spacing = self._spacing(mask, image, notes)
        pixels = None if image is None else image.pixels
        rows = []
        for label, name in self._targets(mask).items():
            own = mask.labels == label
            found = measure_labels(own.astype(np.uint8), (name,), spacing, image=pixels)
            rows.append(MeasuredTarget(mask.path, name, tuple(found), notes=(*notes, *_flags(own))))
        return rows

    def _targets(self, mask: PlacedMask) -> dict[int, str]:
        """Names by label: of those that are named, and of those that occur."""
        names = dict(mask.targets or self.names)
        for label in np.unique(mask.labels[mask.labels > 0]):
            names.setdefault(int(label), str(label))
        return dict(sorted(names.items())) or {1: "1"}

    def _image(self, mask: PlacedMask, notes: list[str]) -> Image | None:
        if self.partners is None:
            return None
        path = self.partners.get(mask.path)
        if path is None:
            notes.append("no image has its name")
            return None
        try:
            image = read_image(path)
        except LocaldiscError as error:
            notes.append(f"image not read: {error}")
            return None
        if image.extent == mask.labels.shape:
            return image
        sizes = _size(image.extent), _size(mask.labels.shape)
        notes.append("image not used: it is {}, the mask {}".format(*sizes))
        return None

    def _spacing(
        self, mask: PlacedMask, image: Image | None, notes: list[str]
    ) -> tuple[float, ...] | None:
        places = [mask.placement]
        if image is not None:
            places.append(placement_of(image.geometry, image.extent))
        stored = (place.spacing for place in places if place is not None)
        found = next(stored, None)
        if found is None and self.spacing:
            found = spacing_of_axes(self.spacing, mask.labels.ndim, mask.path)
        if found is None:
            notes.append("spacing not known, measured in pixels")
        elif not math.isclose(found[-2], found[-1], rel_tol=ALIKE):
            notes.append(f"pixels are not square: {_numbers(found[-2:])} mm (rows, columns)")
        return found


def _flags(mask: npt.NDArray[np.bool_]) -> list[str]:
    if not mask.any():
        return ["empty"]
    return ["cut by the frame"] if is_cut(mask) else []


def _size(extent: Sequence[int]) -> str:
    *planes, height, width = extent
    return f"{width} x {height}" + "".join(f" x {count}" for count in planes) + " pixels"


def _numbers(sides: Sequence[float]) -> str:
    return " x ".join(f"{side:.4g}" for side in sides)
