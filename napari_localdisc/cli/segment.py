"""``napari-localdisc segment``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_localdisc.cli.console import Reporter, print_json
from napari_localdisc.cli.guiding import AUTO, GuideOptions, guide_on_files
from napari_localdisc.cli.options import (
    Device,
    Encoder,
    GuideImages,
    Images,
    Json,
    OutputFolder,
    Quick,
    Quiet,
    References,
    Seed,
)
from napari_localdisc.core.errors import LocaldiscError

if TYPE_CHECKING:
    from napari_localdisc.batch import BatchReport


def segment(
    images: Images,
    output: OutputFolder,
    segmenter: Annotated[
        str | None,
        typer.Option(
            "--segmenter",
            help="A shipped one (lungs, optic-cup, optic-disc, vessels) or a file made by `guide`.",
            metavar="NAME|FILE",
        ),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            "--prior",
            help="Guide on these images first: a built-in prior or a folder of masks.",
            metavar="NAME|FOLDER",
        ),
    ] = None,
    references: References = 20,
    guide_images: GuideImages = 40,
    quick: Quick = False,
    encoder: Encoder = AUTO,
    device: Device = "auto",
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Segment images into a folder of masks, by a saved segmenter or straight from a prior."""
    from napari_localdisc.batch import doubts_of, segment_files
    from napari_localdisc.core.device import resolve_device
    from napari_localdisc.core.segmenter_file import load_segmenter
    from napari_localdisc.io.images import find_images
    from napari_localdisc.io.outputs import MASKS, check_output_folder

    if (segmenter is None) == (prior is None):
        raise LocaldiscError(
            "give either --segmenter NAME|FILE or --prior NAME|FOLDER, one of them."
        )
    files, chosen = find_images(images), resolve_device(device)
    check_output_folder(output, files, MASKS, prior)
    run: dict[str, Any] = {"seed": seed, "device": str(chosen)}
    with Reporter(quiet or json) as reporter:
        if segmenter is not None:
            ready = load_segmenter(segmenter)
            run |= {"segmenter": segmenter}
        else:
            options = GuideOptions(prior or "", encoder, seed, references, guide_images, quick)
            ready = guide_on_files(files, options, chosen, reporter).guidance.segmenter
            run |= {"guided": asdict(options)}
        report = reporter.follow(segment_files(files, ready, output, chosen, run))
    run |= ready.card.encoder.identity
    return tell(report, reporter, run, json, doubts_of(ready, report))


def tell(
    report: BatchReport,
    reporter: Reporter,
    run: dict[str, Any],
    json: bool,
    warnings: Sequence[str] = (),
) -> int:
    """Say what became of a batch and return its exit code."""
    for note in report.notes:
        reporter.say(note)
    for result in report.failed:
        reporter.warn(result.error)
    for warning in warnings:
        reporter.warn(f"warning: {warning}")
    if json:
        files = [asdict(result) for result in report.results]
        print_json({"output": report.output, "run": run, "files": files, "warnings": warnings})
    elif not reporter.quiet:
        count = f"{len(report.done)} of {len(report.results)}"
        typer.echo(f"{count} images done, results in {report.output}")
    return 1 if report.failed else 0
