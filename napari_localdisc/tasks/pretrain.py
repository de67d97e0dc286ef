"""From image files to an encoder file, and what a long training leaves beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_localdisc import __version__
from napari_localdisc.base.errors import LocaldiscError, printable
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.outputs import check_output_file
from napari_localdisc.core.encoder.card import EncoderCard, stride_of
from napari_localdisc.core.encoder.encoder import (
    Encoder,
    default_encoder,
    load_encoder,
    save_encoder,
)
from napari_localdisc.core.pretraining.pretraining import (
    CollapseError,
    PretrainConfig,
    TrainingPreview,
    curve_columns,
    pretrain,
)
from napari_localdisc.datasets.classes import read_classes
from napari_localdisc.datasets.sample import Sample, read_sample
from napari_localdisc.datasets.training_images import TrainingReader
from napari_localdisc.files.naming import output_names
from napari_localdisc.reports.training_curve import CurveFile
from napari_localdisc.reports.training_sheet import write_training_sheet
from napari_localdisc.stores.checkpoints import CheckpointFile, Interval

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.pretraining.training_state import TrainingState

_PICTURES, _LEAST_APART = 10, 20
"""Sheets written over a training unless told otherwise, and steps between them at least."""


@dataclass(frozen=True)
class TrainingFiles:
    """What a training writes.

    Attributes
    ----------
    encoder : Path
        Written at the end.
    """

    encoder: Path

    @property
    def checkpoint(self) -> Path:
        """The last snapshot; gone once the encoder is written."""
        return self.encoder.with_name(f"{self.encoder.name}.checkpoint")

    @property
    def curve(self) -> Path:
        """A row a step."""
        return self.encoder.with_name(f"{self.encoder.stem}.curve.csv")

    @property
    def picture(self) -> Path:
        """A sheet of a few images, replaced as training goes on."""
        return self.encoder.with_name(f"{self.encoder.stem}.png")


@dataclass(frozen=True)
class TrainingOptions:
    """What a user said about a training, beside its recipe.

    Attributes
    ----------
    size : int
        Longer side in pixels at which images are seen.
    widths : tuple of int, optional
        Channels per level of the U-Net; the card's own if not given.
    context : tuple of int, optional
        Cells that tell what lies around a pixel; none if not given.
    dimensions : int, optional
        Length of an embedding vector; the card's own if not given.
    clusters : int, optional
        Into how many the clustering branch parts pixels; the card's own number if not given.
    modality : str
        What the images are; told by their colours if empty.
    classes : str
        Where the supervised objective finds the class of an image; see `read_classes`.
    checkpoint_every : Interval
    picture_every : int, optional
        Steps between pictures, 0 for none; some ten in all if not given.
    resume : bool
        Go on from the last checkpoint, if there is one.
    teacher : str
        Name or path of an encoder of a former round, whose clusters are to be told; none if empty.
    command : str
        The command line, for the encoder's card.

    Raises
    ------
    LocaldiscError
        If the cells of the context do not divide the network's stride.
    """

    size: int = 512
    widths: tuple[int, ...] | None = None
    context: tuple[int, ...] | None = None
    dimensions: int | None = None
    clusters: int | None = None
    modality: str = ""
    classes: str = ""
    checkpoint_every: Interval = field(default_factory=lambda: Interval(seconds=120))
    picture_every: int | None = None
    resume: bool = False
    teacher: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        stride = stride_of(self.widths or EncoderCard.model_fields["widths"].default)
        for cell in self.context or ():
            if cell < 2 or stride % cell:
                raise LocaldiscError(
                    f"a context of {cell} pixels does not divide the network's stride, {stride};"
                    " give powers of two from 2 to that, or more levels by the widths."
                )


@dataclass(frozen=True)
class Training:
    """A finished training.

    Attributes
    ----------
    encoder : Encoder
    files : TrainingFiles
    used : tuple of Path
        Images that it learned from.
    skipped : tuple of str
        A line for each image that was passed over: which and why.
    """

    encoder: Encoder
    files: TrainingFiles
    used: tuple[Path, ...]
    skipped: tuple[str, ...]


def train_encoder(
    images: Sequence[Path],
    output: Path,
    config: PretrainConfig,
    device: torch.device,
    options: TrainingOptions | None = None,
) -> Run[Training]:
    """Train an encoder on image files and write it.

    Beside the encoder it writes `TrainingFiles`. Stopped at any moment, it leaves the last
    checkpoint, curve and picture.

    Parameters
    ----------
    images : sequence of Path
    output : Path
        Encoder file.
    config : PretrainConfig
    device : torch.device
    options : TrainingOptions, optional

    Yields
    ------
    Progress
        Those of `read_sample` and `pretrain`; stage ``"warn"`` for what must not be missed.

    Raises
    ------
    LocaldiscError
        If too few images are of use, a checkpoint is in the way or of another training, the
        training fails, or a file cannot be written.
    """
    options = options or TrainingOptions()
    files = TrainingFiles(output)
    check_output_file(output, images)
    teacher = load_encoder(options.teacher) if options.teacher else None
    store = CheckpointFile(files.checkpoint, options.checkpoint_every)
    state = _open(store, options.resume)
    images = _without_picture(images, files.picture, state is not None)
    sample, classes, skipped = yield from _read(images, config, options)
    training = pretrain(
        sample.images,
        _card(sample, output.stem, options),
        config,
        device,
        classes=classes,
        names=output_names(sample.paths),
        checkpoints=store,
        resume=state,
        picture_every=_picture_every(config, options),
        teacher=teacher,
    )
    used = sample.paths
    del sample  # the training holds what it needs, and lets go of the rest
    done = state.step if state else 0
    try:
        encoder = yield from _record(training, files, curve_columns(config), done)
    except CollapseError:
        store.remove()
        raise
    facts = {"version": __version__, "command": options.command, "images_skipped": len(skipped)}
    card = encoder.card.model_copy(update={"training": encoder.card.training | facts})
    encoder = Encoder(card, encoder.network)
    save_encoder(encoder, output)
    store.remove()
    return Training(encoder, files, used, skipped)


def _open(store: CheckpointFile, resume: bool) -> TrainingState | None:
    if resume:
        return store.load()
    if store.path.exists():
        raise LocaldiscError(
            f"{store.path} is there from a training that was stopped; add --resume to go on from"
            " it, or delete it to start anew."
        )
    return None


def _without_picture(images: Sequence[Path], picture: Path, resumed: bool) -> list[Path]:
    """Leave out the sheet that lies among the images since the training began."""
    own = picture.resolve()
    others = [path for path in images if path.resolve() != own]
    if len(others) < len(images) and not resumed:
        raise LocaldiscError(
            f"the training's picture {picture} would replace an image; name another output."
        )
    return others


def _read(
    images: Sequence[Path], config: PretrainConfig, options: TrainingOptions
) -> Run[tuple[Sample, list[str] | None, tuple[str, ...]]]:
    """Read what is of use, and tell what is not."""
    known = None
    skipped: list[str] = []
    if config.objective == "supervised":
        if not options.classes:
            raise LocaldiscError(
                "the supervised objective needs --classes: a regular expression with one group, or"
                " a .csv file."
            )
        known = read_classes(options.classes, images)
        skipped += [
            f"{path} has no class; name it accordingly." for path in images if path not in known
        ]
    reader = TrainingReader(options.size, config.crop)
    wanted = list(images) if known is None else list(known)
    sample = yield from read_sample(wanted, config.max_images, seed=config.seed, read=reader)
    skipped += sample.errors
    for line in skipped:
        yield Progress("warn", len(sample.paths), len(images), f"passed over: {line}")
    classes = None if known is None else [known[path] for path in sample.paths]
    return sample, classes, tuple(skipped)


def _record(
    training: Run[Encoder], files: TrainingFiles, columns: Sequence[str], done: int
) -> Run[Encoder]:
    """Pass a training's events on, writing down what they bring."""
    curve = None
    try:
        while True:
            event = next(training)
            if event.stage == "pretrain":
                # Not before the first step, so that a training that is refused changes no file.
                curve = curve or CurveFile(files.curve, columns, done)
                curve.add(event.done, event.values)
            if isinstance(event.payload, TrainingPreview):
                write_training_sheet(
                    files.picture, event.payload, f"{files.encoder.stem}, {event.message}"
                )
            yield event
    except StopIteration as stop:
        encoder: Encoder = stop.value
        return encoder
    finally:
        training.close()
        if curve is not None:
            curve.close()


def _picture_every(config: PretrainConfig, options: TrainingOptions) -> int:
    if options.picture_every is not None:
        return options.picture_every
    return max(_LEAST_APART, config.steps // _PICTURES)


def _card(sample: Sample, name: str, options: TrainingOptions) -> EncoderCard:
    """Colour images are taken for fundus photographs, whose dark border is left out."""
    some = sample.images[:: max(1, len(sample.images) // 32)]
    colour = np.mean([default_encoder(image) == "fundus" for image in some]) >= 0.5
    shape: dict[str, Any] = {
        "widths": options.widths,
        "context": options.context,
        "embedding_dim": options.dimensions,
        "clusters": options.clusters,
    }
    return EncoderCard(
        name=printable(name),
        modality=options.modality or ("colour images" if colour else "grey images"),
        channels=3 if colour else 1,
        field_of_view=bool(colour),
        working_size=options.size,
        **{name: value for name, value in shape.items() if value},
    )
