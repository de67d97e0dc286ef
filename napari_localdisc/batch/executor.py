"""Executors of the files of a run: threads of this process, or others of the same protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from napari_localdisc.base.errors import LocaldiscError, OutputLostError, plain_words
from napari_localdisc.batch.computing import (
    BatchedCompute,
    Check,
    Compute,
    SerialCompute,
    Stopwatch,
    Work,
    WorkTogether,
)
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.formats.images import Image, read_image
from napari_localdisc.reports.report import FileResult

T = TypeVar("T")

QUEUE_DEPTH = 3
"""Files in the hands of threads: one is read and one written while a third is computed."""

CHECK_AFTER = 10.0
"""Seconds without a result after which workers are checked."""

_BYTES = 2**30
"""Of images in hand: where more than `QUEUE_DEPTH` are, they are no more than this holds."""


@dataclass(frozen=True)
class Task:
    """A file, and the name and place of its result."""

    path: Path
    name: str
    place: Path


@dataclass(frozen=True)
class Outcome:
    """The outcome of a task, with the fingerprint of its file before it was read."""

    task: Task
    result: FileResult
    mark: Fingerprint | None = None


class Executor(Protocol):
    """Runs tasks, several at a time, in any order."""

    @property
    def queue_depth(self) -> int:
        """Tasks to submit before the first of them is done."""
        ...

    def submit(self, task: Task) -> Future[Outcome]:
        """Submit a task; its future fails only where the whole run has to stop."""
        ...

    def check_workers(self) -> None:
        """Check that workers are alive; called after a long time without a result.

        Raises
        ------
        LocaldiscError
            If there are none, and there will be none.
        """
        ...

    def stop(self) -> None:
        """Begin no further task; those being computed are completed."""
        ...


ExecutorFactory = Callable[[Work[Any]], AbstractContextManager[Executor]]
"""Makes an executor for some work."""


class StoppedError(Exception):
    """A task was cancelled before it was computed."""


class ThreadExecutor:
    """An executor of threads in this process: reading and writing overlap with computing.

    Parameters
    ----------
    work : Work
    """

    def __init__(self, work: Work[T]) -> None:
        self._together: BatchedCompute[T] | None = None
        self._most = QUEUE_DEPTH
        if isinstance(work, WorkTogether) and work.at_once > 1:
            self._together = BatchedCompute(work, self._check)
            self._most = 2 * work.at_once + 1
        compute: Compute[T] = self._together or SerialCompute(work, self._check)
        self._do = lambda task: attempt(task, work, compute, self._check)
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(self._most, "localdisc")

    @property
    def queue_depth(self) -> int:
        """Twice the batch and one, unless images are large."""
        largest = self._together.largest if self._together else 0
        return max(QUEUE_DEPTH, min(self._most, _BYTES // largest)) if largest else QUEUE_DEPTH

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._together:
            self._together.close()

    def submit(self, task: Task) -> Future[Outcome]:
        """Submit a task."""
        return self._pool.submit(self._do, task)

    def check_workers(self) -> None:
        """Threads need no check."""

    def stop(self) -> None:
        """Cancel tasks that are not being computed yet."""
        self._stopped.set()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise StoppedError


def attempt(task: Task, work: Work[T], compute: Compute[T], check: Check) -> Outcome:
    """Run one task; an error of its file becomes a failed result.

    Parameters
    ----------
    task : Task
    work : Work
    compute : callable
        Has the work computed.
    check : callable
        Called before the file is read; raises to stop.

    Raises
    ------
    OutputLostError
        If no result can be written any more, this one or another.
    """
    seconds = Stopwatch()
    mark, notes = None, tuple[str, ...]()
    try:
        with seconds:
            mark, image = _read(task.path, check)
        notes = image.geometry.notes
        found = compute(image, seconds)
        with seconds:
            result = work.write(image, found, task.place)
    except (OutputLostError, StoppedError):
        raise
    except LocaldiscError as error:
        result = FileResult(task.path, None, "failed", 0.0, error=str(error))
    except Exception as error:  # whatever one image does, the others are still to be done
        result = FileResult(task.path, None, "failed", 0.0, error=_unforeseen(task.path, error))
    # The row outlives the image: it need not keep a second copy of the path.
    told = replace(result, path=task.path, seconds=seconds.total, notes=notes)
    return Outcome(task, told, mark)


def absolute(task: Task) -> Task:
    """Name a task's files for a process that may be in another folder."""
    return Task(task.path.absolute(), task.name, task.place.absolute())


def as_seen_here(outcome: Outcome, task: Task) -> Outcome:
    """Name files as they were given here, not as in the process that did the task."""
    result = outcome.result
    output = None if result.output is None else task.place.with_name(result.output.name)
    error = result.error.replace(str(task.path.absolute()), str(task.path))
    return Outcome(task, replace(result, path=task.path, output=output, error=error), outcome.mark)


def gave_up(task: Task, ended: int) -> Outcome:
    """Make the outcome of a task over which so many workers ended."""
    text = (
        f"{task.path} could not be processed ({ended} workers ended over it); check the image, or"
        " give the workers more memory."
    )
    return Outcome(task, FileResult(task.path, None, "failed", 0.0, error=text))


def run_tasks(
    tasks: Iterable[Task], executor: Executor, on_outcome: Callable[[Outcome], None]
) -> Generator[Outcome, None, None]:
    """Submit tasks to an executor, never more than its queue depth, and yield their outcomes.

    Parameters
    ----------
    tasks : iterable of Task
    executor : Executor
    on_outcome : callable
        Called once with every outcome, before it is yielded; closed, with those of the tasks that
        were too late to be stopped.
    """
    waiting = iter(tasks)
    running: set[Future[Outcome]] = set()
    try:
        while True:
            free = max(
                0, executor.queue_depth - len(running)
            )  # an executor may have shrunk meanwhile
            running |= {executor.submit(task) for task in islice(waiting, free)}
            if not running:
                return
            ended = wait(running, CHECK_AFTER, FIRST_COMPLETED).done
            if not ended:
                executor.check_workers()
            outcomes = [future.result() for future in ended]
            for future, outcome in zip(ended, outcomes, strict=True):
                on_outcome(outcome)
                running.discard(future)
            yield from outcomes
    finally:
        if running:
            executor.stop()
            _report_rest(running, on_outcome)


def _report_rest(running: set[Future[Outcome]], on_outcome: Callable[[Outcome], None]) -> None:
    for future in wait(running).done:
        if not future.cancelled() and future.exception() is None:
            with suppress(LocaldiscError):  # the disk is full: there it stays, to be done again
                on_outcome(future.result())


def _read(path: Path, check: Check) -> tuple[Fingerprint | None, Image]:
    check()
    try:
        mark = Fingerprint.of(path)
    except OSError:
        mark = None  # reading it says what is wrong
    return mark, read_image(path, may_be_blank=False)


def _unforeseen(file: Path, error: Exception) -> str:
    words = plain_words(error)
    detail = f" ({words})" if words else ""
    return f"{file} could not be processed{detail}; check the image."
