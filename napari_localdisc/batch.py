"""Many files, one result each: nothing that is wrong with one file stops the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.core.progress import Progress, Run
from napari_localdisc.core.verdict import LOW_CONFIDENCE, low_confidence
from napari_localdisc.io.images import Image, read_image, write_mask
from napari_localdisc.io.naming import output_names, renamed
from napari_localdisc.io.outputs import MASKS, Layout, check_output_folder, earlier_results
from napari_localdisc.io.overview import Tile, make_tile, write_overview
from napari_localdisc.io.recipe import write_recipe
from napari_localdisc.io.report import FileResult, write_report

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.segmenter import Segmentation, Segmenter

__all__ = ["BatchReport", "FileResult", "Work", "run_files", "segment_files"]

MOST_TILES = 40
"""Images on the overview; of more files, that many are shown at even distances."""

Work = Callable[[Image, str], FileResult]
"""Does one image: gets it with its result's name, returns what became of it."""


@dataclass(frozen=True)
class BatchReport:
    """What became of a batch.

    Attributes
    ----------
    output : Path
        The folder written.
    results : tuple of FileResult
        In the order of the files.
    notes : tuple of str
        What a user should know: results under another name.
    written : tuple of str
        Names of the results in the folder, those of earlier runs among them.
    """

    output: Path
    results: tuple[FileResult, ...]
    notes: tuple[str, ...] = ()
    written: tuple[str, ...] = ()

    @property
    def done(self) -> tuple[FileResult, ...]:
        """Results of the files that went well."""
        return tuple(result for result in self.results if result.status == "done")

    @property
    def failed(self) -> tuple[FileResult, ...]:
        """Results of the files that did not."""
        return tuple(result for result in self.results if result.status == "failed")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What casts doubt on the results as a whole."""
        mean = fmean(result.confidence for result in self.done) if self.done else 1.0
        return (low_confidence(mean),) if mean < LOW_CONFIDENCE else ()


def segment_files(
    files: Sequence[Path],
    segmenter: Segmenter,
    output: Path,
    device: torch.device | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> Run[BatchReport]:
    """Segment files into a folder.

    Writes a mask a file, ``report.csv``, ``overview.png`` and ``recipe.json``. Cancelled, it leaves
    the masks that are done and their report.

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

    Yields
    ------
    Progress
        Per file, with its `FileResult` as payload.

    Raises
    ------
    LocaldiscError
        If the folder holds one of the files or another file in a result's place, or no file at all
        could be segmented.
    """
    sheet = _Sheet(files)

    def segment(image: Image, name: str) -> FileResult:
        found = _segment(segmenter, image, device)
        single = len(segmenter.targets) == 1
        path = write_mask(found.labels, output / name, image, scale_to_255=single)
        sheet.show(image, found)
        return _result(image, path, found, segmenter.targets)

    report = yield from run_files(files, segment, output, "segment")
    heading = f"{len(report.done)} of {len(files)} images" + (
        f", {len(sheet.tiles)} shown" if len(sheet.tiles) < len(report.done) else ""
    )
    if sheet.tiles:
        write_overview(output / "overview.png", sheet.tiles, heading, segmenter.targets)
    settings = {**(recipe or {}), "images": [str(file) for file in files]}
    content = {
        **segmenter.card.encoder.identity,
        "segmenter": segmenter.recipe,
        "run": settings,
        "warnings": doubts_of(segmenter, report),
        "written": report.written,
    }
    write_recipe(output / "recipe.json", content)
    return report


def doubts_of(segmenter: Segmenter, report: BatchReport) -> list[str]:
    """List what a segmenter's guidance warned of and what its results raise, each once."""
    return list(dict.fromkeys([*segmenter.warnings, *report.warnings]))


def run_files(
    files: Sequence[Path], work: Work, output: Path, stage: str, layout: Layout = MASKS
) -> Run[BatchReport]:
    """Do every file that can be done, one in memory at a time, and write ``report.csv``.

    Parameters
    ----------
    files : sequence of Path
    work : callable
        Does one image.
    output : Path
        The folder that `work` writes to.
    stage : str
        Name of the stage in the progress events.
    layout : Layout
        Which files `work` and the caller write there.

    Yields
    ------
    Progress
        Per file, with its `FileResult` as payload.

    Raises
    ------
    LocaldiscError
        If the folder holds one of the files or another file in a result's place, or all of them
        failed.
    """
    check_output_folder(output, files, layout)
    earlier = earlier_results(output)
    names = output_names(files)
    results: list[FileResult] = []
    yield Progress(stage, 0, len(files))
    try:
        for file, name in zip(files, names, strict=True):
            results.append(_attempt(file, name, work))
            yield Progress(stage, len(results), len(files), file.name, payload=results[-1])
    finally:
        if any(result.status == "done" for result in results):
            write_report(output / "report.csv", results)
    own = (
        layout.results(result.path, name)
        for result, name in zip(results, names, strict=True)
        if result.status == "done"
    )
    written = tuple(sorted(earlier.union(*own)))
    report = BatchReport(output, tuple(results), tuple(renamed(files, names)), written)
    if not report.done:
        raise LocaldiscError(_all_failed(report.failed))
    return report


def _attempt(file: Path, name: str, work: Work) -> FileResult:
    start = time.perf_counter()
    try:
        result = work(read_image(file, may_be_blank=False), name)
    except LocaldiscError as error:
        result = FileResult(file, None, "failed", 0.0, error=str(error))
    except Exception as error:  # whatever one image does, the others are still to be done
        result = FileResult(file, None, "failed", 0.0, error=_unforeseen(file, error))
    return replace(result, seconds=time.perf_counter() - start)


def _unforeseen(file: Path, error: Exception) -> str:
    detail = " ".join(str(error).split()) or "no message"
    return f"{file} could not be processed ({type(error).__name__}: {detail}); check the image."


def _all_failed(failed: Sequence[FileResult]) -> str:
    if len(failed) == 1:
        return failed[0].error
    return f"none of {len(failed)} files could be processed; the first one: {failed[0].error}"


def _segment(segmenter: Segmenter, image: Image, device: torch.device | None) -> Segmentation:
    if device is None:
        return segmenter.segment(image.pixels)
    return segmenter.segment(image.pixels, device)


def _result(image: Image, path: Path, found: Segmentation, targets: Sequence[str]) -> FileResult:
    counts = np.bincount(found.labels.ravel(), minlength=len(targets) + 1)[1:]
    areas = {name: int(count) for name, count in zip(targets, counts, strict=True)}
    area = sum(areas.values())
    return FileResult(image.path, path, "done", 0.0, area, float(found.score), areas=areas)


class _Sheet:
    """Collects the tiles of the overview while the files go by."""

    def __init__(self, files: Sequence[Path]) -> None:
        count = min(len(files), MOST_TILES)
        chosen = np.linspace(0, len(files) - 1, count).round().astype(int)
        self.shown = {files[index] for index in chosen}
        self.tiles: list[Tile] = []

    def show(self, image: Image, found: Segmentation) -> None:
        """Keep a tile of the image if it is one of those to be shown."""
        if image.path in self.shown:
            note = f"confidence {found.score:.2f}"
            self.tiles.append(make_tile(image.pixels, found.labels, image.path.name, note))
