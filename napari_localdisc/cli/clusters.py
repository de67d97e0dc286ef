"""``napari-localdisc clusters``."""

from __future__ import annotations

from napari_localdisc.cli.console import Reporter
from napari_localdisc.cli.guiding import AUTO, open_encoder
from napari_localdisc.cli.options import Device, Encoder, Images, Json, OutputFolder, Quiet
from napari_localdisc.cli.segment import tell


def clusters(
    images: Images,
    output: OutputFolder,
    encoder: Encoder = AUTO,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show what an encoder tells apart: cluster maps, and a PCA picture of the embedding."""
    from napari_localdisc.clustering import cluster_files
    from napari_localdisc.core.device import resolve_device
    from napari_localdisc.io.images import find_images
    from napari_localdisc.io.outputs import CLUSTERS, check_output_folder

    files, chosen = find_images(images), resolve_device(device)
    check_output_folder(output, files, CLUSTERS)
    with Reporter(quiet or json) as reporter:
        opened = open_encoder(encoder, files, reporter)
        report = reporter.follow(cluster_files(files, opened, output, chosen))
    run = {**opened.card.identity, "device": str(chosen)}
    return tell(report, reporter, run, json)
