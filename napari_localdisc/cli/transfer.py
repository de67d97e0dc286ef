"""``napari-localdisc transfer``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from napari_localdisc.cli.console import Reporter, print_json
from napari_localdisc.cli.labelling import SetOptions, list_sets
from napari_localdisc.cli.options import (
    Canvas,
    Data,
    Device,
    Json,
    LabelledSets,
    OutputFolder,
    Quiet,
    SetsFile,
    TestSets,
)


def transfer(
    output: OutputFolder,
    init: Annotated[
        list[str],
        typer.Option(
            "--init",
            help="What networks start from: random, a shipped encoder or an encoder file, and what"
            " to call it; NAME@SET=ENCODER for one set alone. Repeat it for more.",
            metavar="random|[NAME=]ENCODER",
            show_default=False,
        ),
    ],
    sets: LabelledSets = None,
    test_sets: TestSets = None,
    sets_file: SetsFile = None,
    data: Data = None,
    size: Canvas = 256,
    labels: Annotated[
        str,
        typer.Option(
            "--labels", help="Labelled images to learn from, such as 1,5,10,all.", metavar="N,..."
        ),
    ] = "all",
    seeds: Annotated[
        int, typer.Option("--seeds", help="Repetitions, for the spread of the figures.", min=1)
    ] = 3,
    steps: Annotated[int, typer.Option("--steps", help="Optimisation steps.", min=1)] = 150,
    batch: Annotated[int, typer.Option("--batch", help="Crops per step.", min=1)] = 4,
    crop: Annotated[
        int, typer.Option("--crop", help="Side of a crop in pixels, a multiple of 32.", min=32)
    ] = 128,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", help="Its peak, for every initialisation.", min=1e-8)
    ] = 3e-3,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune segmentation networks from encoders, and tabulate their Dice.

    What is done is stored cell by cell; the same command takes up where it ended, and one with more
    sets, initialisations, labels or seeds adds to the table.
    """
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.reports.transfer_report import transfer_tables
    from napari_localdisc.stores.encoder_choice import open_inits
    from napari_localdisc.tasks.transfer import read_config, transfer_sets

    chosen = resolve_device(device)
    config = read_config(
        labels, seeds, steps=steps, batch=batch, crop=crop, learning_rate=learning_rate
    )
    with Reporter(quiet or json) as reporter:
        found = list_sets(SetOptions(sets or (), test_sets or (), sets_file, data, size), reporter)
        run = transfer_sets(found, open_inits(init, found), output, config, chosen)
        table = reporter.follow(run)
    if json:
        print_json(
            {"output": output, "settings": table.settings, "cells": list(map(asdict, table.scores))}
        )
    else:
        typer.echo(transfer_tables(table.scores, table.settings))
