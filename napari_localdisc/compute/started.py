"""One process that computes, from its start to its end, and the answers that come from it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, cast

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

_LOG = 4000
"""Last characters of what the process wrote about its end."""


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
        self._listener = threading.Thread(
            target=self._listen, name="localdisc-compute", daemon=True
        )
        self._listener.start()

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
        self._listener.join(timeout=3)

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
