"""``napari-localdisc guide``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_localdisc.cli.console import Reporter, print_json
from napari_localdisc.cli.guiding import AUTO, GuideOptions, guide_on_files
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

if TYPE_CHECKING:
    from napari_localdisc.core.guidance import Guidance


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
) -> None:
    """Find a structure by its shape in unlabelled images, and save how as a segmenter."""
    from napari_localdisc.core.device import resolve_device
    from napari_localdisc.core.segmenter import save_segmenter
    from napari_localdisc.io.images import find_images
    from napari_localdisc.io.outputs import check_output_file

    files, chosen = find_images(images), resolve_device(device)
    check_output_file(output, [*files, Path(encoder)])
    options = GuideOptions(prior, encoder, seed, references, guide_images, quick)
    with Reporter(quiet or json) as reporter:
        guidance = guide_on_files(files, options, chosen, reporter)
        save_segmenter(guidance.segmenter, output)
    if json:
        print_json(_content(guidance, output))
    elif not quiet:
        targets = ", ".join(guidance.segmenter.targets)
        typer.echo(f"{output}: segments {targets}, KL to the prior {guidance.kl:.3f}")


def _content(guidance: Guidance, output: Path) -> dict[str, object]:
    return {
        "segmenter": output,
        "targets": guidance.segmenter.targets,
        "kl": guidance.kl,
        "stages": [asdict(stage) for stage in guidance.stages],
        "recipe": guidance.segmenter.recipe,
        "warnings": guidance.warnings,
    }
