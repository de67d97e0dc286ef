"""What a person sees while something runs: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichBars
from rich.text import Text

from napari_localdisc.base.progress import Progress
from napari_localdisc.cli.output.lines import stage_name

_LONG = 40
"""Messages longer than this get a line of their own below the bars."""

_PINNED = 5
"""Notes shown above the bars meanwhile, the last ones."""


class Screen(Protocol):
    """Shows what runs do, between `start` and `stop`."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self, failed: bool) -> None:
        """End; where it failed, nothing but the error is to stand there."""
        ...

    def begin(self) -> None:
        """Begin another run."""
        ...

    def show(self, event: Progress) -> None:
        """Show how far a run is."""
        ...

    def line(self, text: str) -> None:
        """Take a line of progress that is due."""
        ...

    def note(self, text: str, style: str = "") -> None:
        """Show a sentence."""
        ...


class Bars:
    """A bar per stage, with notes above that are printed for good at the end.

    Parameters
    ----------
    console : rich.console.Console
        A terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._notes: list[Text] = []
        self._running = False
        self._bars = _Bars(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[message]}"),
            console=console,
        )

    def start(self) -> None:
        """Begin."""
        self._bars.start()
        self._running = True

    def stop(self, failed: bool) -> None:
        """Print the notes and leave the bars, or wipe both away where it failed."""
        self._running = False
        self._bars.notes = ()
        if failed:
            self._bars.live.transient = True
            self._bars.live.stop()  # the bars' own stop would leave an empty line
        else:
            for note in self._notes:
                self._console.print(note)
            self._bars.stop()
        self._notes = []

    def begin(self) -> None:
        """Give the stages of another run bars of their own."""
        self._tasks = {}

    def show(self, event: Progress) -> None:
        """Move the bar of a stage."""
        if event.stage not in self._tasks:
            self._finish()
            name = stage_name(event.stage)
            self._tasks[event.stage] = self._bars.add_task(name, total=event.total, message="")
        is_long = len(event.message) > _LONG
        self._bars.below = event.message if is_long else ""
        self._bars.update(
            self._tasks[event.stage],
            completed=event.done,
            total=event.total,
            message="" if is_long else event.message.replace("[", r"\["),
        )

    def line(self, text: str) -> None:
        """Nothing: the bars show it."""

    def note(self, text: str, style: str = "") -> None:
        """Show a sentence above the bars."""
        note = Text(text, style=style)
        if not self._running:
            return self._console.print(note)
        self._notes.append(note)
        self._bars.notes = self._notes[-_PINNED:]
        return None

    def _finish(self) -> None:
        """Fill the bars of stages that ended early, as a search does when it has converged."""
        for task in self._bars.tasks:
            self._bars.update(task.id, completed=task.total)


class _Bars(RichBars):
    """Bars with notes above and a line below."""

    notes: Sequence[Text] = ()
    below = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from self.notes
        yield from super().get_renderables()
        if self.below:
            yield Text(self.below, style="dim", no_wrap=False, overflow="fold")


class Plain:
    """Lines, as they come from the first one of progress on.

    Before, notes wait, so that the error of a run that fails at once stands alone.

    Parameters
    ----------
    console : rich.console.Console
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._waiting: list[Text] | None = None

    def start(self) -> None:
        """Begin."""
        self._waiting = []

    def stop(self, failed: bool) -> None:
        """Print the notes that wait, but where it failed."""
        if failed:
            self._waiting = None
        self._flush()

    def begin(self) -> None:
        """Nothing: all runs are told alike."""

    def show(self, event: Progress) -> None:
        """Nothing: a line comes when it is due."""

    def line(self, text: str) -> None:
        """Print a line, and from now on all at once."""
        self._flush()
        self._console.print(Text(text))

    def note(self, text: str, style: str = "") -> None:
        """Print a sentence, or keep it until the first line."""
        note = Text(text, style=style)
        if self._waiting is None:
            self._console.print(note)
        else:
            self._waiting.append(note)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, None
        for note in waiting or ():
            self._console.print(note)


class Silent(Plain):
    """Notes alone, at the end."""

    def line(self, text: str) -> None:
        """Nothing."""
