"""What the dock widgets run: core generators put together for images in a viewer. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.devices import resolve_device
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.outputs import check_output_folder, masks_layout
from napari_localdisc.batch.run_files import BatchReport, RunOptions
from napari_localdisc.core.guidance.guidance import Guidance, GuideConfig, guide
from napari_localdisc.core.priors import vary
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.datasets.sample import read_sample
from napari_localdisc.formats.images import find_images
from napari_localdisc.stores.priors import load_prior
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.tasks.kept_segmenter import guided_by, keep_segmenter, kept_segmenter
from napari_localdisc.tasks.segment import segment_files
from napari_localdisc.viewer.layers import Plane
from napari_localdisc.viewer.session import EncoderChoice, HeldEncoder


@dataclass(frozen=True)
class GuidedResult:
    """A guided segmenter and what it finds in images that it was guided on.

    Attributes
    ----------
    held : HeldEncoder
    guidance : Guidance
    segmentations : tuple of Segmentation
        One for each plane, or one for the first image of a folder.
    passed_over : tuple of str
        A line for each file that could not be read.
    guided_on : tuple of Path
        The files that guided, where they were files.
    """

    held: HeldEncoder
    guidance: Guidance
    segmentations: tuple[Segmentation, ...]
    passed_over: tuple[str, ...] = ()
    guided_on: tuple[Path, ...] = ()


@dataclass(frozen=True)
class FolderResult:
    """What became of a folder, and the segmenter that did it."""

    segmenter: Segmenter
    report: BatchReport


def load(choice: EncoderChoice, plane: Plane | None) -> Run[HeldEncoder]:
    """Load an encoder.

    Parameters
    ----------
    choice : EncoderChoice
    plane : Plane or None
        An image that decides where the choice is automatic.

    Raises
    ------
    LocaldiscError
        If the encoder cannot be loaded, or there is no image to choose it by.
    """
    yield Progress("read", 0, 1, "Loading the encoder")
    return choice.obtain(plane.pixels() if plane is not None else None)


def references(spec: str | Path, count: int, seed: int) -> Run[Prior]:
    """Simulate a built-in prior or read one from a folder."""
    yield Progress("read", 0, 1, f"Preparing {spec}")
    return load_prior(spec, count, seed)


def drawn_references(
    masks: Sequence[npt.NDArray[np.bool_]],
    name: str,
    targets: Sequence[str],
    count: int,
    seed: int,
    variation: float = 1.0,
) -> Run[Prior]:
    """Make a prior from drawn masks.

    Parameters
    ----------
    masks : sequence of ndarray of bool, shape (K, H, W)
    name : str
    targets : sequence of str
        Names of the K targets.
    count : int
        References to make by random variation of the drawn ones; fewer than drawn means none.
    seed : int
        Seed of the variation.
    variation : float
        How much they vary, 1 being the usual.
    """
    yield Progress("read", 0, 1, "Varying what was drawn")
    prior = Prior.from_masks(masks, name, targets)
    return vary(prior, count, seed, amount=variation) if count > len(prior) else prior


def guide_on_planes(
    planes: Sequence[Plane],
    prior: Prior | str,
    choice: EncoderChoice,
    config: GuideConfig,
    device: str,
) -> Run[GuidedResult]:
    """Guide a segmenter by a prior, and segment the same images with it.

    Parameters
    ----------
    planes : sequence of Plane
        Images of one kind, at least one; the first chooses an automatic encoder.
    prior : Prior or str
        Reference masks, or the name of a built-in prior.
    choice : EncoderChoice
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
    images = []
    chosen = [planes[index] for index in config.draw(len(planes))]
    for number, plane in enumerate(chosen):
        yield Progress("read", number, len(chosen), f"Reading {plane.name}")
        images.append(plane.pixels())
    held = choice.obtain(images[0])
    guidance = yield from _guide(images, prior, held, config, device)
    segmentations = []
    for number, plane in enumerate(planes):
        yield Progress("segment", number, len(planes), f"Segmenting {plane.name}")
        segmentations.append(guidance.segmenter.segment(plane.pixels(), resolve_device(device)))
    return GuidedResult(held, guidance, tuple(segmentations))


def guide_on_files(
    files: Sequence[Path],
    prior: Prior | str,
    choice: EncoderChoice,
    config: GuideConfig,
    device: str,
) -> Run[GuidedResult]:
    """Guide a segmenter by a prior on some of many files.

    Parameters are those of `guide_on_planes`.

    Yields
    ------
    Progress
        One carries the `Sample` of images that are used; then come those of guidance.
    """
    probe = yield from read_sample(files, 1)
    held = choice.obtain(probe.images[0])
    size = config.size or held.encoder.card.working_size
    sample = yield from read_sample(files, config.max_images, size, config.seed)
    yield Progress("read", len(sample.images), len(sample.images), payload=sample)
    guidance = yield from _guide(sample.images, prior, held, config, device)
    first = guidance.segmenter.segment(sample.images[0], resolve_device(device))
    return GuidedResult(held, guidance, (first,), sample.errors, sample.paths)


def segment_with(
    files: Sequence[Path],
    segmenter: Segmenter | Path | str,
    output: Path,
    device: str,
    run_options: RunOptions | None = None,
    confidence: bool = False,
) -> Run[FolderResult]:
    """Segment files with a segmenter, the one in a file, or a shipped one by its name."""
    check_output_folder(output, files, masks_layout(confidence))
    yield Progress("read", 0, 1, "Loading the segmenter")
    ready = segmenter if isinstance(segmenter, Segmenter) else load_segmenter(segmenter)
    where = resolve_device(device)
    report = yield from segment_files(
        files, ready, output, where, {"device": str(where)}, run_options, confidence
    )
    return FolderResult(ready, report)


def segment_by_prior(
    files: Sequence[Path],
    prior: Prior | str,
    choice: EncoderChoice,
    config: GuideConfig,
    output: Path,
    device: str,
    run_options: RunOptions | None = None,
    confidence: bool = False,
) -> Run[FolderResult]:
    """Guide on some of the files unless an earlier run has, then segment them all."""
    check_output_folder(output, files, masks_layout(confidence))
    slices = find_images(files)
    probe = yield from read_sample(slices, 1)
    held = choice.obtain(probe.images[0])
    overwrite = run_options is not None and run_options.overwrite
    where = resolve_device(device)
    yield Progress("read", 0, 1, "Preparing reference masks")
    masks = load_prior(prior, seed=config.seed) if isinstance(prior, str) else prior
    settings = guided_by(masks, held.encoder, config, where)
    segmenter = kept_segmenter(output, settings, slices, overwrite)
    if segmenter is None:
        ready = EncoderChoice(held.name, held)
        guided = yield from guide_on_files(slices, masks, ready, config, device)
        segmenter = guided.guidance.segmenter
        keep_segmenter(output, segmenter, settings, guided.guided_on, where, overwrite)
    return (yield from segment_with(files, segmenter, output, device, run_options, confidence))


def _guide(
    images: Sequence[npt.NDArray[np.generic]],
    prior: Prior | str,
    held: HeldEncoder,
    config: GuideConfig,
    device: str,
) -> Run[Guidance]:
    yield Progress("read", 0, 1, "Preparing reference masks")
    masks = load_prior(prior, seed=config.seed) if isinstance(prior, str) else prior
    return (yield from guide(images, masks, held.encoder, config, resolve_device(device)))
