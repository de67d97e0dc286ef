"""Masks of many files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.devices import best_at_once
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.outputs import RECIPE, masks_layout
from napari_localdisc.batch.run_files import BatchReport, RunOptions, run_files
from napari_localdisc.formats.confidence_maps import FOLDER, write_confidence
from napari_localdisc.formats.further.coco import Annotated, write_coco
from napari_localdisc.formats.further.finding import Finding
from napari_localdisc.formats.further.registry import (
    COCO,
    PER_IMAGE,
    PER_RUN,
    chosen_outputs,
    files_of,
    output_per_image,
    own_files,
)
from napari_localdisc.formats.images import Image, read_image, write_mask
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.reports.contact_sheet import Tile, make_tile, write_overview
from napari_localdisc.reports.report import FileResult
from napari_localdisc.stores.recipes import write_recipe
from napari_localdisc.stores.segmenters import segmenter_digest

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.segmenter.segmentation import Segmentation
    from napari_localdisc.core.segmenter.segmenter import Segmenter

MOST_TILES = 40
"""Images on the overview; of more files, that many are shown at even distances."""


@dataclass(frozen=True)
class Segmenting:
    """Finds what a segmenter finds, and writes masks.

    Attributes
    ----------
    segmenter : Segmenter
    device : torch.device or None
        Where the segmenter is if not given.
    at_once : int
        Images, or planes of a stack, that go through the network together.
    output : Path or None
        The folder of the results.
    confidence : bool
        Write maps of confidence, in a folder of their own.
    also : tuple of str
        Further outputs.
    """

    segmenter: Segmenter
    device: torch.device | None = None
    at_once: int = 1
    output: Path | None = None
    confidence: bool = False
    also: tuple[str, ...] = ()

    def compute(self, image: Image) -> Segmentation:
        """Segment an image."""
        return self.segmenter.segment(
            image.pixels, self.device, self.at_once, keep_probabilities=False
        )

    def compute_together(self, images: Sequence[Image]) -> list[Segmentation]:
        """Segment images: those of a single plane together, stacks one by one."""
        pictures = [image.pixels for image in images if not image.is_stack]
        found = iter(self.segmenter.segment_together(pictures, self.device))
        return [self.compute(image) if image.is_stack else next(found) for image in images]

    def write(self, image: Image, found: Segmentation, place: Path) -> FileResult:
        """Write its mask and, where asked, how sure every pixel of it is."""
        targets = self.segmenter.targets
        path = write_mask(found.labels, place, image, len(targets) == 1, targets)
        if self.output is not None:
            self._write_beside(image, found, self.output, place.absolute().relative_to(self.output))
        counts = np.bincount(found.labels.ravel(), minlength=len(targets) + 1)[1:]
        areas = {name: int(count) for name, count in zip(targets, counts, strict=True)}
        area, score = sum(areas.values()), float(found.score)
        return FileResult(image.path, path, "done", 0.0, area, score, areas=areas)

    def _write_beside(self, image: Image, found: Segmentation, output: Path, name: Path) -> None:
        if self.confidence:
            write_confidence(found.confidence, output / FOLDER / name, image)
        finding = Finding(image, found.labels, found.confidence, self.segmenter.targets)
        per_image = [one for one in self.also if one in PER_IMAGE]
        for one, file in zip(per_image, files_of(self.also, name.as_posix()), strict=True):
            output_per_image(one).write(finding, output / file)


def segment_files(
    files: Sequence[Path],
    segmenter: Segmenter,
    output: Path,
    device: torch.device | None = None,
    recipe: Mapping[str, Any] | None = None,
    run_options: RunOptions | None = None,
    confidence: bool = False,
) -> Run[BatchReport]:
    """Segment files into a folder, those that an earlier run has not done.

    Writes a mask a file, ``report.csv``, ``overview.png`` and ``recipe.json``. Cancelled, it leaves
    the masks that are done and their report; run again, it goes on.

    Parameters
    ----------
    files : sequence of Path
    segmenter : Segmenter
    output : Path
        A folder, made once there is something to write.
    device : torch.device, optional
        CPU if not given.
    recipe : mapping, optional
        Settings of this run, kept beside the segmenter's own recipe.
    run_options : RunOptions, optional
        Sub-folders, overwriting, and who does the work.
    confidence : bool
        Write for each mask a map of how sure its pixels are, see `write_confidence`.

    Yields
    ------
    Progress
        Per file, with its `FileResult` as payload; then per image of the overview.

    Raises
    ------
    LocaldiscError
        If the folder holds one of the files, another file in a result's place or masks of another
        segmenter, if it takes no more, or if no file at all could be segmented.
    """
    made_by = made_with(segmenter, device)
    chosen = run_options.at_once if run_options else None
    also = chosen_outputs(run_options.also if run_options else ())
    at_once = chosen or best_at_once(device or segmenter.device)
    work = Segmenting(segmenter, device, at_once, output.absolute(), confidence, also)
    layout = masks_layout(confidence, also)
    report = yield from run_files(files, work, output, "segment", layout, made_by, run_options)
    yield from _overview(files, report, segmenter.targets)
    if COCO in also:
        yield from _coco(report, segmenter.targets, files)
    settings = {**(recipe or {}), "images": [str(file) for file in files]}
    content = {
        **segmenter.card.encoder.identity,
        "segmenter": segmenter.recipe,
        "run": settings,
        "warnings": doubts_of(segmenter, report),
    }
    write_recipe(output / RECIPE, content)
    return report


def made_with(segmenter: Segmenter, device: torch.device | None) -> dict[str, str]:
    """Tell what masks depend on beside their images."""
    where = str(device or segmenter.device)
    targets = ", ".join(segmenter.targets)
    return {"targets": targets, "segmenter": segmenter_digest(segmenter), "device": where}


def doubts_of(segmenter: Segmenter, report: BatchReport) -> list[str]:
    """List what a segmenter's guidance warned of and what its results raise, each once."""
    return list(dict.fromkeys([*segmenter.warnings, *report.warnings]))


def _overview(files: Sequence[Path], report: BatchReport, targets: Sequence[str]) -> Run[None]:
    """Show some of the files with what was found in them, read anew: by whichever run it was."""
    count = min(len(files), MOST_TILES)
    chosen = np.linspace(0, len(files) - 1, count).round().astype(int)
    shown = {files[index] for index in chosen}
    results = [result for result in report.done if result.path in shown]
    tiles: list[Tile] = []
    for number, result in enumerate(results):
        yield Progress("overview", number, len(results), result.path.name)
        tiles += _tile(result)
    heading = f"{len(report.done)} of {len(files)} images" + (
        f", {len(tiles)} shown" if len(tiles) < len(report.done) else ""
    )
    if tiles:
        write_overview(report.output / "overview.png", tiles, heading, targets)


def _coco(report: BatchReport, targets: Sequence[str], files: Sequence[Path]) -> Run[None]:
    """Write all masks as they are now, corrected by hand or not."""
    shared = os.path.commonpath([file.absolute().parent for file in files])
    yield Progress(COCO, 0, 1, PER_RUN[COCO])
    masks = (
        Annotated(os.path.relpath(one.path.absolute(), shared), labels, one.confidence)
        for one in report.done
        if (labels := _labels(one)) is not None
    )
    write_coco(masks, targets, report.output / own_files((COCO,))[0])


def _labels(result: FileResult) -> npt.NDArray[np.uint8] | None:
    try:
        return None if result.output is None else read_mask(result.output, may_be_stack=True)
    except LocaldiscError:  # moved away since it was done
        return None


def _tile(result: FileResult) -> list[Tile]:
    if result.output is None:
        return []
    try:
        image, labels = read_image(result.path), read_mask(result.output, may_be_stack=True)
    except LocaldiscError:  # moved away since it was done: the others are still worth a look
        return []
    if labels.shape != image.extent:
        return []
    note = f"confidence {result.confidence:.2f}"
    return [make_tile(image.pixels, labels, result.path.name, note)]
