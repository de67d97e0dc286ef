"""``napari-localdisc demo``."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_localdisc.cli.groups import AUTO, Computing, Speaking
from napari_localdisc.cli.options import Encoder

_FOLDER = Path("localdisc-demo")
_KINDS = ("chest-xray", "fundus")
_FOLDERS = ("images", "truth", "lungs", "vessels", "optic-disc")
_COUNT, _SIZE = 4, 256
"""Images of a kind, and their side in pixels: a minute or two on two cores."""


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write to.")] = _FOLDER,
    *,
    computing: Computing,
    speaking: Speaking,
    viewer: Annotated[
        bool, typer.Option("--viewer/--no-viewer", help="Open napari if there is a display.")
    ] = True,
    encoder: Encoder = AUTO,
) -> None:
    """Paint phantoms, find lungs, vessels and optic discs in them unlabelled, show the result."""
    from napari_localdisc.batch.outputs import check_output_folder
    from napari_localdisc.datasets.phantom_files import write_phantoms
    from napari_localdisc.tasks.demo import find_in_phantoms

    reporter = speaking.reporter()
    with reporter:
        for folder in (output, *(output / name for name in _FOLDERS)):
            check_output_folder(folder, ())
    folders: list[Path] = []
    for kind in _KINDS:
        phantoms = write_phantoms(output, kind, _COUNT, _SIZE)
        for prior in phantoms.truths:
            with reporter:
                reporter.say(f"{prior} in {len(phantoms.images)} {kind} phantoms")
                run = find_in_phantoms(
                    phantoms, prior, output / prior, encoder, computing.device, computing.seed
                )
                dice = reporter.follow(run)
            reporter.conclude(f"{prior}: Dice {dice:.2f} against the masks that were painted")
            folders.append(output / prior)
    reporter.conclude(f"masks and overview.png in {', '.join(map(str, folders))}")
    if viewer and _has_display():
        _show(folders)


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show(folders: list[Path]) -> None:
    """Open napari in a process of its own: the command line itself knows no GUI."""
    program = [sys.executable, "-m", "napari_localdisc.viewer.results", *map(str, folders)]
    missing = importlib.util.find_spec("napari") is None
    if missing or subprocess.run(program, check=False).returncode != 0:
        typer.echo(
            "napari could not be opened; the results are in the folders named above.", err=True
        )
