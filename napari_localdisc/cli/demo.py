"""``napari-localdisc demo``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_localdisc.cli.console import Reporter
from napari_localdisc.cli.guiding import AUTO, GuideOptions, guide_on_files
from napari_localdisc.cli.options import Device, Quiet, Seed

if TYPE_CHECKING:
    import torch

    from napari_localdisc.datasets.phantom_files import PhantomFiles

_FOLDER = Path("localdisc-demo")
_KINDS = ("chest-xray", "fundus")
_FOLDERS = ("images", "truth", "lungs", "vessels", "optic-disc")
_COUNT, _SIZE = 4, 256
"""Images of a kind, and their side in pixels: a minute or two on two cores."""


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write to.")] = _FOLDER,
    viewer: Annotated[
        bool, typer.Option("--viewer/--no-viewer", help="Open napari if there is a display.")
    ] = True,
    device: Device = "auto",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Paint phantoms, find lungs, vessels and optic discs in them unlabelled, show the result."""
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.batch.outputs import check_output_folder
    from napari_localdisc.datasets.phantom_files import write_phantoms

    for folder in (output, *(output / name for name in _FOLDERS)):
        check_output_folder(folder, ())
    chosen = resolve_device(device)
    folders: list[Path] = []
    for kind in _KINDS:
        phantoms = write_phantoms(output, kind, _COUNT, _SIZE)
        for prior in phantoms.truths:
            with Reporter(quiet) as reporter:
                reporter.say(f"{prior} in {len(phantoms.images)} {kind} phantoms")
                _find(phantoms, prior, output / prior, seed, chosen, reporter)
            folders.append(output / prior)
    if not quiet:
        typer.echo(f"masks and overview.png in {', '.join(map(str, folders))}")
    if viewer and _has_display():
        _show(folders)


def _find(
    phantoms: PhantomFiles,
    prior: str,
    output: Path,
    seed: int,
    device: torch.device,
    reporter: Reporter,
) -> None:
    from napari_localdisc.batch.run_files import RunOptions
    from napari_localdisc.tasks.evaluate import evaluate_files
    from napari_localdisc.tasks.segment import segment_files

    options = GuideOptions(
        prior, AUTO, seed, references=20, images=len(phantoms.images), quick=True
    )
    guidance = guide_on_files(phantoms.images, options, device, reporter).guidance
    run = {"prior": prior, "seed": seed, "device": str(device)}
    run_options = RunOptions(overwrite=True)
    segmenting = segment_files(
        phantoms.images, guidance.segmenter, output, device, run, run_options
    )
    report = reporter.follow(segmenting)
    masks = [result.output for result in report.done if result.output is not None]
    scores = reporter.follow(evaluate_files(masks, phantoms.truths[prior]))
    if not reporter.quiet:
        typer.echo(f"{prior}: Dice {scores.dice:.2f} against the masks that were painted")


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show(folders: list[Path]) -> None:
    """Open napari in a process of its own: the command line itself knows no GUI."""
    program = [sys.executable, "-m", "napari_localdisc.viewer.results", *map(str, folders)]
    if subprocess.run(program, check=False).returncode != 0:
        typer.echo(
            "napari could not be opened; the results are in the folders named above.", err=True
        )
