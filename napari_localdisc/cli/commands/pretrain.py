"""``napari-localdisc pretrain``."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.cli.groups import Choosing, Computing, Speaking
from napari_localdisc.cli.names import listed
from napari_localdisc.cli.options import Images, Json
from napari_localdisc.cli.output.console import print_json
from napari_localdisc.core.pretraining.objective_names import BASELINES

if TYPE_CHECKING:
    from napari_localdisc.core.pretraining.config import PretrainConfig
    from napari_localdisc.tasks.pretrain import Training


def pretrain(
    images: Images,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Encoder file to write (.safetensors).")
    ],
    choosing: Choosing,
    computing: Computing,
    speaking: Speaking,
    objective: Annotated[
        str,
        typer.Option(
            "--objective",
            help=f"What to train for: local-discrimination, or a baseline: {listed(BASELINES)}.",
            metavar="NAME",
        ),
    ] = "local-discrimination",
    classes: Annotated[
        str,
        typer.Option(
            "--classes",
            help="For supervised: a regular expression with one group, looked for in the file name"
            " without ending, as '^(normal|glaucoma)'; or a CSV file with columns file and class.",
            metavar="REGEX|FILE.csv",
            show_default=False,
        ),
    ] = "",
    steps: Annotated[int, typer.Option("--steps", help="Optimisation steps.", min=1)] = 600,
    size: Annotated[
        int, typer.Option("--size", help="Longer side in pixels at which images are seen.", min=64)
    ] = 512,
    widths: Annotated[
        str,
        typer.Option(
            "--widths",
            help="Channels per level of the U-Net, as 16,32,64,64; more levels see further.",
            metavar="N,N,...",
            show_default=False,
        ),
    ] = "",
    around: Annotated[
        str,
        typer.Option(
            "--context",
            help="Sides in pixels of the cells, as 4,8, whose mean tells what lies around a pixel;"
            " they divide the stride, 8 with four levels and 16 with five.",
            metavar="N,N,...",
            show_default=False,
        ),
    ] = "",
    dimensions: Annotated[
        int | None,
        typer.Option(
            "--dimensions", help="Length of an embedding vector; 48 if not given.", min=2, max=1024
        ),
    ] = None,
    clusters: Annotated[
        int | None,
        typer.Option("--clusters", help="Clusters of pixels; 16 if not given.", min=2),
    ] = None,
    teacher: Annotated[
        str,
        typer.Option(
            "--teacher",
            help="A shipped encoder or an encoder file of a former round, whose clusters the U-Net"
            " learns to tell.",
            metavar="ENCODER",
            show_default=False,
        ),
    ] = "",
    modality: Annotated[
        str, typer.Option("--modality", help="What the images are, for the encoder's card.")
    ] = "",
    max_images: Annotated[
        int, typer.Option("--max-images", help="Images to learn from, drawn by the seed.", min=2)
    ] = 400,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Any other setting of the recipe, as crops=12 or learning_rate=0.001; repeatable.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    checkpoint_every: Annotated[
        str,
        typer.Option(
            "--checkpoint-every",
            help="Steps (200) or time (90s, 5m, 1h) between checkpoints; 0 for none.",
            metavar="STEPS|TIME",
        ),
    ] = "2m",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint, if there is one.")
    ] = False,
    picture_every: Annotated[
        int | None,
        typer.Option(
            "--picture-every",
            help="Steps between pictures of a few images; 0 for none; some ten in all by default.",
            min=0,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Train an encoder on images of one modality, unlabelled: by local discrimination.

    Beside ENCODER.safetensors it writes ENCODER.curve.csv, ENCODER.png and, until it is done, a
    checkpoint that --resume goes on from after whatever stopped it.
    """
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.stores.checkpoints import Interval
    from napari_localdisc.tasks.pretrain import TrainingFiles, TrainingOptions, train_encoder

    with speaking.reporter(json) as reporter:
        given = {"objective": objective, "steps": steps, "max_images": max_images}
        config = _config({**given, "seed": computing.seed}, settings or (), size)
        options = TrainingOptions(
            size=size,
            widths=_numbers("--widths", widths, "channels as 16,32,64,64"),
            context=_numbers("--context", around, "sides of cells in pixels as 4,8"),
            dimensions=dimensions,
            clusters=clusters,
            teacher=teacher,
            modality=modality,
            classes=classes,
            checkpoint_every=Interval.parse(checkpoint_every),
            picture_every=picture_every,
            resume=resume,
            command=speaking.command,
        )
        files, device = choosing.choice().find(images), resolve_device(computing.device)
        try:
            training = reporter.follow(train_encoder(files, output, config, device, options))
        except KeyboardInterrupt:
            if TrainingFiles(output).checkpoint.exists():
                reporter.say("stopped; the same command with --resume goes on from the checkpoint")
            raise
    card, count = training.encoder.card, f"{len(training.used)} images"
    reporter.conclude(f"{training.files.encoder}: encoder for {card.modality}, {count}")
    if json:
        print_json(_content(training))


def _config(given: dict[str, Any], settings: Sequence[str], size: int) -> PretrainConfig:
    """Make the recipe; crops are never larger than the images are seen."""
    from pydantic import ValidationError

    from napari_localdisc.core.pretraining.config import PretrainConfig

    usual = PretrainConfig().crop
    values = {"crop": min(usual, size // 8 * 8), **given, **dict(map(_setting, settings))}
    try:
        return PretrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = first["loc"][0] if first["loc"] else "the recipe"
        raise LocaldiscError(
            f"setting {name} is not valid: {first['msg']}, got {first['input']!r}; see"
            " 'napari-localdisc pretrain --help'."
        ) from error


def _numbers(option: str, text: str, wanted: str) -> tuple[int, ...] | None:
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise LocaldiscError(f"{option} {text!r} is not understood; give {wanted}.")
    return tuple(map(int, parts)) or None


def _setting(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise LocaldiscError(f"--set {text!r} is not understood; give NAME=VALUE, as crops=12.")
    try:
        return name.strip(), json_format.loads(value)
    except ValueError:
        return name.strip(), value


def _content(training: Training) -> dict[str, object]:
    files = training.files
    return {
        "encoder": files.encoder,
        "curve": files.curve,
        "picture": files.picture if files.picture.exists() else None,
        "card": training.encoder.card.model_dump(),
        "skipped": training.skipped,
    }
