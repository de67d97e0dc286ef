"""Threads of our own for workers: Qt's global ones serve the window's drawing, too."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from qtpy.QtCore import QThreadPool, QTimer
from superqt.utils import FunctionWorker, create_worker
from superqt.utils._qthreading import WorkerBase

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

_THREADS = 16
"""Most runs of all windows at once; those that wait for the process that computes count, too."""


@cache
def threads() -> QThreadPool:
    """Return the threads that all windows share."""
    pool = QThreadPool()
    pool.setMaxThreadCount(_THREADS)
    return pool


class OwnThreads(WorkerBase[R], Generic[R]):
    """A worker that leaves Qt's global threads alone.

    Qt 5 converts images, such as napari's spinner, in the global threads and waits for them: where
    runs hold as many of these as there are cores, the window waits until one ends.
    """

    def start(self) -> None:
        """Start in a thread, once the present event has been handled."""
        self._worker_set.add(self)
        self._finished.connect(self._set_discard)
        QTimer.singleShot(0, partial(threads().start, self))


class ShortWorker(OwnThreads[Any], FunctionWorker[Any]):
    """Calls a function in a thread."""


def short_worker(function: Callable[..., object], *arguments: object) -> ShortWorker:
    """Make a worker that calls a function; errors go to its signal alone."""
    worker = create_worker(
        function,
        *arguments,
        _worker_class=ShortWorker,
        _start_thread=False,
        _ignore_errors=True,
    )
    return cast(ShortWorker, worker)
