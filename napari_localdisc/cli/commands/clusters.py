"""``napari-localdisc clusters``."""

from __future__ import annotations

from napari_localdisc.cli.groups import AUTO, Choosing, Computing, Speaking
from napari_localdisc.cli.options import Encoder, Images, Json, OutputFolder, Overwrite
from napari_localdisc.cli.output.tell import tell_batch


def clusters(
    images: Images,
    output: OutputFolder,
    choosing: Choosing,
    computing: Computing,
    speaking: Speaking,
    encoder: Encoder = AUTO,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Show what an encoder tells apart: cluster maps, and a PCA picture of the embedding."""
    from napari_localdisc.batch.run_files import RunOptions
    from napari_localdisc.tasks.cluster import cluster_files

    with speaking.reporter(json) as reporter:
        choice = choosing.choice()
        run_options = RunOptions(choice.kept_folders(images), overwrite)
        result = reporter.follow(
            cluster_files(
                choice.find(images), output, encoder, computing.device, run_options, computing.seed
            )
        )
    run = {**result.encoder.card.identity, "device": result.device}
    return tell_batch(result.report, run, reporter, json)
