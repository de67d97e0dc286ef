"""Groups of options that commands share, each a small object.

A command takes a group as one parameter; `flattened` gives it the group's options on the command
line. To add an option to all commands that have a group, add a field to the group.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.cli import options
from napari_localdisc.cli.output.console import Reporter

if TYPE_CHECKING:
    from napari_localdisc.batch.executor import ExecutorFactory
    from napari_localdisc.batch.run_files import RunOptions
    from napari_localdisc.core.guidance.config import GuideConfig
    from napari_localdisc.files.discovery import Choice
    from napari_localdisc.tasks.evaluate import Metrics
    from napari_localdisc.tasks.labelled_sets import SetChoice
    from napari_localdisc.tasks.run_session import Instead

AUTO = "auto"


@dataclass(frozen=True)
class Speaking:
    """How much a command says, and where."""

    context: typer.Context
    quiet: options.Quiet = False
    verbose: options.Verbose = False
    log: options.Log = None

    @property
    def command(self) -> str:
        """The command line."""
        return str(self.context.obj or self.context.command_path)

    def reporter(self, silent: bool = False) -> Reporter:
        """Make what shows progress; silent where standard output is for programs."""
        return Reporter(self.quiet or silent, self.verbose, self.log, self.command)


@dataclass(frozen=True)
class Choosing:
    """Which files of folders are taken."""

    recursive: options.Recursive = False
    pattern: options.Patterns = None
    exclude: options.Exclude = None

    def choice(self, volumes: bool = False) -> Choice:
        """Give the choice; with volumes, a folder that is a series is taken as one."""
        from napari_localdisc.files.discovery import Choice

        patterns, exclude = tuple(self.pattern or ()), tuple(self.exclude or ())
        return Choice(self.recursive, patterns, exclude, volumes)

    def find(self, paths: list[Path], reporter: Reporter, volumes: bool = False) -> list[Path]:
        """List the files, and say how many others were passed over."""
        found = self.choice(volumes).look(paths)
        if found.note:
            reporter.say(found.note)
        return list(found.files)


@dataclass(frozen=True)
class Comparing:
    """How masks are compared with true ones."""

    label: options.Label = None
    target: options.Target = None
    tolerance: options.Tolerance = 1.0
    unit: options.Unit = AUTO
    spacing: options.Spacing = None
    resample: options.Resample = False

    def metrics(self) -> Metrics:
        """Give the settings.

        Raises
        ------
        LocaldiscError
            If options contradict each other, or are no units or numbers.
        """
        from napari_localdisc.tasks.evaluate import Metrics
        from napari_localdisc.tasks.evaluation.aligned_masks import Grid

        if self.label is not None and self.target is not None:
            raise LocaldiscError("give either --label N or --target NAME, not both.")
        if self.unit not in (AUTO, "mm", "px"):
            raise LocaldiscError(f"--unit {self.unit} is no unit; give auto, mm or px.")
        grid = Grid(self.resample, self.unit, spacing_in(self.spacing))
        return Metrics(grid, self.tolerance, self.target if self.label is None else self.label)


@dataclass(frozen=True)
class Computing:
    """Where is computed, and from which seed."""

    device: options.Device = AUTO
    seed: options.Seed = 0


@dataclass(frozen=True)
class Guiding:
    """How guidance goes about it."""

    references: options.References = 20
    guide_images: options.GuideImages = 40
    place: options.Place = "auto"
    quick: options.Quick = False
    encoder: options.Encoder = AUTO

    def config(self, seed: int) -> GuideConfig:
        """Give the recipe."""
        from napari_localdisc.tasks.guide import guide_config

        config = guide_config(self.quick, seed, self.guide_images)
        return config.model_copy(update={"place": self.place})


@dataclass(frozen=True)
class Running:
    """How a folder of masks is filled."""

    overwrite: options.Overwrite = False
    confidence: options.Confidence = False
    also: options.Also = None
    workers: options.Workers = 0
    scheduler: options.Scheduler = None
    batch: options.Batch = None

    def run_options(self, folders: Sequence[Path] = ()) -> RunOptions:
        """Give the options of the run; results keep the places of files below the folders.

        Raises
        ------
        LocaldiscError
            If options contradict each other.
        """
        from napari_localdisc.batch.run_files import RunOptions
        from napari_localdisc.formats.further.registry import chosen_outputs

        names = [name.strip() for name in self.also.split(",")] if self.also else []
        also = chosen_outputs(names)
        make_executor = self._executor_factory()
        return RunOptions(tuple(folders), self.overwrite, make_executor, self.batch, also)

    def _executor_factory(self) -> ExecutorFactory:
        if self.batch and (self.workers or self.scheduler):
            raise LocaldiscError(
                "--batch is for this process; leave --workers and --scheduler out."
            )
        if self.workers and self.scheduler:
            raise LocaldiscError("give either --workers N or --scheduler ADDRESS, not both.")
        if self.scheduler:
            from napari_localdisc.batch.dask_executor import existing_cluster

            return existing_cluster(self.scheduler)
        if self.workers:
            from napari_localdisc.batch.process_executor import worker_processes

            return worker_processes(self.workers)
        from napari_localdisc.batch.executor import ThreadExecutor

        return ThreadExecutor


@dataclass(frozen=True)
class SessionSettings:
    """What a run takes in place of what its session says."""

    encoder: options.OtherEncoder = None
    device: options.OtherDevice = None
    seed: options.OtherSeed = None
    quick: options.OtherQuick = None
    guide_images: options.OtherGuideImages = None

    def instead(self) -> Instead:
        """Give the settings."""
        from napari_localdisc.tasks.run_session import Instead

        return Instead(self.encoder, self.device, self.seed, self.quick, self.guide_images)


@dataclass(frozen=True)
class Labelled:
    """Which labelled sets are measured on."""

    sets: options.LabelledSets = None
    test_sets: options.TestSets = None
    sets_file: options.SetsFile = None
    data: options.Data = None
    size: options.Canvas = 256

    def choice(self, choosing: Choosing) -> SetChoice:
        """Give the sets, and which of their files are taken."""
        from napari_localdisc.tasks.labelled_sets import SetChoice

        words, tests = self.sets or (), self.test_sets or ()
        files = choosing.choice()
        return SetChoice(words, tests, self.sets_file, self.data, self.size, files)


def flattened(command: Callable[..., Any]) -> Callable[..., Any]:
    """Put the options of a command's groups in the place of the groups, for typer to read.

    Parameters
    ----------
    command : callable
        A parameter whose type is a dataclass is a group; its fields are options.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            parameters += _options(groups[name])
        else:
            parameters.append(_option(name, hints[name], parameter.default))

    @functools.wraps(command)
    def flat(**given: Any) -> Any:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        return command(**given, **made)

    signature = inspect.Signature(parameters)
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    flat.__signature__ = signature  # type: ignore[attr-defined]
    return flat


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    defaults = inspect.signature(group).parameters
    return [_option(name, hints[name], defaults[name].default) for name in defaults]


def _option(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def spacing_in(text: str | None) -> tuple[float, ...]:
    """Numbers of ``--spacing``; none if it is not given.

    Raises
    ------
    LocaldiscError
        If one is no number above 0.
    """
    try:
        numbers = tuple(map(float, text.split(","))) if text is not None else ()
    except ValueError:
        numbers = (0.0,)
    if not all(math.isfinite(number) and number > 0 for number in numbers):
        raise LocaldiscError(
            f"--spacing {text} is no distance; give numbers above 0, such as 0.5 or 3,0.5,0.5."
        )
    return numbers
