"""``napari-localdisc segment``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.shipped import SEGMENTERS
from napari_localdisc.cli.groups import Choosing, Computing, Guiding, Running, Speaking
from napari_localdisc.cli.names import listed, priors, segmenters
from napari_localdisc.cli.options import Images, Json, OutputFolder
from napari_localdisc.cli.output.tell import tell_folder
from napari_localdisc.core.priors import BUILT_IN_PRIORS

if TYPE_CHECKING:
    from napari_localdisc.base.progress import Run
    from napari_localdisc.tasks.segment_folder import FolderOutput, FolderResult


def segment(
    images: Images,
    output: OutputFolder,
    guiding: Guiding,
    choosing: Choosing,
    running: Running,
    computing: Computing,
    speaking: Speaking,
    segmenter: Annotated[
        str | None,
        typer.Option(
            "--segmenter",
            help=f"A shipped one ({listed(SEGMENTERS.names)}) or a file made by `guide`.",
            metavar="NAME|FILE",
            autocompletion=segmenters,
        ),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            "--prior",
            help=f"Guide on these images first: a built-in prior ({listed(BUILT_IN_PRIORS)}) or"
            " a folder of masks.",
            metavar="NAME|FOLDER",
            autocompletion=priors,
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Segment images into a folder of masks, by a saved segmenter or straight from a prior.

    The same command again goes on where the last one ended, however it ended.
    """
    from napari_localdisc.tasks.segment_folder import FolderOutput

    settings: dict[str, Any] = {"seed": computing.seed}
    with speaking.reporter(json) as reporter:
        if (segmenter is None) == (prior is None):
            raise LocaldiscError(
                "give either --segmenter NAME|FILE or --prior NAME|FOLDER, one of them."
            )
        if segmenter is not None:
            settings["segmenter"] = segmenter
        else:
            settings["guided"] = _guided(prior or "", guiding, computing)
        files = choosing.find(images, reporter, volumes=True)
        run_options = running.run_options(choosing.choice().kept_folders(images))
        folder = FolderOutput(output, computing.device, run_options, running.confidence, settings)
        run = _run(files, segmenter, prior or "", folder, guiding, computing)
        result = reporter.follow(run)
    return tell_folder(result, settings, reporter, json)


def _run(
    files: list[Path],
    segmenter: str | None,
    prior: str,
    folder: FolderOutput,
    guiding: Guiding,
    computing: Computing,
) -> Run[FolderResult]:
    from napari_localdisc.tasks.segment_folder import segment_by_prior, segment_with

    if segmenter is not None:
        return segment_with(files, segmenter, folder)
    config = guiding.config(computing.seed)
    return segment_by_prior(files, prior, folder, guiding.encoder, config, guiding.references)


def _guided(prior: str, guiding: Guiding, computing: Computing) -> dict[str, Any]:
    return {
        "prior": prior,
        "encoder": guiding.encoder,
        "seed": computing.seed,
        "references": guiding.references,
        "images": guiding.guide_images,
        "place": guiding.place,
        "quick": guiding.quick,
    }
