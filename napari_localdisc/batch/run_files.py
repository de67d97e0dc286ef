"""Batch runs: many files, one result each; an error of one file does not stop the others.

A run keeps a journal in its folder. The same run again goes on where the last one ended, however it
ended, and redoes nothing but what was in hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from napari_localdisc import __version__
from napari_localdisc.base.atomic import remove
from napari_localdisc.base.errors import LocaldiscError, OutputLostError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.computing import Work
from napari_localdisc.batch.executor import (
    ExecutorFactory,
    Outcome,
    Task,
    ThreadExecutor,
    run_tasks,
)
from napari_localdisc.batch.journal import Journal
from napari_localdisc.batch.outputs import MASKS, Layout, check_output_folder
from napari_localdisc.core.segmenter.segmentation import LOW_CONFIDENCE, low_confidence
from napari_localdisc.files.naming import output_names, renamed
from napari_localdisc.reports.report import REPORT, FileResult, write_report

__all__ = ["BatchReport", "FileResult", "RunOptions", "run_files"]

_AHEAD = 16
"""Results that are announced in the journal at once."""


@dataclass(frozen=True)
class RunOptions:
    """Options of a run.

    Attributes
    ----------
    folders : tuple of Path
        Folders below which results keep the place that their files have.
    overwrite : bool
        Replace results of another recipe instead of refusing to mix them.
    make_executor : callable
        Makes the executor that does the files.
    at_once : int, optional
        Images that are computed together, where the executor does so; what suits the device if not
        given. Results do not depend on it, but for rounding.
    also : tuple of str
        Further outputs of masks, as `chosen_outputs` gives them.
    """

    folders: tuple[Path, ...] = ()
    overwrite: bool = False
    make_executor: ExecutorFactory = ThreadExecutor
    at_once: int | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchReport:
    """Results of a batch run.

    Attributes
    ----------
    output : Path
        The folder written.
    results : tuple of FileResult
        In the order of the files, those that an earlier run had done among them.
    notes : tuple of str
        Notes for the user: results under another name, and how many files lacked something.
    """

    output: Path
    results: tuple[FileResult, ...]
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> tuple[FileResult, ...]:
        """Results of the files that went well."""
        return tuple(result for result in self.results if result.status == "done")

    @property
    def kept(self) -> tuple[FileResult, ...]:
        """Those of them that an earlier run had done."""
        return tuple(result for result in self.done if result.kept)

    @property
    def failed(self) -> tuple[FileResult, ...]:
        """Results of the files that did not."""
        return tuple(result for result in self.results if result.status == "failed")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the results as a whole."""
        known = [one.confidence for one in self.done if one.confidence is not None]
        mean = fmean(known) if known else 1.0
        return (low_confidence(mean),) if mean < LOW_CONFIDENCE else ()


def run_files(
    files: Sequence[Path],
    work: Work[Any],
    output: Path,
    stage: str,
    layout: Layout = MASKS,
    recipe: Mapping[str, Any] | None = None,
    run_options: RunOptions | None = None,
) -> Run[BatchReport]:
    """Do every file that can be done and is not done yet, and write ``report.csv``.

    Only a few images are in memory at a time. Closed, it leaves all that is done, in the journal
    and in the report, and no half-written file.

    Parameters
    ----------
    files : sequence of Path
    work : Work
        Does one image.
    output : Path
        The folder that `work` writes to; made once there is something to write.
    stage : str
        Name of the stage in the progress events.
    layout : Layout
        Which files `work` and the caller write there.
    recipe : mapping, optional
        What the results depend on beside the files, flat, of what JSON holds: what an earlier run
        did by the same recipe is kept where its file is unchanged.
    run_options : RunOptions, optional

    Yields
    ------
    Progress
        Per file, as they are done, with its `FileResult` as payload.

    Raises
    ------
    LocaldiscError
        If the folder holds one of the files, another file in a result's place or results of
        another recipe, if it takes no more, or if all of the files failed.
    """
    run_options = run_options or RunOptions()
    names = output_names(files, run_options.folders)
    check_output_folder(output, files, layout, names=names)
    tasks = [Task(file, name, output / name) for file, name in zip(files, names, strict=True)]
    with Journal(output, full_recipe(stage, recipe or {}), run_options.overwrite) as journal:
        folder = _Folder(journal, layout, tasks)
        yield Progress(stage, 0, len(files))
        try:
            yield from folder.run(work, stage, run_options.make_executor)
        except OutputLostError as error:
            raise LocaldiscError(folder.lose(error)) from error
        finally:
            folder.report()
    notes = (*renamed(files, names), *_noted(folder.results))
    report = BatchReport(output, folder.results, notes)
    if not report.done:
        raise LocaldiscError(_all_failed(report.failed))
    return report


def full_recipe(stage: str, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Recipe in the journal of a folder: stage, version and settings."""
    return {"work": stage, "version": __version__, **recipe}


class _Folder:
    """The state of a run: finished files, and files to do."""

    def __init__(self, journal: Journal, layout: Layout, tasks: Sequence[Task]) -> None:
        self.journal, self.layout, self.tasks = journal, layout, tasks
        self.found: dict[str, FileResult] = {}
        self.is_lost = False
        self._reported = 0

    @property
    def results(self) -> tuple[FileResult, ...]:
        """Results so far, in the order of the files."""
        return tuple(self.found[task.name] for task in self.tasks if task.name in self.found)

    def run(self, work: Work[Any], stage: str, make_executor: ExecutorFactory) -> Run[None]:
        """Process the files that an earlier run has not finished."""
        to_do = []
        for task in self.tasks:
            kept = self._kept(task)
            if kept is None:
                to_do.append(task)
            else:
                yield self._event(stage, task, kept)
        if to_do:
            with make_executor(work) as executor:
                announced = self._announced(to_do, executor.queue_depth)
                for outcome in run_tasks(announced, executor, self._record):
                    yield self._event(stage, outcome.task, outcome.result)

    def report(self) -> None:
        """Write ``report.csv`` if anything was done."""
        if not any(result.status == "done" for result in self.found.values()):
            return
        try:
            write_report(self.journal.output / REPORT, self.results)
        except OutputLostError:
            if not self.is_lost:  # else it was reported already
                raise

    def lose(self, error: OutputLostError) -> str:
        """Record that nothing can be written any more, and return a message for the user."""
        self.is_lost = True
        done = sum(result.status == "done" for result in self.found.values())
        return (
            f"{done} of {len(self.tasks)} files are done and kept; {str(error).rstrip('.')} and run"
            " it again to go on."
        )

    def _event(self, stage: str, task: Task, result: FileResult) -> Progress:
        self.found[task.name] = result
        self._reported += 1
        return Progress(stage, self._reported, len(self.tasks), task.path.name, payload=result)

    def _kept(self, task: Task) -> FileResult | None:
        """Look up the result of an earlier run, if its file and its outputs are unchanged."""
        done = self.journal.record.done.get(task.name)
        files = [self.journal.output / name for name in self._files(task)]
        if done is None or not all(file.exists() for file in files):
            return None
        moved = done.result.path != task.path
        mark = done.mark.now(task.path, look_inside=moved)
        if mark is None:
            return None
        result = replace(done.result, path=task.path)
        if moved or mark != done.mark:
            self.journal.finish(task.name, mark, result)
        return replace(result, kept=True)

    def _announced(self, tasks: Iterable[Task], queue_depth: int) -> Iterator[Task]:
        """Yield tasks, each after its results are logged in the journal as about to be written."""
        waiting = iter(tasks)
        self.journal.begin(self.layout.own)
        while some := list(islice(waiting, max(_AHEAD, queue_depth))):
            self.journal.begin(name for task in some for name in self._files(task))
            yield from some

    def _record(self, outcome: Outcome) -> None:
        """Record the outcome of a file, in the journal if it is done."""
        task, result = outcome.task, outcome.result
        self.found[task.name] = result
        if result.status == "done" and outcome.mark is not None:
            self.journal.finish(task.name, outcome.mark, result)
        elif result.status == "failed" and task.name in self.journal.record.done:
            for name in self._files(task):  # what an older file showed is no result of this one
                remove(self.journal.output / name)

    def _files(self, task: Task) -> list[str]:
        return self.layout.results(task.path, task.name)


def _noted(results: Sequence[FileResult]) -> list[str]:
    """Say where the notes on files are, if there are any."""
    count = sum(bool(result.notes) for result in results)
    if not count:
        return []
    have = "1 file has" if count == 1 else f"{count} files have"
    return [f"{have} notes, in the column notes of {REPORT}"]


def _all_failed(failed: Sequence[FileResult]) -> str:
    if len(failed) == 1:
        return failed[0].error
    return f"none of {len(failed)} files could be processed; the first one: {failed[0].error}"
