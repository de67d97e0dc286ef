"""``napari-localdisc measure``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_localdisc.cli.groups import Choosing, Speaking, spacing_in
from napari_localdisc.cli.options import Json, Spacing
from napari_localdisc.cli.output.console import print_json


def measure(
    results: Annotated[Path, typer.Argument(help="Masks, anybody's: a folder or a file.")],
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            help="What the masks were found in, matched by file name: for brightness, and for the"
            " size of pixels where masks do not say it.",
        ),
    ] = None,
    spacing: Spacing = None,
    targets: Annotated[
        str | None,
        typer.Option(
            "--targets",
            help="What labels 1, 2 and so on are, where neither files nor a recipe name them.",
            metavar="NAME[,NAME...]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Table to write; shown if not given.", metavar="FILE.csv"
        ),
    ] = None,
    *,
    choosing: Choosing,
    speaking: Speaking,
    json: Json = False,
) -> int:
    """Measure masks: size, shape, parts, place and, with --images, brightness.

    A row for each target of each file; in mm where files or --spacing tell the size of pixels. Its
    notes say where a mask is empty or cut by the frame, or a spacing is missing.
    """
    from napari_localdisc.reports.measurement_table import (
        check_table,
        measurement_table,
        write_measurements,
    )
    from napari_localdisc.tasks.measure import measure_files

    if output is not None:
        check_table(output)
    sides = spacing_in(spacing)
    names = [name.strip() for name in targets.split(",")] if targets else []
    with speaking.reporter(json or output is None) as reporter:
        rows = reporter.follow(measure_files(results, images, sides, names, choosing.choice()))
    failed = [row for row in rows if row.error]
    if output is not None:
        write_measurements(output, rows)
    if json:
        print_json({"rows": [row.content for row in rows]})
    elif output is None:
        typer.echo(measurement_table(rows), nl=False)
    else:
        files = len({row.path for row in rows} - {row.path for row in failed})
        reporter.say(f"{files} files measured: {output}")
    for row in failed:
        reporter.warn(row.error)
    return 1 if failed else 0
