"""Guidance: from unlabelled images and a prior to a segmenter, in every way that it is asked for.

Images are files, of which some are drawn, or planes of images that a viewer or a session holds. An
interface adds nothing but the words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_localdisc.base.devices import resolve_device
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.outputs import SEGMENTER
from napari_localdisc.core.guidance.guidance import Guidance, GuideConfig, guide
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.datasets.sample import Sample, read_sample
from napari_localdisc.stores.references import PriorSpec, prepare_references
from napari_localdisc.tasks.encoder import (
    AUTO,
    EncoderSpec,
    HeldEncoder,
    choose_by_files,
    choose_by_image,
)
from napari_localdisc.tasks.kept_segmenter import guided_by, keep_segmenter, kept_segmenter
from napari_localdisc.tasks.planes import FilePlane, Pixels, Plane, as_planes


def guide_config(quick: bool, seed: int, images: int) -> GuideConfig:
    """Give the recipe of a guidance: seconds or minutes, on so many images at most."""
    effort = GuideConfig.quick() if quick else GuideConfig()
    return effort.model_copy(update={"seed": seed, "max_images": images})


@dataclass(frozen=True)
class Guided:
    """A guidance and what it was of.

    Attributes
    ----------
    guidance : Guidance
    held : HeldEncoder
        The encoder that it used.
    paths : tuple of Path
        The files that guided, where they were files.
    passed_over : tuple of str
        A line for each file that could not be read.
    first : ndarray, shape (H, W) or (H, W, C)
        The image that previews are of.
    """

    guidance: Guidance
    held: HeldEncoder
    paths: tuple[Path, ...]
    passed_over: tuple[str, ...]
    first: Pixels

    @property
    def segmenter(self) -> Segmenter:
        """What the guidance found."""
        return self.guidance.segmenter


@dataclass(frozen=True)
class Guide:
    """All that guides but the images.

    Attributes
    ----------
    prior : Prior
    held : HeldEncoder
    config : GuideConfig
    device : torch.device
    """

    prior: Prior
    held: HeldEncoder
    config: GuideConfig
    device: torch.device

    @property
    def settings(self) -> dict[str, Any]:
        """What the segmenter depends on beside its images; see `guided_by`."""
        return guided_by(self.prior, self.held.encoder, self.config, self.device)

    def on_files(self, files: Sequence[Path]) -> Run[Guided]:
        """Guide on some of many files, those that cannot be read passed over.

        Yields
        ------
        Progress
            One carries the `Sample` of images that are used; then come those of guidance.

        Raises
        ------
        LocaldiscError
            If no file can be read.
        """
        size = self.config.size or self.held.encoder.card.working_size
        sample = yield from read_sample(files, self.config.max_images, size, self.config.seed)
        yield Progress("read", len(sample.images), len(sample.images), payload=sample)
        guidance = yield from self._guide(sample.images)
        return self._guided(guidance, sample)

    def on_planes(self, planes: Sequence[Plane]) -> Run[Guided]:
        """Guide on some of the planes, the first among them, at their full size.

        Raises
        ------
        LocaldiscError
            If there is none, or one is not an image.
        """
        images = []
        chosen = [planes[index] for index in self.config.draw(len(planes))] if planes else []
        for number, plane in enumerate(chosen):
            yield Progress("read", number, len(chosen), f"Reading {plane.name}")
            images.append(plane.pixels())
        files = dict.fromkeys(plane.path for plane in chosen if isinstance(plane, FilePlane))
        guidance = yield from self._guide(images)
        return self._guided(guidance, Sample(tuple(files), tuple(images)))

    def _guide(self, images: Sequence[Pixels]) -> Run[Guidance]:
        return guide(images, self.prior, self.held.encoder, self.config, self.device)

    def _guided(self, guidance: Guidance, sample: Sample) -> Guided:
        return Guided(guidance, self.held, sample.paths, sample.errors, sample.images[0])


def guide_on_files(
    files: Sequence[Path],
    prior: PriorSpec,
    encoder: EncoderSpec = AUTO,
    config: GuideConfig | None = None,
    device: torch.device | str = "auto",
    references: int = 20,
) -> Run[Guided]:
    """Guide a segmenter by a prior on some of many files.

    Parameters
    ----------
    files : sequence of Path
    prior : Prior, str or Path
        Reference masks, a built-in name, a folder of masks or a prior file.
    encoder : EncoderChoice, Encoder, str or Path
        One in memory, a shipped name, a file, ``"auto"`` or ``"random"``.
    config : GuideConfig, optional
    device : torch.device or str
        As `resolve_device` takes it.
    references : int
        Masks to simulate for a built-in prior.

    Yields
    ------
    Progress
        Stage ``"note"`` says which encoder is used; one event carries the `Sample` of images that
        are used; then come those of guidance, whose previews are label maps of its first image.

    Raises
    ------
    LocaldiscError
        If prior, encoder or device cannot be used, or no file can be read.
    """
    ready = yield from prepare_guide(files, prior, encoder, config, device, references)
    return (yield from ready.on_files(files))


def guide_on_planes(
    images: Sequence[Plane | Pixels],
    prior: PriorSpec,
    encoder: EncoderSpec = AUTO,
    config: GuideConfig | None = None,
    device: torch.device | str = "auto",
    references: int = 20,
) -> Run[Guided]:
    """Guide a segmenter by a prior on images that are at hand, at their full size.

    Parameters
    ----------
    images : sequence of Plane or ndarray, shape (H, W) or (H, W, C)
        Of one kind; the first is previewed, and chooses an automatic encoder.
    prior, encoder, config, device, references
        As of `guide_on_files`.

    Yields
    ------
    Progress
        Stage ``"note"`` says which encoder is used; previews are label maps of the first image.

    Raises
    ------
    LocaldiscError
        If prior, encoder, device or an image cannot be used, or there is no image.
    """
    planes = as_planes(images)
    ready = yield from prepare_guide(planes, prior, encoder, config, device, references)
    return (yield from ready.on_planes(planes))


def prepare_guide(
    images: Sequence[Plane] | Sequence[Path],
    prior: PriorSpec,
    encoder: EncoderSpec = AUTO,
    config: GuideConfig | None = None,
    device: torch.device | str = "auto",
    references: int = 20,
) -> Run[Guide]:
    """Get everything for a guidance but the images; parameters are those of `guide_on_files`."""
    if len(images) == 0:
        raise LocaldiscError("guidance needs at least one image, got none; give image files.")
    config = config or GuideConfig()
    where = resolve_device(str(device))
    masks = yield from prepare_references(prior, references, config.seed)
    held = yield from _encoder(images, encoder, config.seed)
    return Guide(masks, held, config, where)


def _encoder(
    images: Sequence[Plane] | Sequence[Path], encoder: EncoderSpec, seed: int
) -> Run[HeldEncoder]:
    files = [image for image in images if isinstance(image, Path)]
    planes = [image for image in images if not isinstance(image, Path)]
    if not planes:
        return (yield from choose_by_files(encoder, files, seed))
    return (yield from choose_by_image(encoder, planes[0].name, planes[0].pixels, seed))


def guide_for_folder(
    files: Sequence[Path],
    ready: Guide,
    guidance: Run[Guided],
    output: Path,
    overwrite: bool = False,
    drawn_by: Mapping[str, Any] | None = None,
) -> Run[Segmenter]:
    """Guide and keep the segmenter in a folder of results, or take the one that it keeps.

    Parameters
    ----------
    files : sequence of Path
        All that will be segmented.
    ready : Guide
    guidance : generator
        Guides by `ready`; run only if there is no segmenter yet.
    output : Path
    overwrite : bool
        Guide anew where the folder holds results of another guidance, instead of refusing.
    drawn_by : mapping, optional
        What else decides on which images is guided.

    Yields
    ------
    Progress
        Those of the guidance, or one of stage ``"note"``.

    Raises
    ------
    LocaldiscError
        If the folder holds masks of another guidance or cannot be written to, or guidance fails.
    """
    settings = ready.settings | dict(drawn_by or {})
    segmenter = kept_segmenter(output, settings, files, overwrite)
    if segmenter is not None:
        yield Progress("note", 1, 1, f"guided by an earlier run: {output / SEGMENTER}")
        return segmenter
    guided = yield from guidance
    keep_segmenter(output, guided.segmenter, settings, guided.paths, ready.device, overwrite)
    return guided.segmenter


def segment_planes(
    images: Sequence[Plane | Pixels], segmenter: Segmenter, device: torch.device | str = "auto"
) -> Run[tuple[Segmentation, ...]]:
    """Segment images that are at hand.

    Parameters
    ----------
    images : sequence of Plane or ndarray, shape (H, W) or (H, W, C)
    segmenter : Segmenter
    device : torch.device or str

    Yields
    ------
    Progress
        Per image.

    Raises
    ------
    LocaldiscError
        If an image cannot be read or is not an image.
    """
    where, found, planes = resolve_device(str(device)), [], as_planes(images)
    for number, plane in enumerate(planes):
        yield Progress("segment", number, len(planes), f"Segmenting {plane.name}")
        found.append(segmenter.segment(plane.pixels(), where))
    return tuple(found)
