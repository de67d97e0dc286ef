"""The window's side: one process that computes, a queue in front of it, and runs that go there."""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from itertools import count
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, BinaryIO, ParamSpec, Self, TypeVar, cast

from psygnal import Signal

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.compute.channel import (
    Call,
    Cancel,
    Cancelled,
    Channel,
    Event,
    Failed,
    Ready,
    Returned,
    Seen,
)
from napari_localdisc.compute.loss import ComputeLostError, cannot_start, lost

T = TypeVar("T")
P = ParamSpec("P")

_HEARTBEAT = 0.2
"""Seconds without an event after which the last one is repeated, so that a cancel is noticed."""

_ANSWER = 0.7
"""Seconds that a cancelled call has to end before whoever cancelled it is let go."""

_GRACE = 20.0
"""Seconds that it has before the process is ended instead."""

_LOG = 4000
"""Last characters of what the process wrote about its end."""


class ComputeProcess:
    """A process that computes, started when needed, and who waits for it.

    Signals
    -------
    ready(tuple of str)
        The process runs and has found these devices; emitted in a thread of its own.
    ended()
        The process is gone, and with it all that it held; emitted in a thread of its own.

    Parameters
    ----------
    command : sequence of str
        What to start.
    """

    ready = Signal(tuple)
    ended = Signal()

    COMMAND = (sys.executable, "-P", "-m", "napari_localdisc.compute.server")

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._starting = threading.Lock()
        self._started: StartedProcess | None = None
        self._queue = TurnQueue()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._started is not None and self._started.alive

    @property
    def pid(self) -> int | None:
        """Number by which the system knows the process, None if there is none."""
        return self._started.pid if self._started is not None and self.running else None

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices that it has found, ``"cpu"`` first; empty while it starts."""
        return self._started.devices if self._started is not None else ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """What runs and what waits for it, in order, by their labels."""
        return self._queue.labels

    def start(self) -> StartedProcess:
        """Start the process, unless it runs.

        Raises
        ------
        ComputeLostError
            If it cannot be started.
        """
        with self._starting:
            if self._started is None or not self._started.alive:
                self._started = StartedProcess(self._command, self.ready.emit, self.ended.emit)
            return self._started

    def stop(self) -> None:
        """End the process, and with it all that it holds in memory, a GPU's too."""
        if self._started is not None:
            self._started.stop()

    def turn(self, label: str) -> Turn:
        """Queue up for the process.

        Parameters
        ----------
        label : str
            What is to be run, for those who wait behind it.
        """
        return Turn(self, self._queue, label)

    def run(
        self, label: str, function: Callable[P, Run[T]], *arguments: P.args, **keywords: P.kwargs
    ) -> Run[T]:
        """Wait for a turn, and run a function of `jobs` in it; arguments as of the function."""
        with self.turn(label) as turn:
            yield from turn.wait()
            return (yield from turn.run(function, *arguments, **keywords))


class StartedProcess:
    """A process from its start to its end.

    Parameters
    ----------
    command : sequence of str
    on_ready : callable
        Called with its devices, in a thread of its own, as `on_end` is.
    on_end : callable

    Raises
    ------
    ComputeLostError
        If it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_ready: Callable[[tuple[str, ...]], object],
        on_end: Callable[[], object],
    ) -> None:
        self.devices: tuple[str, ...] = ()
        self._on_ready, self._on_end = on_ready, on_end
        self._numbers = count(1)
        self._answers: dict[int, SimpleQueue[Any]] = {}
        self._changing = threading.Lock()
        self._lost: ComputeLostError | None = None
        self._stopping = False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115, closed where the process ends
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                start_new_session=sys.platform != "win32",
            )
        except OSError as error:
            raise cannot_start(error) from error
        source, target = self._process.stdout, self._process.stdin
        self._channel = Channel(cast("BinaryIO", source), cast("BinaryIO", target))
        threading.Thread(target=self._listen, name="localdisc-compute", daemon=True).start()

    @property
    def pid(self) -> int:
        """Number by which the system knows it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None and self._lost is None

    def stop(self) -> None:
        """End it, if need be by force."""
        self._stopping = True
        self._process.terminate()
        try:
            self._process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def call(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Answer:
        """Send a call."""
        number, messages = next(self._numbers), SimpleQueue[Any]()
        with self._changing:
            self._answers[number] = messages
            if self._lost is not None:
                messages.put(self._lost)
        self.send(Call(number, function, arguments, keywords))
        return Answer(self, number, messages)

    def send(self, message: object) -> None:
        """Send a message; one that nobody receives any more is answered by the listener."""
        with suppress(BrokenPipeError, ValueError):  # ValueError of a pipe that is closed
            self._channel.send(message)

    def forget(self, number: int) -> None:
        """Want no more answers to a call."""
        with self._changing:
            self._answers.pop(number, None)

    def _listen(self) -> None:
        """Hand out what comes, until it ends."""
        try:
            while True:
                message = self._channel.receive()
                if isinstance(message, Ready):
                    self.devices = message.devices
                    self._on_ready(message.devices)
                elif (messages := self._answers.get(message.number)) is not None:
                    messages.put(message)
        except (EOFError, OSError, ValueError):
            self._finish()

    def _finish(self) -> None:
        code = self._process.wait()
        self._channel.close()
        self._log.seek(0)
        text = self._log.read().decode(errors="replace")[-_LOG:]
        self._log.close()
        error = lost(code, text, stopped=self._stopping, was_ready=bool(self.devices))
        with self._changing:
            self._lost = error
            for messages in self._answers.values():
                messages.put(error)
        self._on_end()


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


class Answer:
    """What comes back from a call."""

    def __init__(self, process: StartedProcess, number: int, messages: SimpleQueue[Any]) -> None:
        self._process, self._number, self._messages = process, number, messages
        self._ended = False

    def next(self, seconds: float) -> Event | Returned | None:
        """Wait a little for the next event or the result.

        Raises
        ------
        Exception
            Whatever the call raised, or `ComputeLostError` if the process is gone.
        """
        try:
            message = self._messages.get(timeout=seconds)
        except Empty:
            return None
        if isinstance(message, Event):
            return message
        self._ended = True
        self._process.forget(self._number)
        if isinstance(message, Failed):
            raise message.error
        if isinstance(message, ComputeLostError):
            raise message
        return message if isinstance(message, Returned) else None

    def acknowledge(self) -> None:
        """Let the call go on."""
        self._process.send(Seen(self._number))

    def cancel(self) -> None:
        """Ask the call to end, unless it has."""
        if not self._ended:
            self._process.send(Cancel(self._number))

    def finish(self, seconds: float) -> bool:
        """Wait for a cancelled call to end; returns whether it has."""
        until = time.monotonic() + seconds
        while not self._ended and (left := until - time.monotonic()) > 0:
            try:
                message = self._messages.get(timeout=left)
            except Empty:
                break
            self._ended = isinstance(message, Returned | Failed | Cancelled | ComputeLostError)
        if self._ended:
            self._process.forget(self._number)
        return self._ended


@cache
def compute_process() -> ComputeProcess:
    """Return the process that all windows of this napari share."""
    process = ComputeProcess()
    atexit.register(process.stop)
    return process
