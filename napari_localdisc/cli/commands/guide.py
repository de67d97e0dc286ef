"""``napari-localdisc guide``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_localdisc.cli.groups import Choosing, Computing, Guiding, Speaking
from napari_localdisc.cli.options import Images, Json, PriorSpec
from napari_localdisc.cli.output.console import print_json

if TYPE_CHECKING:
    from napari_localdisc.tasks.guide import Guided


def guide(
    images: Images,
    prior: PriorSpec,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Segmenter file to write (.safetensors).")
    ],
    guiding: Guiding,
    choosing: Choosing,
    computing: Computing,
    speaking: Speaking,
    json: Json = False,
) -> int:
    """Find a structure by its shape in unlabelled images, and save how as a segmenter."""
    from napari_localdisc.batch.outputs import check_output_file
    from napari_localdisc.core.guidance.config import show_kl
    from napari_localdisc.stores.segmenters import save_segmenter
    from napari_localdisc.tasks.guide import guide_on_files

    with speaking.reporter(json) as reporter:
        files = choosing.choice().find(images)
        check_output_file(output, [*files, Path(guiding.encoder)])
        config = guiding.config(computing.seed)
        run = guide_on_files(
            files, prior, guiding.encoder, config, computing.device, guiding.references
        )
        guided = reporter.follow(run)
        save_segmenter(guided.segmenter, output)
    for line in guided.passed_over:
        reporter.warn(f"passed over: {line}")
    for warning in guided.guidance.warnings:
        reporter.warn(f"warning: {warning}")
    targets = ", ".join(guided.segmenter.targets)
    reporter.conclude(
        f"{output}: segments {targets}, KL to the prior {show_kl(guided.guidance.kl)}"
    )
    if json:
        print_json(_content(guided, output))
    return 1 if guided.passed_over else 0


def _content(guided: Guided, output: Path) -> dict[str, object]:
    guidance, segmenter = guided.guidance, guided.segmenter
    return {
        "segmenter": output,
        **segmenter.card.encoder.identity,
        "targets": segmenter.targets,
        "kl": guidance.kl,
        "stages": [asdict(stage) for stage in guidance.stages],
        "recipe": segmenter.recipe,
        "warnings": guidance.warnings,
        "passed_over": guided.passed_over,
    }
