"""``napari-localdisc probe``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_localdisc.base.shipped import ENCODERS
from napari_localdisc.cli.console import Reporter, print_json
from napari_localdisc.cli.labelling import SetOptions, list_sets
from napari_localdisc.cli.options import (
    Canvas,
    Data,
    Device,
    Json,
    LabelledSets,
    Quiet,
    Seed,
    SetsFile,
    TestSets,
)

if TYPE_CHECKING:
    from napari_localdisc.core.evaluation.probing import Measured, ProbeConfig


def probe(
    sets: LabelledSets = None,
    test_sets: TestSets = None,
    sets_file: SetsFile = None,
    data: Data = None,
    size: Canvas = 256,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help=f"A shipped encoder ({', '.join(ENCODERS.names)}) or an encoder file, and what to"
            " call it. Repeat it for more. Without it, the shipped one that suits each set.",
            metavar="[NAME=]ENCODER",
            show_default=False,
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
    device: Device = "auto",
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure what an encoder tells of labelled structures: linear probes, unions of clusters."""
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.core.evaluation.probing import ProbeConfig
    from napari_localdisc.datasets.labelled_sets import check_result_folder
    from napari_localdisc.stores.encoder_choice import open_encoders
    from napari_localdisc.tasks.probe import probe_sets, probe_tables, write_probe

    chosen, config = resolve_device(device), ProbeConfig(images=images, seed=seed)
    with Reporter(quiet or json) as reporter:
        found = list_sets(SetOptions(sets or (), test_sets or (), sets_file, data, size), reporter)
        if output is not None:
            check_result_folder(output, found)
        encoders = open_encoders(encoder or ())
        results = reporter.follow(probe_sets(found, encoders, config, chosen))
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
