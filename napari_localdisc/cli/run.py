"""``napari-localdisc run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.cli.console import Reporter
from napari_localdisc.cli.options import Json, OutputFolder, Quiet
from napari_localdisc.cli.segment import tell

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.segmenter.segmenter import Segmenter
    from napari_localdisc.stores.session_files import SavedSession


def run(
    session: Annotated[
        Path,
        typer.Argument(
            help="Session file, saved in napari.", metavar="SESSION", show_default=False
        ),
    ],
    output: OutputFolder,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            help="auto, cpu, cuda, cuda:N or mps; that of the session if not given.",
            metavar="DEVICE",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Segment the images of a session saved in napari, by its segmenter, else by its prior."""
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.batch.outputs import MASKS, check_output_folder
    from napari_localdisc.stores.session_images import open_session
    from napari_localdisc.tasks.segment import doubts_of, segment_files

    with Reporter(quiet or json) as reporter:
        opened = reporter.follow(open_session(session))
        for note in opened.notes:
            reporter.warn(note)
        record = opened.saved.record
        files = list(dict.fromkeys(Path(image.path) for image in record.images))
        if not files:
            raise LocaldiscError(
                f"session {session} has no image that is where it was; bring its images back."
            )
        chosen = resolve_device(device or record.device)
        check_output_folder(output, files, MASKS)
        ready = _ready(opened.saved, session) or _guided(opened.saved, files, chosen, reporter)
        settings = {"session": str(session), "device": str(chosen)}
        report = reporter.follow(segment_files(files, ready, output, chosen, settings))
    identity = ready.card.encoder.identity
    return tell(report, reporter, settings | identity, json, doubts_of(ready, report))


def _ready(saved: SavedSession, path: Path) -> Segmenter | None:
    from napari_localdisc.stores.segmenters import load_content

    return load_content(saved.segmenter.content, path) if saved.segmenter else None


def _guided(
    saved: SavedSession, files: list[Path], device: torch.device, reporter: Reporter
) -> Segmenter:
    """Guide as the panel would."""
    from napari_localdisc.cli.guiding import open_encoder
    from napari_localdisc.core.guidance.guidance import GuideConfig, guide
    from napari_localdisc.formats.images import read_picture
    from napari_localdisc.stores.priors import load_prior

    record = saved.record
    config = (GuideConfig.quick if record.quick else GuideConfig)(seed=record.seed)
    prior = saved.prior or load_prior(record.prior or "", seed=record.seed)
    encoder = open_encoder(record.encoder, files, reporter)
    images = [read_picture(files[index]) for index in config.draw(len(files))]
    return reporter.follow(guide(images, prior, encoder, config, device)).segmenter
