"""Runs of the panels: planes of layers read here, and computed in the process for that. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_localdisc.base.progress import Progress, Run, relay
from napari_localdisc.base.shipped import SEGMENTERS
from napari_localdisc.batch.run_files import RunOptions
from napari_localdisc.compute import jobs
from napari_localdisc.compute.client import compute_process
from napari_localdisc.compute.results import FolderResult, GuidedSegmenter, HeldEncoder
from napari_localdisc.compute.turns import Turn
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.viewer.layers import Plane


@dataclass(frozen=True)
class GuidedResult:
    """A guided segmenter and what it finds in images that it was guided on.

    Attributes
    ----------
    guided : GuidedSegmenter
    segmentations : tuple of Segmentation
        One for each plane, or one for the first image of a folder.
    passed_over : tuple of str
        A line for each file that could not be read.
    guided_on : tuple of Path
        The files that guided, where they were files.
    """

    guided: GuidedSegmenter
    segmentations: tuple[Segmentation, ...]
    passed_over: tuple[str, ...] = ()
    guided_on: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ReadyMadeResult:
    """What a ready-made segmenter finds in planes.

    Attributes
    ----------
    segmenter : SegmenterFile
    segmentations : tuple of Segmentation
        One for each plane.
    """

    segmenter: SegmenterFile
    segmentations: tuple[Segmentation, ...]


def load_encoder(name: str, plane: Plane | None) -> Run[HeldEncoder]:
    """Load an encoder into the process that computes.

    Parameters
    ----------
    name : str
        A shipped name, a path, or ``"auto"``.
    plane : Plane or None
        An image that decides where the choice is automatic.

    Raises
    ------
    LocaldiscError
        If the encoder cannot be loaded, or there is no image to choose it by.
    """
    image = plane.pixels() if plane is not None else None
    return compute_process().run(f"loading encoder {name}", jobs.load_encoder, name, image)


def guide_on_planes(
    planes: Sequence[Plane], prior: Prior | str, encoder: str, config: GuideConfig, device: str
) -> Run[GuidedResult]:
    """Guide a segmenter by a prior, and segment the same images with it.

    Parameters
    ----------
    planes : sequence of Plane
        Images of one kind, at least one; the first chooses an automatic encoder.
    prior : Prior or str
        Reference masks, or the name of a built-in prior.
    encoder : str
        A shipped name, a path, or ``"auto"``.
    config : GuideConfig
    device : str
        A device name, as `resolve_device` takes it.

    Yields
    ------
    Progress
        Those of guidance carry a label map of the first image.

    Raises
    ------
    LocaldiscError
        If an image, the encoder or the device cannot be used, or guidance finds nothing.
    """
    with compute_process().turn(_guiding(prior)) as turn:
        yield from turn.wait()
        images = []
        chosen = [planes[index] for index in config.draw(len(planes))]
        for number, plane in enumerate(chosen):
            yield Progress("read", number, len(chosen), f"Reading {plane.name}")
            images.append(plane.pixels())
        names = [plane.name for plane in chosen]
        guided = yield from turn.run(
            jobs.guide_on_images, images, names, prior, encoder, config, device
        )
        found = yield from _segmentations(turn, planes, guided.segmenter, device)
    return GuidedResult(guided, found)


def segment_planes(planes: Sequence[Plane], name: str, device: str) -> Run[ReadyMadeResult]:
    """Segment planes by a shipped segmenter, without any guidance.

    Parameters
    ----------
    planes : sequence of Plane
    name : str
        Of the segmenter.
    device : str
        A device name, as `resolve_device` takes it.

    Raises
    ------
    LocaldiscError
        If the segmenter, an image or the device cannot be used.
    """
    segmenter = SegmenterFile.read(SEGMENTERS.find(name))
    with compute_process().turn(f"segmentation of {name}") as turn:
        yield from turn.wait()
        found = yield from _segmentations(turn, planes, segmenter, device)
    return ReadyMadeResult(segmenter, found)


def _segmentations(
    turn: Turn, planes: Sequence[Plane], segmenter: SegmenterFile, device: str
) -> Run[tuple[Segmentation, ...]]:
    """Segment planes one by one: all of a stack may be more than the memory holds."""
    found = []
    for number, plane in enumerate(planes):
        event = Progress("segment", number, len(planes), f"Segmenting {plane.name}")
        run = turn.run(jobs.segment_image, segmenter, plane.pixels(), device)
        found.append((yield from relay(run, partial(_instead, event))))
    return tuple(found)


def _instead(event: Progress, _: Progress) -> Progress:
    return event


def guide_on_files(
    files: Sequence[Path], prior: Prior | str, encoder: str, config: GuideConfig, device: str
) -> Run[GuidedResult]:
    """Guide a segmenter by a prior on some of many files; parameters as of `guide_on_planes`.

    Yields
    ------
    Progress
        One carries the `Sample` of images that are used; then come those of guidance.
    """
    found = yield from compute_process().run(
        _guiding(prior), jobs.guide_on_files, files, prior, encoder, config, device
    )
    return GuidedResult(found.guided, (found.first,), found.passed_over, found.guided_on)


def segment_with(
    images: Sequence[Path],
    segmenter: SegmenterFile | Path | str,
    output: Path,
    device: str,
    run_options: RunOptions | None = None,
    confidence: bool = False,
) -> Run[FolderResult]:
    """Segment files, and what folders hold, with a segmenter, one in a file, or a shipped one."""
    return compute_process().run(
        f"the folder {output.name}",
        jobs.segment_files,
        images,
        segmenter,
        output,
        device,
        run_options or RunOptions(),
        confidence,
    )


def segment_by_prior(
    images: Sequence[Path],
    prior: Prior | str,
    encoder: str,
    config: GuideConfig,
    output: Path,
    device: str,
    run_options: RunOptions | None = None,
    confidence: bool = False,
) -> Run[FolderResult]:
    """Guide on some of the files, unless an earlier run has, then segment them all."""
    return compute_process().run(
        f"the folder {output.name}",
        jobs.segment_by_prior,
        images,
        prior,
        encoder,
        config,
        output,
        device,
        run_options or RunOptions(),
        confidence,
    )


def _guiding(prior: Prior | str) -> str:
    return f"guided segmentation of {prior if isinstance(prior, str) else Path(prior.name).name}"
