"""``napari-localdisc guide``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from napari_localdisc.cli.console import Reporter, print_json
from napari_localdisc.cli.guiding import AUTO, Guided, GuideOptions, guide_on_files
from napari_localdisc.cli.options import (
    Device,
    Encoder,
    GuideImages,
    Images,
    Json,
    PriorSpec,
    Quick,
    Quiet,
    References,
    Seed,
)


def guide(
    images: Images,
    prior: PriorSpec,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Segmenter file to write (.safetensors).")
    ],
    references: References = 20,
    guide_images: GuideImages = 40,
    quick: Quick = False,
    encoder: Encoder = AUTO,
    device: Device = "auto",
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Find a structure by its shape in unlabelled images, and save how as a segmenter."""
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.batch.outputs import check_output_file
    from napari_localdisc.core.guidance.config import show_kl
    from napari_localdisc.formats.images import find_images
    from napari_localdisc.stores.segmenters import save_segmenter

    files, chosen = find_images(images), resolve_device(device)
    check_output_file(output, [*files, Path(encoder)])
    options = GuideOptions(prior, encoder, seed, references, guide_images, quick)
    with Reporter(quiet or json) as reporter:
        guided = guide_on_files(files, options, chosen, reporter)
        guidance = guided.guidance
        save_segmenter(guidance.segmenter, output)
    for line in guided.passed_over:
        reporter.warn(f"passed over: {line}")
    for warning in guidance.warnings:
        reporter.warn(f"warning: {warning}")
    if json:
        print_json(_content(guided, output))
    elif not quiet:
        targets = ", ".join(guidance.segmenter.targets)
        typer.echo(f"{output}: segments {targets}, KL to the prior {show_kl(guidance.kl)}")
    return 1 if guided.passed_over else 0


def _content(guided: Guided, output: Path) -> dict[str, object]:
    guidance = guided.guidance
    return {
        "segmenter": output,
        **guidance.segmenter.card.encoder.identity,
        "targets": guidance.segmenter.targets,
        "kl": guidance.kl,
        "stages": [asdict(stage) for stage in guidance.stages],
        "recipe": guidance.segmenter.recipe,
        "warnings": guidance.warnings,
        "passed_over": guided.passed_over,
    }
