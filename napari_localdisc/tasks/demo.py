"""The demonstration: a structure found in phantoms, and how well."""

from __future__ import annotations

from pathlib import Path

import torch

from napari_localdisc.base.progress import Run
from napari_localdisc.batch.run_files import RunOptions
from napari_localdisc.datasets.phantom_files import PhantomFiles
from napari_localdisc.stores.chosen_encoder import AUTO, EncoderSpec
from napari_localdisc.tasks.evaluate import evaluate_files
from napari_localdisc.tasks.guide import guide_config, guide_on_files
from napari_localdisc.tasks.segment_folder import FolderOutput, segment_with


def find_in_phantoms(
    phantoms: PhantomFiles,
    prior: str,
    output: Path,
    encoder: EncoderSpec = AUTO,
    device: torch.device | str = "auto",
    seed: int = 0,
) -> Run[float]:
    """Guide quickly on phantoms, segment them, and compare with the masks that were painted.

    Parameters
    ----------
    phantoms : PhantomFiles
    prior : str
        A built-in prior of one of their structures.
    output : Path
        A folder; masks of an earlier demonstration are replaced.
    encoder : EncoderChoice, Encoder, str or Path
    device : torch.device or str
    seed : int

    Yields
    ------
    Progress
        Those of guidance, `segment_files` and `evaluate_files`.

    Returns
    -------
    float
        Mean Dice.

    Raises
    ------
    LocaldiscError
        If encoder, device or folder cannot be used.
    """
    images = phantoms.images
    config = guide_config(quick=True, seed=seed, images=len(images))
    guided = yield from guide_on_files(images, prior, encoder, config, device)
    recipe = {"prior": prior, "seed": seed}
    folder = FolderOutput(output, device, RunOptions(overwrite=True), recipe=recipe)
    result = yield from segment_with(images, guided.segmenter, folder)
    masks = [one.output for one in result.report.done if one.output is not None]
    scores = yield from evaluate_files(masks, phantoms.truths[prior])
    return scores.dice
