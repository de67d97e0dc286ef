"""From files and a prior to a guided segmenter: what `guide`, `segment` and `demo` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_localdisc.cli.console import Reporter

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.encoder import Encoder
    from napari_localdisc.core.guidance import Guidance

AUTO = "auto"


@dataclass(frozen=True)
class GuideOptions:
    """What a user said about guidance.

    Attributes
    ----------
    prior : str
        A built-in name or a folder.
    encoder : str
        A shipped name, a file, or ``"auto"``.
    references : int
        Masks to simulate for a built-in prior.
    images : int
        Images to guide on at most.
    quick : bool
        Seconds instead of minutes.
    """

    prior: str
    encoder: str
    seed: int
    references: int
    images: int
    quick: bool = False


@dataclass(frozen=True)
class Guided:
    """A guidance, and a line for each file that it passed over."""

    guidance: Guidance
    passed_over: tuple[str, ...]


def guide_on_files(
    files: Sequence[Path], options: GuideOptions, device: torch.device, reporter: Reporter
) -> Guided:
    """Guide on some of the files, saying which encoder is used."""
    from napari_localdisc.core.guidance import GuideConfig, guide
    from napari_localdisc.io.priors import load_prior
    from napari_localdisc.io.sample import read_sample

    prior = load_prior(options.prior, options.references, options.seed)
    encoder = open_encoder(options.encoder, files, reporter)
    effort = GuideConfig.quick() if options.quick else GuideConfig()
    config = effort.model_copy(update={"seed": options.seed, "max_images": options.images})
    size = config.size or encoder.card.working_size
    sample = reporter.follow(read_sample(files, options.images, size, options.seed))
    guidance = reporter.follow(guide(sample.images, prior, encoder, config, device))
    return Guided(guidance, sample.errors)


def open_encoder(name: str, files: Sequence[Path], reporter: Reporter) -> Encoder:
    """Load an encoder, by name or by what one of the files looks like, and say which."""
    from napari_localdisc.core.encoder import default_encoder, load_encoder
    from napari_localdisc.core.progress import drain
    from napari_localdisc.io.sample import read_sample

    why = ""
    if name == AUTO:
        sample = drain(read_sample(files, 1))
        name, why = default_encoder(sample.images[0]), f", chosen by {sample.paths[0].name}"
    encoder = load_encoder(name)
    reporter.say(f"encoder: {encoder.card.name} ({encoder.card.modality}){why}")
    return encoder
