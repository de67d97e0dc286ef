"""Corrected masks of a folder of results, saved in the place of what was found. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.corrections import replace_mask, results_folder
from napari_localdisc.batch.journal_record import recorded_targets
from napari_localdisc.formats.images import Image, write_mask
from napari_localdisc.reports.report import FileResult


def every_target(labels: npt.NDArray[np.uint8], targets: Sequence[str]) -> list[str]:
    """Names of all labels: those of the targets, then of what somebody painted beside them.

    Examples
    --------
    >>> every_target(np.array([0, 1, 3], np.uint8), ["lungs"])
    ['lungs', 'label 2', 'label 3']
    """
    beyond = range(len(targets) + 1, int(labels.max(initial=0)) + 1)
    return [*targets, *(f"label {number}" for number in beyond)]


def save_correction(labels: npt.NDArray[np.uint8], mask: Path, image: Image) -> Run[FileResult]:
    """Write a corrected mask over the one that was found, and mark its row in the report.

    Parameters
    ----------
    labels : ndarray of uint8, shape (H, W), or (N, H, W) of a stack
    mask : Path
        The file; it keeps its format and its place.
    image : Image
        As it was read.

    Raises
    ------
    LocaldiscError
        If the file cannot be written, or no run of its folder wrote it.
    """
    yield Progress("save", 0, 1, f"Saving {mask.name}")
    names = every_target(labels, list(recorded_targets(results_folder(mask)).values()))
    counts = np.bincount(labels.ravel(), minlength=len(names) + 1)[1:]
    areas = dict(zip(names, map(int, counts), strict=True))
    place = mask.with_name(mask.name.removesuffix(image.geometry.suffix))
    return replace_mask(
        mask, areas, lambda: write_mask(labels, place, image, len(names) == 1, names)
    )
