"""The calls that a window makes of the process that computes.

Each is a generator of `Progress` whose arguments and result can be sent from one process to the
other. The window imports this module for its names; what needs torch is imported where it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.run_files import RunOptions
from napari_localdisc.compute.results import (
    ChosenFiles,
    FolderResult,
    GuidedFiles,
    GuidedSegmenter,
    HeldEncoder,
)
from napari_localdisc.core.clusters.exploration import Exploration
from napari_localdisc.core.encoder.embedding_cache import EmbeddedPlane
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.files.discovery import Choice
from napari_localdisc.stores.segmenter_files import SegmenterFile

if TYPE_CHECKING:
    from napari_localdisc.tasks.explore import Embedder
    from napari_localdisc.tasks.guide import Guided
    from napari_localdisc.tasks.segment_folder import FolderOutput
    from napari_localdisc.tasks.segment_folder import FolderResult as TaskResult

Pixels = npt.NDArray[np.generic]


def load_encoder(name: str, image: Pixels | None) -> Run[HeldEncoder]:
    """Load an encoder.

    Parameters
    ----------
    name : str
        A shipped name, a path, or ``"auto"`` for the one that suits the image.
    image : ndarray, shape (H, W) or (H, W, C), or None

    Raises
    ------
    LocaldiscError
        If the encoder cannot be loaded, or there is no image to choose it by.
    """
    from napari_localdisc.compute.holdings import HOLDINGS

    yield Progress("read", 0, 1, "Loading the encoder")
    return HOLDINGS.obtain(name, image)[0]


def check_segmenter(file: SegmenterFile) -> Run[None]:
    """Build the network of a segmenter file.

    Raises
    ------
    LocaldiscError
        If its weights are damaged or do not fit its card.
    """
    from napari_localdisc.compute.holdings import HOLDINGS

    yield Progress("read", 0, 1, "Loading the segmenter")
    HOLDINGS.segmenter(file)


def guide_on_images(
    images: Sequence[Pixels],
    names: Sequence[str],
    prior: Prior | str,
    encoder: str,
    config: GuideConfig,
    device: str,
) -> Run[GuidedSegmenter]:
    """Guide a segmenter by a prior on images in memory; parameters are those of `guide_on_planes`.

    Yields
    ------
    Progress
        Previews are label maps of the first image.
    """
    from napari_localdisc.compute.holdings import HOLDINGS
    from napari_localdisc.tasks.guide import guide_on_planes
    from napari_localdisc.tasks.planes import ArrayPlane

    planes = [ArrayPlane(image, name) for image, name in zip(images, names, strict=True)]
    choice = HOLDINGS.choice(encoder, config.seed)
    return _sent((yield from guide_on_planes(planes, prior, choice, config, device)))


def guide_on_files(
    files: Sequence[Path], prior: Prior | str, encoder: str, config: GuideConfig, device: str
) -> Run[GuidedFiles]:
    """Guide a segmenter by a prior on some of many files; parameters as of the task.

    Yields
    ------
    Progress
        One carries the `Sample` of images that are used; then come those of guidance.
    """
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.compute.holdings import HOLDINGS
    from napari_localdisc.tasks import guide

    choice = HOLDINGS.choice(encoder, config.seed)
    guided = yield from guide.guide_on_files(files, prior, choice, config, device)
    first = guided.segmenter.segment(guided.first, resolve_device(device), keep_probabilities=False)
    return GuidedFiles(_sent(guided), first, guided.passed_over, guided.paths)


def segment_image(file: SegmenterFile, image: Pixels, device: str) -> Run[Segmentation]:
    """Segment one image in memory, of shape (H, W) or (H, W, C)."""
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.compute.holdings import HOLDINGS

    yield Progress("segment", 0, 1)
    return HOLDINGS.segmenter(file).segment(image, resolve_device(device), keep_probabilities=False)


def segment_files(
    images: Sequence[Path],
    segmenter: SegmenterFile | Path | str,
    output: Path,
    device: str,
    run_options: RunOptions,
    confidence: bool = False,
) -> Run[FolderResult]:
    """Segment files with a segmenter, the one in a file, or a shipped one by its name.

    Parameters
    ----------
    images : sequence of Path
        Files, and folders of them; one that holds a DICOM series is a volume.
    segmenter, output, device, run_options, confidence
        As of the task.

    Yields
    ------
    Progress
        The first carries the `ChosenFiles`, then come those of the task.
    """
    from napari_localdisc.compute.holdings import HOLDINGS
    from napari_localdisc.tasks.segment_folder import segment_with

    files = yield from _chosen(images)
    used = HOLDINGS.segmenter(segmenter) if isinstance(segmenter, SegmenterFile) else segmenter
    target = _output(output, device, run_options, confidence)
    return _sent_folder((yield from segment_with(files, used, target)))


def segment_by_prior(
    images: Sequence[Path],
    prior: Prior | str,
    encoder: str,
    config: GuideConfig,
    output: Path,
    device: str,
    run_options: RunOptions,
    confidence: bool = False,
) -> Run[FolderResult]:
    """Guide on some of the files unless an earlier run has, then segment them all.

    Parameters
    ----------
    images : sequence of Path
        As of `segment_files`.
    prior, encoder, config, output, device, run_options, confidence
        As of the task.

    Yields
    ------
    Progress
        The first carries the `ChosenFiles`, then come those of the task.
    """
    from napari_localdisc.compute.holdings import HOLDINGS
    from napari_localdisc.tasks import segment_folder

    files = yield from _chosen(images)
    target = _output(output, device, run_options, confidence)
    choice = HOLDINGS.choice(encoder, config.seed)
    run = segment_folder.segment_by_prior(files, prior, target, choice, config)
    return _sent_folder((yield from run))


def explore(
    images: Sequence[Pixels],
    names: Sequence[str],
    encoder: str,
    device: str,
    count: int | None,
    seed: int,
) -> Run[tuple[HeldEncoder, Exploration]]:
    """Find clusters that are the same in all images; parameters as of the task."""
    from napari_localdisc.tasks import explore

    held, embedder = yield from _embedder(encoder, device, images[0])
    return held, (yield from explore.explore(images, names, embedder, count, seed))


def embed(image: Pixels, encoder: str, device: str) -> Run[tuple[HeldEncoder, EmbeddedPlane]]:
    """Embed one image, unless its embedding is at hand."""
    held, embedder = yield from _embedder(encoder, device, image)
    return held, (yield from embedder.embed(image))


def _embedder(encoder: str, device: str, image: Pixels) -> Run[tuple[HeldEncoder, Embedder]]:
    from napari_localdisc.base.devices import resolve_device
    from napari_localdisc.compute.holdings import HOLDINGS
    from napari_localdisc.tasks.explore import Embedder

    yield Progress("read", 0, 1, "Loading the encoder")
    held, loaded = HOLDINGS.obtain(encoder, image)
    HOLDINGS.embeddings.belong_to(held.digest)
    return held, Embedder(loaded.encoder, resolve_device(device), HOLDINGS.embeddings)


def _chosen(images: Sequence[Path]) -> Run[list[Path]]:
    """Look for files here, not in the window's process: that may take the headers of a series."""
    files = Choice(volumes=True).find(images)
    yield Progress("read", 0, 1, "Looking for images", payload=ChosenFiles(tuple(files)))
    return files


def _sent(guided: Guided) -> GuidedSegmenter:
    from napari_localdisc.compute.holdings import HOLDINGS
    from napari_localdisc.stores.segmenters import segmenter_file

    file = segmenter_file(guided.segmenter)
    guidance = guided.guidance
    return GuidedSegmenter(HOLDINGS.keep(guided.held), file, guidance.kl, guidance.warnings)


def _output(folder: Path, device: str, run_options: RunOptions, confidence: bool) -> FolderOutput:
    from napari_localdisc.tasks.segment_folder import FolderOutput

    return FolderOutput(folder, device, run_options, confidence)


def _sent_folder(result: TaskResult) -> FolderResult:
    from napari_localdisc.stores.segmenters import segmenter_file

    return FolderResult(segmenter_file(result.segmenter), result.report)
