"""From files and a prior to a guided segmenter: what `guide`, `segment` and `demo` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from napari_localdisc.cli.console import Reporter

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.encoder.encoder import Encoder
    from napari_localdisc.core.guidance.guidance import Guidance, GuideConfig
    from napari_localdisc.core.priors.prior import Prior
    from napari_localdisc.core.segmenter.segmenter import Segmenter

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
    """A guidance, the files that it was of, and a line for each that it passed over."""

    guidance: Guidance
    images: tuple[Path, ...]
    passed_over: tuple[str, ...]


@dataclass(frozen=True)
class _Guide:
    """What guides: all but the images."""

    prior: Prior
    encoder: Encoder
    config: GuideConfig

    @classmethod
    def by(cls, options: GuideOptions, files: Sequence[Path], reporter: Reporter) -> Self:
        from napari_localdisc.core.guidance.guidance import GuideConfig
        from napari_localdisc.stores.priors import load_prior

        prior = load_prior(options.prior, options.references, options.seed)
        encoder = open_encoder(options.encoder, files, reporter)
        effort = GuideConfig.quick() if options.quick else GuideConfig()
        config = effort.model_copy(update={"seed": options.seed, "max_images": options.images})
        return cls(prior, encoder, config)

    def guide(self, files: Sequence[Path], device: torch.device, reporter: Reporter) -> Guided:
        from napari_localdisc.core.guidance.guidance import guide
        from napari_localdisc.datasets.sample import read_sample

        config, size = self.config, self.config.size or self.encoder.card.working_size
        sample = reporter.follow(read_sample(files, config.max_images, size, config.seed))
        run = guide(sample.images, self.prior, self.encoder, config, device)
        return Guided(reporter.follow(run), sample.paths, sample.errors)


def guide_on_files(
    files: Sequence[Path], options: GuideOptions, device: torch.device, reporter: Reporter
) -> Guided:
    """Guide on some of the files, saying which encoder is used."""
    return _Guide.by(options, files, reporter).guide(files, device, reporter)


def guide_for_folder(
    files: Sequence[Path],
    options: GuideOptions,
    output: Path,
    overwrite: bool,
    device: torch.device,
    reporter: Reporter,
) -> Segmenter:
    """Guide on some of the files and keep the segmenter, or take the one that a folder keeps."""
    from napari_localdisc.batch.outputs import SEGMENTER
    from napari_localdisc.tasks.kept_segmenter import guided_by, keep_segmenter, kept_segmenter

    ready = _Guide.by(options, files, reporter)
    settings = guided_by(ready.prior, ready.encoder, ready.config, device)
    segmenter = kept_segmenter(output, settings, files, overwrite)
    if segmenter is not None:
        reporter.say(f"guided by an earlier run: {output / SEGMENTER}")
        return segmenter
    guided = ready.guide(files, device, reporter)
    segmenter = guided.guidance.segmenter
    keep_segmenter(output, segmenter, settings, guided.images, device, overwrite)
    return segmenter


def open_encoder(name: str, files: Sequence[Path], reporter: Reporter) -> Encoder:
    """Load an encoder, by name or by what one of the files looks like, and say which."""
    from napari_localdisc.base.progress import drain
    from napari_localdisc.core.encoder.encoder import default_encoder, load_encoder
    from napari_localdisc.datasets.sample import read_sample

    why = ""
    if name == AUTO:
        sample = drain(read_sample(files, 1))
        name, why = default_encoder(sample.images[0]), f", chosen by {sample.paths[0].name}"
    encoder = load_encoder(name)
    reporter.say(f"encoder: {encoder.card.name} ({encoder.card.modality}){why}")
    return encoder
