"""Drives runs, and says how they go: on the screen and in a log file."""

from __future__ import annotations

import json
import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self, TypeVar

import typer
from rich.console import Console

from napari_localdisc.base.errors import LocaldiscError, printable
from napari_localdisc.base.progress import Progress, Run, drain
from napari_localdisc.cli.output.lines import EVERY, LogFile, ProgressLines
from napari_localdisc.cli.output.screens import Bars, Plain, Screen, Silent

T = TypeVar("T")


class Reporter:
    """Drives runs and shows their progress; a context manager that may be entered again.

    On a terminal there are bars, elsewhere lines. Where it ends with an error, what was noted
    before the first line of progress goes, so that the error stands alone; the log file keeps it.

    Parameters
    ----------
    quiet : bool
        Show errors and warnings only.
    verbose : bool
        Show what libraries say and how long stages take, too.
    log : Path, optional
        File that gets every line with the time before it, even when quiet.
    heading : str
        First line of this run in the log file.
    """

    def __init__(
        self,
        quiet: bool = False,
        verbose: bool = False,
        log: Path | None = None,
        heading: str = "",
    ) -> None:
        self.quiet, self.verbose = quiet, verbose
        self._screen = self._new_screen()
        self._log = LogFile(log) if log is not None else None
        self._heading = heading
        self._lines = ProgressLines(EVERY)
        self._lock = RLock()  # libraries speak from threads of their own
        self._stack = ExitStack()

    def _new_screen(self) -> Screen:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        if self.quiet:
            return Silent(console)
        is_terminal = console.is_terminal and not console.is_dumb_terminal
        return Bars(console) if is_terminal else Plain(console)

    def __enter__(self) -> Self:
        if self._log is not None and self._heading:
            self._log.write(self._heading)
        self._heading = ""
        self._screen = self._new_screen()
        self._screen.start()
        if self.verbose:
            self._stack.enter_context(_libraries_speak_to(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        self._screen.stop(failed=isinstance(error, Exception))
        if error is not None:
            self._write(f"error: {error}" if isinstance(error, Exception) else "interrupted.")

    def follow(self, run: Run[T]) -> T:
        """Drive a run to its end, showing its progress."""
        self._screen.begin()
        result = drain(run, self._show)
        self._time(self._lines.end())
        return result

    def say(self, message: str) -> None:
        """Note something by the way."""
        self._note(message, "", shown=not self.quiet)

    def warn(self, message: str) -> None:
        """Note something that must not be missed, even when quiet."""
        self._note(message, "yellow", shown=True)

    def conclude(self, message: str) -> None:
        """Print a result on standard output, once nothing runs any more."""
        if not self.quiet:
            typer.echo(message)
        self._write(message)

    def record(self, message: str) -> None:
        """Write to the log file alone."""
        self._write(message)

    def _show(self, event: Progress) -> None:
        if event.stage == "warn":
            return self.warn(event.message)
        # Previews between stages have no KL, and show nothing that progress does not.
        if event.stage == "note" or (event.stage == "preview" and event.values):
            return self.say(event.message)
        if event.stage in ("preview", "picture"):
            return None
        self._time(self._lines.follow(event))
        self._screen.show(event)
        line = printable(self._lines.due())
        if line:
            with self._lock:
                self._screen.line(line)
                self._write(line)
        return None

    def _time(self, line: str) -> None:
        if line and self.verbose:
            self.say(line)

    def _note(self, message: str, style: str, shown: bool) -> None:
        line = printable(" ".join(message.split()))
        with self._lock:
            if shown:
                self._screen.note(line, style)
            self._write(line)

    def _write(self, line: str) -> None:
        """Write to the log file; a run does not end because that takes no more."""
        if self._log is None:
            return
        try:
            self._log.write(line)
        except LocaldiscError as error:
            self._log = None
            self.warn(f"the log ends here: {error}")


@contextmanager
def _libraries_speak_to(reporter: Reporter) -> Iterator[None]:
    """Note what libraries log and warn of, which is kept off the screen otherwise."""
    handler, before = _Handler(reporter), logging.root.manager.disable
    logging.disable(logging.NOTSET)
    logging.root.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = lambda message, category, *_: reporter.say(
                f"{category.__name__}: {message}"
            )
            yield
    finally:
        logging.root.removeHandler(handler)
        logging.disable(before)


class _Handler(logging.Handler):
    """Notes log records from warnings on."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(logging.WARNING)
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        self._reporter.say(f"{record.name}: {record.getMessage()}")


def print_json(content: Mapping[str, Any]) -> None:
    """Print JSON on standard output; what is not finite becomes null, paths become text."""
    typer.echo(json.dumps(_plain(content), indent=2, ensure_ascii=False, default=str))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
