"""Core generators driven by napari worker threads: progress, cancel, errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event
from typing import Any, Generic, TypeVar

from napari.qt.threading import create_worker
from napari.utils.notifications import notification_manager, show_error
from psygnal import Signal
from qtpy.QtCore import QTimer
from superqt.utils import GeneratorWorker

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.widgets.jobs.activity import ActivityBar
from napari_localdisc.widgets.jobs.pool import OwnThreads

T = TypeVar("T")

EVENT_INTERVAL = 0.05
"""Seconds between progress events that reach the window; more would only keep it busy."""

_BREATH = 10
"""Milliseconds between steps of what is shown bit by bit; with none the next comes first."""


class Runner:
    """Runs one core generator at a time in a worker thread.

    All signals are emitted in the main thread, and only for the run started last: what an earlier
    run still has to say is dropped.

    Parameters
    ----------
    alive : callable
        Whether somebody still listens; a run that nobody listens to is stopped at its next event.

    Signals
    -------
    progressed(Progress)
        At most every `EVENT_INTERVAL`, except that events with a payload all come through.
    cancelling()
        Somebody asked the run to stop, here or in napari's activity dock.
    returned(object)
        The run's result.
    failed(Exception)
        The run raised; the user has been told.
    ended()
        After any end: result, error or cancel; and after what `unfold` was given.
    """

    progressed = Signal(Progress)
    cancelling = Signal()
    returned = Signal(object)
    failed = Signal(Exception)
    ended = Signal()

    def __init__(self, alive: Callable[[], bool] = lambda: True) -> None:
        self._alive = alive
        self._generation = 0
        self._worker: RunWorker[Any] | None = None
        self._left: Iterator[None] = iter(())
        self._cancelled = False

    @property
    def running(self) -> bool:
        """Whether a run is under way, also while it is being cancelled or unfolded."""
        return self._worker is not None

    @property
    def cancelled(self) -> bool:
        """Whether the latest run was cancelled."""
        return self._cancelled

    def start(self, run: Run[T], title: str) -> None:
        """Drive `run` in a worker thread; a run still under way is abandoned.

        Parameters
        ----------
        run : generator of Progress
            Closed in the worker thread, whatever happens.
        title : str
            What napari's activity dock and closing dialog call it.
        """
        self.abandon()
        generation = self._generation
        worker = create_worker(
            _titled(run, title), _worker_class=RunWorker, _ignore_errors=True, _start_thread=False
        )
        self._worker = worker
        self._cancelled = False
        # Making the bar handles pending clicks, so everything else is in place by now.
        bar = ActivityBar(title, lambda: self._cancel_from(generation))
        worker.yielded.connect(lambda event: self._on_event(generation, bar, event))
        worker.returned.connect(lambda result: self._on_result(generation, result))
        worker.errored.connect(lambda error: self._on_error(generation, error))
        worker.finished.connect(lambda: self._on_finished(generation, bar))
        worker.warned.connect(log_warning)
        worker.start()

    def cancel(self) -> None:
        """Ask the run to stop at its next event; `ended` follows when it has."""
        if self._worker is not None and not self._cancelled:
            self._cancelled = True
            self._worker.quit()
            self.cancelling.emit()

    @property
    def paused(self) -> bool:
        """Whether the run waits at an event."""
        return self._worker is not None and self._worker.held

    def pause(self, wait: bool = True) -> None:
        """Let the run wait at its next event, or go on."""
        if self._worker is not None:
            self._worker.hold(wait)

    def unfold(self, steps: Iterator[None]) -> None:
        """Show a result bit by bit, and keep the window alive between two steps.

        To be called where the result is told. The run ends after the last step; a cancel leaves
        out those that are still to come.

        Parameters
        ----------
        steps : iterator
            Advanced in the main thread, with time for all other events in between.
        """
        self._left = steps

    def abandon(self) -> None:
        """Stop listening to the run and ask it to stop; nothing more is emitted for it."""
        self._generation += 1
        self._left = iter(())
        if self._worker is not None:
            self._worker.quit()
            self._worker = None

    def _cancel_from(self, generation: int) -> None:
        if generation == self._generation:
            self.cancel()

    def _is_current(self, generation: int) -> bool:
        if generation == self._generation and not self._alive():
            self.abandon()
        return generation == self._generation

    def _on_event(self, generation: int, bar: ActivityBar, event: Progress) -> None:
        # Showing it in the bar lets later events through, so it comes last.
        if self._is_current(generation) and not self._cancelled:
            self.progressed.emit(event)
        bar.show_event(event)

    def _on_result(self, generation: int, result: object) -> None:
        if self._is_current(generation):
            self.returned.emit(result)

    def _on_error(self, generation: int, error: Exception) -> None:
        if self._is_current(generation):
            notify(error)
            self.failed.emit(error)

    def _on_finished(self, generation: int, bar: ActivityBar) -> None:
        bar.close()
        self._go_on(generation)

    def _go_on(self, generation: int) -> None:
        """Take the next step of what is left to show, or end the run."""
        if not self._is_current(generation):
            return
        if self._has_stepped(generation):
            QTimer.singleShot(_BREATH, partial(self._go_on, generation))
        elif self._is_current(generation):
            self._worker, self._left = None, iter(())
            self.ended.emit()

    def _has_stepped(self, generation: int) -> bool:
        if self._cancelled:
            return False
        try:
            next(self._left)
        except StopIteration:
            return False
        except Exception as error:  # as of the run itself: told, and its end
            self._on_error(generation, error)
            return False
        return True


class RunWorker(OwnThreads[T], GeneratorWorker[Progress, None, T], Generic[T]):
    """Drives a run in a worker thread, can hold it, and closes it there, whatever happens.

    Unlike its base it reports every exception: the base takes a RuntimeError for a deleted Qt
    object and falls silent, but torch raises RuntimeError for anything, memory included.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_go_on = Event()
        self._may_go_on.set()

    def hold(self, wait: bool) -> None:
        """Let the run wait at its next event, or go on; from any thread."""
        if wait:
            self._may_go_on.clear()
        else:
            self._may_go_on.set()

    @property
    def held(self) -> bool:
        """Whether the run is to wait."""
        return not self._may_go_on.is_set()

    def quit(self) -> None:
        """Stop at the next event, also when waiting."""
        super().quit()
        self._may_go_on.set()

    def work(self) -> T | None:
        """Drive the run until it ends or is told to stop."""
        last = -EVENT_INTERVAL
        try:
            while not self.abort_requested:
                self._may_go_on.wait()
                if self.abort_requested:
                    break
                event = next(self._gen)
                now = time.monotonic()
                if event.payload is not None or now - last >= EVENT_INTERVAL:
                    last = now
                    self.yielded.emit(event)
            self.aborted.emit()
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            self._gen.close()
        return None


def log_warning(arguments: tuple[Any, ...]) -> None:
    """Log a warning of a worker thread, given as to `warnings.showwarning`."""
    message, category, filename, line = arguments[:4]
    logging.getLogger(__name__).info("%s:%s: %s: %s", filename, line, category.__name__, message)


def notify(error: Exception) -> None:
    """Tell the user about an error: one sentence if it is ours, else with the details behind it."""
    if isinstance(error, LocaldiscError):
        show_error(str(error))
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


class _Titled(partial[Run[Any]]):
    """A generator function whose ``repr``, which napari shows to the user, is a title."""

    title: str

    def __repr__(self) -> str:
        return self.title


def _titled(run: Run[T], title: str) -> _Titled:
    function = _Titled(_relay, run)
    function.title = title
    return function


def _relay(run: Run[T]) -> Run[T]:
    result = yield from run
    return result
