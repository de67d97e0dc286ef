"""Short work in a thread where only the newest answer counts."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from napari_localdisc.widgets.jobs.pool import ShortWorker, short_worker
from napari_localdisc.widgets.jobs.workers import log_warning, notify


class Latest:
    """Answers questions in a worker thread, one at a time.

    While one is being answered only the newest of those asked meanwhile is remembered, so that what
    follows the pointer never lags behind it.

    Parameters
    ----------
    alive : callable
        Whether somebody still listens.

    Signals
    -------
    answered(object)
        In the main thread.
    """

    answered = Signal(object)

    def __init__(self, alive: Callable[[], bool] = lambda: True) -> None:
        self._alive = alive
        self._worker: ShortWorker | None = None
        self._next: Callable[[], object] | None = None
        self._generation = 0

    def ask(self, question: Callable[[], object]) -> None:
        """Call a function in a worker thread, now or when that is free."""
        if self._worker is not None:
            self._next = question
            return
        generation = self._generation
        worker = short_worker(question)
        self._worker = worker
        worker.returned.connect(lambda answer: self._on_answer(generation, answer))
        worker.errored.connect(notify)
        worker.warned.connect(log_warning)
        worker.finished.connect(self._on_finished)  # type: ignore[arg-type]
        worker.start()

    def forget(self) -> None:
        """Want no answer any more to what was asked so far."""
        self._generation += 1
        self._next = None

    def _on_answer(self, generation: int, answer: object) -> None:
        if generation == self._generation and self._alive():
            self.answered.emit(answer)

    def _on_finished(self) -> None:
        self._worker = None
        question, self._next = self._next, None
        if question is not None and self._alive():
            self.ask(question)
