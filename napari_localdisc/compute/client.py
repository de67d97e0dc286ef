"""The window's side of the process that computes."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

from napari_localdisc.base.progress import Run
from napari_localdisc.compute.started import StartedProcess
from napari_localdisc.compute.turns import Turn, TurnQueue

T = TypeVar("T")
P = ParamSpec("P")


class ComputeProcess:
    """A process that computes, started when needed, and who waits for it.

    Parameters
    ----------
    command : sequence of str
        What to start.

    Attributes
    ----------
    on_ready : list of callable
        Called with the names of its devices when the process has started; in a thread of its own.
    on_end : list of callable
        Called when the process is gone, and with it all that it held; in a thread of its own.
    """

    COMMAND = (sys.executable, "-P", "-m", "napari_localdisc.compute.server")

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._starting = threading.Lock()
        self._started: StartedProcess | None = None
        self._queue = TurnQueue()
        self.on_ready: list[Callable[[tuple[str, ...]], object]] = []
        self.on_end: list[Callable[[], object]] = []

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
                self._started = StartedProcess(self._command, self._ready, self._ended)
            return self._started

    def _ready(self, devices: tuple[str, ...]) -> None:
        for call in self.on_ready:
            call(devices)

    def _ended(self) -> None:
        for call in self.on_end:
            call()

    def stop(self) -> None:
        """End the process, and with it all that it holds in memory, a GPU's too."""
        if self._started is not None:
            self._started.stop()

    def close(self) -> None:
        """End the process, and tell nobody: those who listen may be gone by now."""
        self.on_ready.clear()
        self.on_end.clear()
        self.stop()

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


@cache
def compute_process() -> ComputeProcess:
    """Return the process that all windows of this napari share."""
    process = ComputeProcess()
    atexit.register(process.close)
    return process
