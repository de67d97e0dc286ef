"""The segmenter guided for a folder of results: kept there, so that no rerun guides again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_localdisc import __version__
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.journal import Journal
from napari_localdisc.batch.journal_record import check_recipe, read_journal, refuse_foreign_files
from napari_localdisc.batch.outputs import SEGMENTER
from napari_localdisc.batch.run_files import full_recipe
from napari_localdisc.core.encoder.encoder import encoder_digest
from napari_localdisc.stores.segmenters import load_segmenter, save_segmenter, segmenter_digest
from napari_localdisc.tasks.segment import made_with

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.encoder.encoder import Encoder
    from napari_localdisc.core.guidance.config import GuideConfig
    from napari_localdisc.core.priors.prior import Prior
    from napari_localdisc.core.segmenter.segmenter import Segmenter


def guided_by(
    prior: Prior, encoder: Encoder, config: GuideConfig, device: torch.device
) -> dict[str, Any]:
    """Tell what a guidance depends on beside its images."""
    return {
        "prior": prior.name,
        "references": hashlib.sha256(prior.masks.tobytes()).hexdigest(),
        "encoder": encoder_digest(encoder),
        **config.model_dump(),
        "device": str(device),
        "version": __version__,
    }


def kept_segmenter(
    output: Path, settings: Mapping[str, Any], files: Sequence[Path], overwrite: bool = False
) -> Segmenter | None:
    """Load the segmenter that an earlier run guided for a folder.

    Parameters
    ----------
    output : Path
    settings : mapping
        Of the guidance, by `guided_by`.
    files : sequence of Path
        The run's; those that were guided on must be among them.
    overwrite : bool
        Guide anew if the settings or the images are others, instead of refusing.

    Returns
    -------
    Segmenter or None
        None if there is none yet, or not a whole one.

    Raises
    ------
    LocaldiscError
        If the folder holds masks of another guidance, or another program's file of that name.
    """
    record = read_journal(output)
    refuse_foreign_files(output, [SEGMENTER], record.known)
    made = record.guided.get("guided", {})
    if made != settings or not _has_all(files, record.guided["images"]):
        if record.done and not overwrite:
            check_recipe(output, made, settings)
            raise LocaldiscError(
                f"{output} holds masks of a segmenter that was guided on other images; name another"
                " output folder, or replace them (--overwrite; in napari, Replace other results)."
            )
        return None
    try:
        segmenter = load_segmenter(output / SEGMENTER)
    except LocaldiscError:  # deleted or damaged: it can be made again
        return None
    return segmenter if segmenter_digest(segmenter) == record.guided["segmenter"] else None


def keep_segmenter(
    output: Path,
    segmenter: Segmenter,
    settings: Mapping[str, Any],
    images: Sequence[Path],
    device: torch.device,
    overwrite: bool = False,
) -> None:
    """Keep a segmenter in the folder of results that it was guided for.

    Parameters
    ----------
    output : Path
    segmenter : Segmenter
    settings : mapping
        Of the guidance, by `guided_by`.
    images : sequence of Path
        Those that were guided on.
    device : torch.device
        Where files will be segmented.
    overwrite : bool
        Whether masks of another segmenter may be there.

    Raises
    ------
    LocaldiscError
        If it cannot be written, would replace another program's file, or the folder holds masks of
        another segmenter.
    """
    recipe = full_recipe("segment", made_with(segmenter, device))
    with Journal(output, recipe, overwrite) as journal:
        journal.begin([SEGMENTER])
        save_segmenter(segmenter, output / SEGMENTER)
        paths = [str(path.resolve()) for path in images]
        journal.guide(settings, segmenter_digest(segmenter), paths)


def _has_all(files: Sequence[Path], paths: Sequence[str]) -> bool:
    return {str(file.resolve()) for file in files} >= set(paths)
