"""``napari-localdisc pretrain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_localdisc.cli.console import Reporter, print_json
from napari_localdisc.cli.options import Device, Images, Json, Quiet, Seed
from napari_localdisc.core.errors import LocaldiscError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_localdisc.core.encoder import EncoderCard


def pretrain(
    images: Images,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Encoder file to write (.safetensors).")
    ],
    steps: Annotated[int, typer.Option("--steps", help="Optimisation steps.", min=1)] = 600,
    size: Annotated[
        int, typer.Option("--size", help="Longer side in pixels at which images are seen.", min=64)
    ] = 512,
    modality: Annotated[
        str, typer.Option("--modality", help="What the images are, for the encoder's card.")
    ] = "",
    max_images: Annotated[
        int, typer.Option("--max-images", help="Images to learn from, drawn by the seed.", min=2)
    ] = 400,
    device: Device = "auto",
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train an encoder on unlabelled images of one modality, by local discrimination."""
    from napari_localdisc.core.device import resolve_device
    from napari_localdisc.core.encoder import save_encoder
    from napari_localdisc.core.pretraining import PretrainConfig
    from napari_localdisc.core.pretraining import pretrain as train
    from napari_localdisc.io.images import find_images
    from napari_localdisc.io.sample import read_sample

    if output.is_dir():
        raise LocaldiscError(f"output {output} is a folder; name a file to write the encoder to.")
    files, chosen = find_images(images), resolve_device(device)
    config = PretrainConfig(steps=steps, max_images=max_images, seed=seed)
    with Reporter(quiet or json) as reporter:
        sample = reporter.follow(read_sample(files, max_images, size, seed))
        for error in sample.errors:
            reporter.warn(f"passed over: {error}")
        card = _card(sample.images[0], output.stem, modality, size)
        encoder = reporter.follow(train(sample.images, card, config, chosen))
    save_encoder(encoder, output)
    if json:
        print_json({"encoder": output, "card": encoder.card.model_dump()})
    elif not quiet:
        typer.echo(f"{output}: encoder for {encoder.card.modality}, {len(sample.paths)} images")


def _card(image: npt.NDArray[np.generic], name: str, modality: str, size: int) -> EncoderCard:
    """Colour images are taken for fundus photographs, whose dark border is left out."""
    from napari_localdisc.core.encoder import EncoderCard, default_encoder

    colour = default_encoder(image) == "fundus"
    return EncoderCard(
        name=name,
        modality=modality or ("colour images" if colour else "grey images"),
        channels=3 if colour else 1,
        field_of_view=colour,
        working_size=size,
    )
