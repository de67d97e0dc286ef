"""``napari-localdisc transfer``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from napari_localdisc.cli.groups import Choosing, Computing, Labelled, Speaking
from napari_localdisc.cli.names import encoders
from napari_localdisc.cli.options import Json, OutputFolder
from napari_localdisc.cli.output.console import print_json


def transfer(
    output: OutputFolder,
    init: Annotated[
        list[str],
        typer.Option(
            "--init",
            help="What networks start from: random, a shipped encoder, an encoder file or auto (by"
            " the images), and what to call it; NAME@SET=ENCODER for one set alone. Repeat it for"
            " more.",
            metavar="random|[NAME=]ENCODER",
            show_default=False,
            autocompletion=encoders,
        ),
    ],
    labelled: Labelled,
    choosing: Choosing,
    computing: Computing,
    speaking: Speaking,
    labels: Annotated[
        str,
        typer.Option(
            "--labels", help="Labelled images to learn from, such as 1,5,10,all.", metavar="N,..."
        ),
    ] = "all",
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", help="Repetitions from --seed on, for the spread of the figures.", min=1
        ),
    ] = 3,
    steps: Annotated[int, typer.Option("--steps", help="Optimisation steps.", min=1)] = 150,
    batch: Annotated[int, typer.Option("--batch", help="Crops per step.", min=1)] = 4,
    crop: Annotated[
        int, typer.Option("--crop", help="Side of a crop in pixels, a multiple of 32.", min=32)
    ] = 128,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", help="Its peak, for every initialisation.", min=1e-8)
    ] = 3e-3,
    json: Json = False,
) -> None:
    """Fine-tune segmentation networks from encoders, and tabulate their Dice.

    What is done is stored cell by cell; the same command takes up where it ended, and one with more
    sets, initialisations, labels or seeds adds to the table.
    """
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.reports.transfer_report import transfer_tables
    from napari_localdisc.stores.encoder_choice import open_inits
    from napari_localdisc.tasks.labelled_sets import list_sets
    from napari_localdisc.tasks.transfer import read_config, transfer_sets

    budget = {"steps": steps, "batch": batch, "crop": crop, "learning_rate": learning_rate}
    with speaking.reporter(json) as reporter:
        device = resolve_device(computing.device)
        config = read_config(labels, seeds, computing.seed, **budget)
        found = reporter.follow(list_sets(labelled.choice(choosing)))
        run = transfer_sets(found, open_inits(init, found), output, config, device)
        table = reporter.follow(run)
    if json:
        print_json(
            {"output": output, "settings": table.settings, "cells": list(map(asdict, table.scores))}
        )
    else:
        typer.echo(transfer_tables(table.scores, table.settings))
