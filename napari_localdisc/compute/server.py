"""What runs in the process that computes: one call after the other, on demand of the window.

``python -m napari_localdisc.compute.server`` talks over its standard input and output.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any, BinaryIO

from napari_localdisc.base.errors import LocaldiscError
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
)

EVENT_INTERVAL = 0.05
"""Seconds between events of one stage that are sent, unless they carry a payload."""

_AHEAD = 4
"""Events that the window need not have taken in; then the call waits, as it does when paused."""

_NICE = 5
"""How much less than the window this process is favoured where cores are scarce."""

_LAST_SECONDS = 10.0
"""Time that a call has to end cleanly once the window is gone."""


class Server:
    """Runs calls, and listens for cancels meanwhile.

    Parameters
    ----------
    channel : Channel
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._cancelled: set[int] = set()
        self._room = threading.Semaphore(_AHEAD)
        self._current = 0

    def serve(self) -> None:
        """Run calls until the window closes the pipe."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        from napari_localdisc.base.devices import available_devices

        self._channel.send(Ready(available_devices()))
        while (call := self._calls.get()) is not None:
            self._channel.send(self._outcome(call))

    def _listen(self) -> None:
        try:
            while True:
                message = self._channel.receive()
                if isinstance(message, Call):
                    self._calls.put(message)
                    continue
                if isinstance(message, Cancel):
                    self._cancelled.add(message.number)
                if message.number == self._current:  # a cancelled call may be waiting for room
                    self._room.release()
        except (EOFError, OSError):
            self._end()

    def _end(self) -> None:
        """End the process; what is being written gets a little time to be written whole."""
        self._cancelled.add(-1)
        self._room.release()
        self._calls.put(None)
        time.sleep(_LAST_SECONDS)
        os._exit(1)

    def _outcome(self, call: Call) -> Returned | Failed | Cancelled:
        try:
            self._room, self._current = threading.Semaphore(_AHEAD), call.number
            return self._drive(call)
        except LocaldiscError as error:
            return Failed(call.number, error)
        except Exception as error:
            return Failed(call.number, _portable(error))

    def _drive(self, call: Call) -> Returned | Cancelled:
        run: Run[Any] = call.function(*call.arguments, **call.keywords)
        stage, last = "", 0.0
        try:
            while not self._is_cancelled(call):
                event = next(run)
                now = time.monotonic()
                if event.payload is None and event.stage == stage and now - last < EVENT_INTERVAL:
                    continue
                stage, last = event.stage, now
                self._send(call, event)
        except StopIteration as stop:
            return Returned(call.number, stop.value)
        finally:
            run.close()
        return Cancelled(call.number)

    def _send(self, call: Call, event: Progress) -> None:
        self._room.acquire()
        if not self._is_cancelled(call):
            self._channel.send(Event(call.number, event))

    def _is_cancelled(self, call: Call) -> bool:
        return call.number in self._cancelled or -1 in self._cancelled


def _portable(error: Exception) -> Exception:
    """Make an error of any library one that any process can unpickle, its traceback in the log."""
    sys.excepthook(type(error), error, error.__traceback__)
    return RuntimeError(f"{type(error).__name__}: {error}")


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes to ourselves: what libraries print goes to standard error."""
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return source, target


def main() -> None:
    """Serve the process that started this one."""
    source, target = _own_pipes()
    faulthandler.enable()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    Server(Channel(source, target)).serve()


if __name__ == "__main__":
    main()
