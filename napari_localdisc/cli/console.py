"""What a person sees while something runs: one bar per stage, on standard error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import typer
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
from rich.progress import Progress as Bars
from rich.text import Text

from napari_localdisc.base.progress import Progress, Run, drain

T = TypeVar("T")

_STAGES = {
    "read": "Reading",
    "prepare": "Preparing",
    "embed": "Embedding",
    "search": "Searching",
    "denoise": "Denoising masks",
    "trace": "Tracing borders",
    "guide": "Guiding",
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


_LONG = 40
"""Messages longer than this get a line of their own below the bars."""


_PINNED = 5
"""Notes shown above the bars meanwhile, the last ones."""


class _Bars(Bars):
    """Bars with notes above and a line below."""

    notes: Sequence[Text] = ()
    below = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from self.notes
        yield from super().get_renderables()
        if self.below:
            yield Text(self.below, style="dim", no_wrap=False, overflow="fold")


class Reporter:
    """Drives runs and shows their progress; a context manager.

    What is told meanwhile is printed for good once all went well or was interrupted. Where it ends
    with an error, bars and notes go, so that the error stands alone.

    Parameters
    ----------
    quiet : bool
        Show errors only.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.quiet = quiet
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
            console=self.console,
            disable=quiet,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        self._running = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running = False
        self._bars.notes = ()
        if isinstance(error, Exception):
            self._bars.live.transient = True
            self._bars.live.stop()  # the bars' own stop would leave an empty line
        else:
            self._print(*self._notes)
            self._bars.stop()
        self._notes = []

    def follow(self, run: Run[T]) -> T:
        """Drive a run to its end, showing its progress."""
        self._tasks = {}
        return drain(run, self._show)

    def say(self, message: str) -> None:
        """Tell something by the way."""
        if not self.quiet:
            self._note(Text(message))

    def warn(self, message: str) -> None:
        """Tell something that must not be missed, even when quiet."""
        self._note(Text(message, style="yellow"))

    def _note(self, note: Text) -> None:
        if not self._running:
            return self._print(note)
        self._notes.append(note)
        self._bars.notes = self._notes[-_PINNED:]
        return None

    def _print(self, *notes: Text) -> None:
        for note in notes:
            self.console.print(note)

    def _show(self, event: Progress) -> None:
        if event.stage == "preview":
            # Those between stages have no KL, and show nothing that the bars do not.
            return self.say(event.message) if event.values else None
        if event.stage == "warn":
            return self.warn(event.message)
        if event.stage == "picture":
            return None
        if event.stage not in self._tasks:
            self._finish()
            name = _STAGES.get(event.stage, event.stage.capitalize())
            self._tasks[event.stage] = self._bars.add_task(name, total=event.total, message="")
        is_long = len(event.message) > _LONG
        self._bars.below = event.message if is_long else ""
        self._bars.update(
            self._tasks[event.stage],
            completed=event.done,
            total=event.total,
            message="" if is_long else event.message.replace("[", r"\["),
        )
        return None

    def _finish(self) -> None:
        """Fill the bars of stages that ended early, as a search does when it has converged."""
        for task in self._bars.tasks:
            self._bars.update(task.id, completed=task.total)


def print_json(content: Mapping[str, Any]) -> None:
    """Print JSON on standard output; what is not finite becomes null, paths become text."""
    typer.echo(json.dumps(_plain(content), indent=2, ensure_ascii=False, default=str))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
