"""A folder of masks from images: by a segmenter, or straight from a prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from napari_localdisc.base.devices import resolve_device
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.outputs import check_output_folder, masks_layout
from napari_localdisc.batch.run_files import BatchReport, RunOptions
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.files.naming import output_names
from napari_localdisc.formats.images import find_images
from napari_localdisc.stores.references import PriorSpec
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.tasks.encoder import AUTO, EncoderSpec
from napari_localdisc.tasks.guide import guide_for_folder, prepare_guide
from napari_localdisc.tasks.segment import doubts_of, segment_files


@dataclass(frozen=True)
class FolderResult:
    """What became of a folder.

    Attributes
    ----------
    segmenter : Segmenter
        The one that did it.
    device : str
        Where it did.
    report : BatchReport
    """

    segmenter: Segmenter
    device: str
    report: BatchReport

    @property
    def warnings(self) -> list[str]:
        """What casts doubt on the masks, each once."""
        return doubts_of(self.segmenter, self.report)


@dataclass(frozen=True)
class FolderOutput:
    """Where masks go, and how.

    Attributes
    ----------
    folder : Path
        Made once there is something to write.
    device : torch.device or str
        As `resolve_device` takes it.
    run_options : RunOptions
        Sub-folders, overwriting, and who does the work.
    confidence : bool
        Write for each mask a map of how sure its pixels are.
    recipe : mapping of str
        Settings of the run, for ``recipe.json``.
    """

    folder: Path
    device: torch.device | str = "auto"
    run_options: RunOptions = field(default_factory=RunOptions)
    confidence: bool = False
    recipe: Mapping[str, Any] | None = None

    def check(self, files: Sequence[Path], prior: PriorSpec | None = None) -> None:
        """Refuse a folder in which results could not, or should not, be written.

        Raises
        ------
        LocaldiscError
            Names the file or folder in the way.
        """
        folder = None if prior is None or not isinstance(prior, str | Path) else str(prior)
        names = output_names(files, self.run_options.folders)
        check_output_folder(
            self.folder, files, masks_layout(self.confidence, self.run_options.also), folder, names
        )


def segment_with(
    files: Sequence[Path], segmenter: Segmenter | Path | str, output: FolderOutput
) -> Run[FolderResult]:
    """Segment files with a segmenter, the one in a file, or a shipped one by its name.

    Yields
    ------
    Progress
        Those of `segment_files`.

    Raises
    ------
    LocaldiscError
        If segmenter, device or folder cannot be used, or no file at all could be segmented.
    """
    output.check(files)
    where = resolve_device(str(output.device))
    yield Progress("read", 0, 1, "Loading the segmenter")
    ready = segmenter if isinstance(segmenter, Segmenter) else load_segmenter(segmenter)
    recipe = {**(output.recipe or {}), "device": str(where)}
    report = yield from segment_files(
        files, ready, output.folder, where, recipe, output.run_options, output.confidence
    )
    return FolderResult(ready, str(where), report)


def segment_by_prior(
    files: Sequence[Path],
    prior: PriorSpec,
    output: FolderOutput,
    encoder: EncoderSpec = AUTO,
    config: GuideConfig | None = None,
    references: int = 20,
) -> Run[FolderResult]:
    """Guide on some of the files unless an earlier run has, then segment them all.

    Parameters
    ----------
    files : sequence of Path
        Folders that hold a series among them are entered for guidance.
    output : FolderOutput
    prior, encoder, config, references
        As of `guide_on_files`.

    Yields
    ------
    Progress
        Those of `guide_on_files`, or a note that an earlier run has guided; then those of
        `segment_files`.

    Raises
    ------
    LocaldiscError
        If prior, encoder, device or folder cannot be used, or no file at all could be segmented.
    """
    output.check(files, prior)
    slices = [part for file in files for part in (find_images([file]) if file.is_dir() else [file])]
    ready = yield from prepare_guide(slices, prior, encoder, config, output.device, references)
    segmenter = yield from guide_for_folder(
        slices, ready, ready.on_files(slices), output.folder, output.run_options.overwrite
    )
    return (yield from segment_with(files, segmenter, output))
