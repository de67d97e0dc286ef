"""Messages between the window's process and the one that computes, over a pair of pipes.

A message is pickled; arrays go beside it, uncopied (pickle protocol 5). Both ends of the pipes are
ours: nothing is read from a file, a socket or another user's process.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, BinaryIO

from napari_localdisc.base.progress import Progress

_COUNT = struct.Struct("<Q")


@dataclass(frozen=True)
class Call:
    """A generator function of `jobs` to be run, with its arguments."""

    number: int
    function: Any
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cancel:
    """A call is to end at its next event."""

    number: int


@dataclass(frozen=True)
class Seen:
    """The window has taken in an event of a call, and is ready for more."""

    number: int


@dataclass(frozen=True)
class Ready:
    """The process has loaded its libraries and found its devices, ``"cpu"`` first."""

    devices: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """Progress of a call."""

    number: int
    progress: Progress


@dataclass(frozen=True)
class Returned:
    """The result of a call."""

    number: int
    result: Any


@dataclass(frozen=True)
class Failed:
    """A call raised."""

    number: int
    error: Exception


@dataclass(frozen=True)
class Cancelled:
    """A call ended because it was asked to."""

    number: int


class Channel:
    """One end of a pair of pipes.

    Parameters
    ----------
    source, target : binary files, unbuffered or buffered
    """

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        self._source, self._target = source, target
        self._sending = Lock()

    def send(self, message: object) -> None:
        """Send a message; from any thread.

        Raises
        ------
        OSError
            If nobody reads any more.
        """
        buffers: list[pickle.PickleBuffer] = []
        head = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
        with self._sending:
            self._target.write(_COUNT.pack(len(parts)))
            for part in parts:
                self._target.write(_COUNT.pack(part.nbytes))
            for part in parts:
                self._target.write(part)
            self._target.flush()

    def receive(self) -> Any:
        """Wait for a message.

        Raises
        ------
        EOFError
            If the other end is closed.
        """
        count = self._number()
        sizes = [self._number() for _ in range(count)]
        head, *buffers = [self._read(size) for size in sizes]
        return pickle.loads(head, buffers=buffers)

    def close(self) -> None:
        """Close both pipes."""
        for file in (self._target, self._source):
            try:
                file.close()
            except OSError:  # what was still to be sent has no reader any more
                continue

    def _number(self) -> int:
        (number,) = _COUNT.unpack(self._read(_COUNT.size))
        return int(number)

    def _read(self, size: int) -> bytearray:
        content = bytearray(size)
        view, done = memoryview(content), 0
        while done < size:
            count = self._source.readinto(view[done:])  # type: ignore[attr-defined]
            if not count:
                raise EOFError("the other process has closed its pipe")
            done += count
        return content
