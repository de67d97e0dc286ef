"""``napari-localdisc demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_localdisc.cli.console import Reporter
from napari_localdisc.cli.options import Device, Quiet, Seed


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write to.")] = Path(
        "localdisc-demo"
    ),
    viewer: Annotated[
        bool, typer.Option("--viewer/--no-viewer", help="Open napari if there is a display.")
    ] = True,
    device: Device = "auto",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> int:
    """Make phantom images, find lungs, vessels and optic discs in them, and show the result."""
    return 0
