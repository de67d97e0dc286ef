"""Who computes: one image at a time in a process, or those together that wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar, runtime_checkable

from napari_localdisc.formats.images import Image
from napari_localdisc.reports.report import FileResult

T = TypeVar("T")

_COMPUTING = threading.Lock()
"""Held while a process computes: an image takes all cores, some together the GPU's memory."""

Check = Callable[[], None]
"""Raises where nothing more is to be begun."""


class Work(Protocol[T]):
    """What is done to every image; may be called from several threads and sent to processes."""

    def compute(self, image: Image) -> T:
        """Find what is to be found; one image at a time in a process."""
        ...

    def write(self, image: Image, found: T, place: Path) -> FileResult:
        """Write what was found to `place`, a path without ending."""
        ...


@runtime_checkable
class WorkTogether(Work[T], Protocol[T]):
    """Work that can be done on several images at once."""

    @property
    def at_once(self) -> int:
        """How many images it takes."""
        ...

    def compute_together(self, images: Sequence[Image]) -> Sequence[T]:
        """Find in each image what `compute` would find, to rounding."""
        ...


class Stopwatch:
    """Adds up the seconds that are spent within it, and others."""

    total = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.total += time.perf_counter() - self._start


class SerialCompute(Generic[T]):
    """Computes one image at a time.

    Parameters
    ----------
    work : Work
    check : callable
        Called before each image.
    """

    def __init__(self, work: Work[T], check: Check) -> None:
        self.work, self.check = work, check

    def __call__(self, image: Image, seconds: Stopwatch) -> T:
        """Wait for the images that came before, then compute."""
        with _COMPUTING:
            self.check()
            with seconds:
                return self.work.compute(image)


Compute = Callable[[Image, Stopwatch], T]
"""Has some work computed on an image, and adds up the seconds that this took."""


@dataclass(frozen=True)
class _Handed(Generic[T]):
    """An image, and a place for what is found in it and the seconds that it took."""

    image: Image
    found: Future[tuple[T, float]] = field(default_factory=Future)


class BatchedCompute(Generic[T]):
    """Computes at once the images that several threads hand in meanwhile.

    Nobody waits for a batch to be full: a busy device finds one that is.

    Parameters
    ----------
    work : WorkTogether
    check : callable
        Called before each batch.

    Attributes
    ----------
    largest : int
        Bytes of the largest image so far, 0 before the first.
    """

    def __init__(self, work: WorkTogether[T], check: Check) -> None:
        self.work, self.check = work, check
        self.largest = 0
        self._waiting: SimpleQueue[_Handed[T]] = SimpleQueue()
        self._thread = ThreadPoolExecutor(1, "localdisc-compute")

    def __call__(self, image: Image, seconds: Stopwatch) -> T:
        """Hand an image in, and wait for what is found in it."""
        self.largest = max(self.largest, image.pixels.nbytes)
        handed = _Handed[T](image)
        self._waiting.put(handed)
        self._thread.submit(self._next)
        found, share = handed.found.result()
        seconds.total += share
        return found

    def close(self) -> None:
        """End the thread, once nobody waits any more."""
        self._thread.shutdown(wait=True)

    def _next(self) -> None:
        """Compute what waits; where an earlier call has done so, there is nothing left."""
        some = self._take()
        if not some:
            return
        try:
            with _COMPUTING:
                self.check()
                self._compute(some)
        except Exception as error:
            for handed in some:
                handed.found.set_exception(error)

    def _take(self) -> list[_Handed[T]]:
        some: list[_Handed[T]] = []
        try:
            while len(some) < self.work.at_once:
                some.append(self._waiting.get_nowait())
        except Empty:
            pass
        return some

    def _compute(self, some: Sequence[_Handed[T]]) -> None:
        start = time.perf_counter()
        try:
            found = self.work.compute_together([handed.image for handed in some])
        except Exception as error:
            if len(some) == 1:
                some[0].found.set_exception(error)
            else:  # only one of them need be at fault
                for handed in some:
                    self._compute([handed])
        else:
            share = (time.perf_counter() - start) / len(some)
            for handed, one in zip(some, found, strict=True):
                handed.found.set_result((one, share))
