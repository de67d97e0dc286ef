"""``napari-localdisc probe``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_localdisc.base.shipped import ENCODERS
from napari_localdisc.cli.groups import Choosing, Computing, Labelled, Speaking
from napari_localdisc.cli.names import encoders, listed
from napari_localdisc.cli.options import Json
from napari_localdisc.cli.output.console import print_json

if TYPE_CHECKING:
    from napari_localdisc.core.evaluation.probing import Measured, ProbeConfig


def probe(
    labelled: Labelled,
    choosing: Choosing,
    computing: Computing,
    speaking: Speaking,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help=f"A shipped encoder ({listed(ENCODERS.names)}), an encoder file, auto (by the"
            " images) or random (untrained), and what to call it. Repeat it for more. Without it,"
            " the shipped one that suits each set.",
            metavar="[NAME=]ENCODER",
            show_default=False,
            autocompletion=encoders,
        ),
    ] = None,
    images: Annotated[
        int,
        typer.Option(
            "--images", help="Images of a set to learn from, and to be judged by, at most.", min=1
        ),
    ] = 20,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for probe.md and probe.csv.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure what an encoder tells of labelled structures: linear probes, unions of clusters."""
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.core.evaluation.probing import ProbeConfig
    from napari_localdisc.datasets.labelled_sets import check_result_folder
    from napari_localdisc.stores.encoder_choice import open_encoders
    from napari_localdisc.tasks.labelled_sets import list_sets
    from napari_localdisc.tasks.probe import probe_sets, probe_tables, write_probe

    with speaking.reporter(json) as reporter:
        device = resolve_device(computing.device)
        config = ProbeConfig(images=images, seed=computing.seed)
        sets = reporter.follow(list_sets(labelled.choice(choosing)))
        if output is not None:
            check_result_folder(output, sets)
        opened = open_encoders(encoder or (), computing.seed)
        results = reporter.follow(probe_sets(sets, opened, config, device))
        if output is not None:
            write_probe(output, results, config)
    if json:
        print_json(_content(results, config))
    else:
        typer.echo(probe_tables(results, config))


def _content(results: tuple[Measured, ...], config: ProbeConfig) -> dict[str, object]:
    return {
        "settings": config.model_dump(),
        "results": [{**asdict(one), "mean": one.mean, "std": one.std} for one in results],
    }
