"""``napari-localdisc clusters``."""

from __future__ import annotations

from napari_localdisc.cli.console import Reporter
from napari_localdisc.cli.guiding import AUTO, open_encoder
from napari_localdisc.cli.options import (
    Device,
    Encoder,
    Exclude,
    Images,
    Json,
    OutputFolder,
    Overwrite,
    Patterns,
    Quiet,
    Recursive,
)
from napari_localdisc.cli.segment import tell


def clusters(
    images: Images,
    output: OutputFolder,
    encoder: Encoder = AUTO,
    device: Device = "auto",
    recursive: Recursive = False,
    pattern: Patterns = None,
    exclude: Exclude = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show what an encoder tells apart: cluster maps, and a PCA picture of the embedding."""
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.batch.outputs import CLUSTERS, check_output_folder
    from napari_localdisc.batch.run_files import RunOptions
    from napari_localdisc.files.discovery import Choice
    from napari_localdisc.files.naming import output_names
    from napari_localdisc.tasks.cluster import cluster_files

    choice = Choice(recursive, tuple(pattern or ()), tuple(exclude or ()))
    files, folders = choice.find(images), choice.kept_folders(images)
    chosen = resolve_device(device)
    check_output_folder(output, files, CLUSTERS, names=output_names(files, folders))
    with Reporter(quiet or json) as reporter:
        run_options = RunOptions(folders, overwrite)
        opened = open_encoder(encoder, files, reporter)
        report = reporter.follow(cluster_files(files, opened, output, chosen, run_options))
    run = {**opened.card.identity, "device": str(chosen)}
    return tell(report, reporter, run, json)
