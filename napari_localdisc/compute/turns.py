"""The queue in front of the process that computes, and runs that have their turn there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar, cast

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.compute.channel import (
    Returned,
)
from napari_localdisc.compute.started import Answer

if TYPE_CHECKING:
    from napari_localdisc.compute.client import ComputeProcess

T = TypeVar("T")
P = ParamSpec("P")

_HEARTBEAT = 0.2
"""Seconds without an event after which the last one is repeated, so that a cancel is noticed."""

_ANSWER = 0.7
"""Seconds that a cancelled call has to end before whoever cancelled it is let go."""

_GRACE = 20.0
"""Seconds that it has before the process is ended instead."""


class TurnQueue:
    """Who may use the process, one after the other."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._changed = threading.Condition()

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all turns, the present one first."""
        with self._changed:
            return tuple(turn.label for turn in self._turns)

    def join(self, turn: Turn) -> None:
        """Stand behind all others."""
        with self._changed:
            self._turns.append(turn)

    def leave(self, turn: Turn) -> None:
        """Make room for the next one."""
        with self._changed:
            self._turns.remove(turn)
            self._changed.notify_all()

    def ahead(self, turn: Turn, seconds: float) -> tuple[str, ...]:
        """Wait a little; return the labels of those that are still ahead."""
        with self._changed:
            self._changed.wait_for(lambda: self._turns[0] is turn, timeout=seconds)
            return tuple(other.label for other in self._turns[: self._turns.index(turn)])


class Turn:
    """A place in the queue in front of the process; a context manager that leaves it at its end."""

    def __init__(self, process: ComputeProcess, queue: TurnQueue, label: str) -> None:
        self._process, self._queue, self.label = process, queue, label
        self._answer: Answer | None = None

    def __enter__(self) -> Self:
        self._queue.join(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._answer is None or self._answer.finish(_ANSWER):
            self._queue.leave(self)
        else:  # whoever cancelled goes on; the next one waits until this has ended
            threading.Thread(target=self._leave_late, args=(self._answer,), daemon=True).start()

    def wait(self) -> Run[None]:
        """Wait for those ahead, telling whom.

        Yields
        ------
        Progress
            Stage ``wait``, a few times a second.
        """
        while ahead := self._queue.ahead(self, _HEARTBEAT):
            others = f" and {len(ahead) - 1} more" if len(ahead) > 1 else ""
            yield Progress("wait", 0, 1, f"Waiting for {ahead[0]}{others}")

    def run(
        self, function: Callable[P, Run[T]], *arguments: P.args, **keywords: P.kwargs
    ) -> Run[T]:
        """Run a function of `jobs` in the process; to be called after `wait`.

        Yields
        ------
        Progress
            Its own, and the last one again where nothing comes for long.

        Raises
        ------
        ComputeLostError
            If the process ends meanwhile, or cannot be started.
        """
        last = Progress("start", 0, 1, "Starting")
        yield last
        self._answer = self._process.start().call(function, arguments, keywords)
        try:
            while True:
                message = self._answer.next(_HEARTBEAT)
                if isinstance(message, Returned):
                    return cast("T", message.result)
                if message is None:
                    yield last
                else:
                    event = message.progress
                    last = Progress(event.stage, event.done, event.total, event.message)
                    yield event
                    self._answer.acknowledge()
        finally:
            self._answer.cancel()

    def _leave_late(self, answer: Answer) -> None:
        if not answer.finish(_GRACE):
            self._process.stop()
        self._queue.leave(self)
