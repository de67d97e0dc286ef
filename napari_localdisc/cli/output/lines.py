"""Progress in plain lines, for what is no terminal and for log files."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from napari_localdisc.base.errors import cannot_write, printable
from napari_localdisc.base.progress import Progress

EVERY = 5.0
"""Seconds between lines of progress."""

STAGES = {
    "read": "Reading",
    "prepare": "Preparing",
    "embed": "Embedding",
    "search": "Searching",
    "denoise": "Denoising masks",
    "trace": "Tracing borders",
    "refine": "Refining",
    "pretrain": "Pretraining",
    "pseudo-labels": "Finding pseudo-labels",
    "kmeans": "Clustering by k-means",
    "segment": "Segmenting",
    "clusters": "Clustering",
    "evaluate": "Evaluating",
    "probe": "Probing",
    "transfer": "Fine-tuning",
}


def stage_name(stage: str) -> str:
    """Name a stage for people."""
    return STAGES.get(stage, stage.capitalize())


@dataclass
class _Stage:
    """Where a stage began: at what time, and with how many units done."""

    name: str
    began: float
    first: int
    last: Progress


class ProgressLines:
    """Turns the events of runs into lines: one every few seconds, and one a stage.

    Parameters
    ----------
    every : float
        Seconds between lines.
    clock : callable
        Tells the time in seconds.
    """

    def __init__(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every, self._clock = every, clock
        self._due = clock() + every
        self._stage: _Stage | None = None

    def follow(self, event: Progress) -> str:
        """Take in an event; returns how long the stage took that it ends, or nothing."""
        stage = self._stage
        if stage is not None and stage.name == event.stage and event.done >= stage.last.done:
            stage.last = event
            return ""
        ended = self.end()
        # The first event of a stage may come with its first unit already done.
        self._stage = _Stage(event.stage, self._clock(), event.done, event)
        return ended

    def end(self) -> str:
        """End the stage; returns how long it took, or nothing if there was none."""
        stage, self._stage = self._stage, None
        if stage is None:
            return ""
        seconds = self._clock() - stage.began
        return f"{stage_name(stage.name)} took {seconds:.1f} s"

    def due(self) -> str:
        """Return the line that is due, or nothing.

        For example ``Refining 40/120, 0:12 left: loss 0.213``.
        """
        now = self._clock()
        if self._stage is None or now < self._due:
            return ""
        self._due = now + self._every
        event = self._stage.last
        head = f"{stage_name(event.stage)} {event.done}/{event.total}{self._left(now)}"
        return ": ".join(filter(None, (head, _figures(event))))

    def _left(self, now: float) -> str:
        stage = self._stage
        done = stage.last.done - stage.first if stage else 0
        if stage is None or done <= 0:
            return ""
        seconds = (now - stage.began) / done * (stage.last.total - stage.last.done)
        return f", {timedelta(seconds=round(seconds))} left"


def _figures(event: Progress) -> str:
    """Say what an event's message says, and its loss, else its first figure, if it does not."""
    name = "loss" if "loss" in event.values else next(iter(event.values), "")
    value = event.values.get(name, 0.0)
    figure = f"{name} {value:.3g}" if name and name not in event.message.lower() else ""
    return ", ".join(filter(None, (event.message, figure)))


class LogFile:
    """A file that gets whole lines with the time before them, each written out at once.

    It is opened anew for every line, so that several runs may share it, and it may be moved away.

    Parameters
    ----------
    path : Path
        Lines are appended to what it holds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: str) -> None:
        """Append a line.

        Raises
        ------
        LocaldiscError
            If the file cannot be written.
        """
        stamp = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        text = printable(" ".join(line.split()))
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{stamp}  {text}\n")
        except OSError as error:
            raise cannot_write(self.path, error) from error
