"""``napari-localdisc segment``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.cli.console import Reporter, print_json
from napari_localdisc.cli.guiding import AUTO, GuideOptions, guide_for_folder
from napari_localdisc.cli.options import (
    Batch,
    Confidence,
    Device,
    Encoder,
    Exclude,
    GuideImages,
    Images,
    Json,
    OutputFolder,
    Overwrite,
    Patterns,
    Quick,
    Quiet,
    Recursive,
    References,
    Scheduler,
    Seed,
    Workers,
)

if TYPE_CHECKING:
    from napari_localdisc.batch.executor import ExecutorFactory
    from napari_localdisc.batch.run_files import BatchReport


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
    recursive: Recursive = False,
    pattern: Patterns = None,
    exclude: Exclude = None,
    overwrite: Overwrite = False,
    confidence: Confidence = False,
    workers: Workers = 0,
    scheduler: Scheduler = None,
    batch: Batch = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Segment images into a folder of masks, by a saved segmenter or straight from a prior.

    The same command again goes on where the last one ended, however it ended.
    """
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.batch.outputs import check_output_folder, masks_layout
    from napari_localdisc.batch.run_files import RunOptions
    from napari_localdisc.files.discovery import Choice
    from napari_localdisc.files.naming import output_names
    from napari_localdisc.formats.images import find_images
    from napari_localdisc.stores.segmenters import load_segmenter
    from napari_localdisc.tasks.segment import doubts_of, segment_files

    if (segmenter is None) == (prior is None):
        raise LocaldiscError(
            "give either --segmenter NAME|FILE or --prior NAME|FOLDER, one of them."
        )
    choice = Choice(recursive, tuple(pattern or ()), tuple(exclude or ()), volumes=True)
    files, folders = choice.find(images), choice.kept_folders(images)
    chosen = resolve_device(device)
    layout = masks_layout(confidence)
    check_output_folder(output, files, layout, prior, output_names(files, folders))
    run_options = RunOptions(
        folders, overwrite, _executor_factory(workers, scheduler, batch), batch
    )
    run: dict[str, Any] = {"seed": seed, "device": str(chosen)}
    with Reporter(quiet or json) as reporter:
        if segmenter is not None:
            ready = load_segmenter(segmenter)
            run |= {"segmenter": segmenter}
        else:
            options = GuideOptions(prior or "", encoder, seed, references, guide_images, quick)
            slices = find_images(files)
            ready = guide_for_folder(slices, options, output, overwrite, chosen, reporter)
            run |= {"guided": asdict(options)}
        report = reporter.follow(
            segment_files(files, ready, output, chosen, run, run_options, confidence)
        )
    run |= ready.card.encoder.identity
    return tell(report, reporter, run, json, doubts_of(ready, report))


def _executor_factory(workers: int, scheduler: str | None, batch: int | None) -> ExecutorFactory:
    if batch and (workers or scheduler):
        raise LocaldiscError("--batch is for this process; leave --workers and --scheduler out.")
    if workers and scheduler:
        raise LocaldiscError("give either --workers N or --scheduler ADDRESS, not both.")
    if scheduler:
        from napari_localdisc.batch.dask_executor import existing_cluster

        return existing_cluster(scheduler)
    if workers:
        from napari_localdisc.batch.dask_executor import local_cluster

        return local_cluster(workers)
    from napari_localdisc.batch.executor import ThreadExecutor

    return ThreadExecutor


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
        count = f"{len(report.done)} of {len(report.results)} images done"
        earlier = f" ({len(report.kept)} by an earlier run)" if report.kept else ""
        typer.echo(f"{count}{earlier}, results in {report.output}")
    return 1 if report.failed else 0
