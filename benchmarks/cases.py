"""Good, typical and worst cases as pictures of where masks agree with the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from napari_localdisc.formats.masks import read_mask

Case = Mapping[str, Any]
_COLOURS = np.array([(24, 24, 24), (240, 240, 240), (0, 114, 178), (230, 159, 0)], dtype=np.uint8)
"""Neither, both, in the truth alone (missed), in the mask alone (too much)."""


def pick(evaluation: Mapping[str, Any]) -> dict[str, Case]:
    """Pick the files of lowest, middle and best Dice of the last target."""
    last = max(score["label"] for score in evaluation["files"])
    own = [score for score in evaluation["files"] if score["label"] == last]
    ranked = sorted(own, key=lambda score: score["dice"])
    return {"worst": ranked[0], "typical": ranked[len(ranked) // 2], "best": ranked[-1]}


def agreement(case: Case, label: int | None) -> npt.NDArray[np.uint8]:
    """Colours (H, W, 3) that say where a mask and the truth agree."""
    found, truth = read_mask(case["prediction"]), read_mask(case["truth"])
    mask = found == label if label else found > 0
    return _COLOURS[np.where(truth > 0, np.where(mask, 1, 2), np.where(mask, 3, 0))]


def draw(path: Path, rows: Sequence[tuple[str, Mapping[str, Any], int | None]]) -> None:
    """Draw a row for each task, given as name, evaluation and the label that is scored, if one."""
    figure = Figure(figsize=(7, 2.3 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 3, squeeze=False)
    for (name, evaluation, label), row in zip(rows, axes, strict=True):
        for axis, (kind, case) in zip(row, pick(evaluation).items(), strict=True):
            axis.imshow(agreement(case, label))
            axis.set_title(f"{kind}: {case['dice']:.2f}", fontsize=8)
            axis.set_axis_off()
        row[0].text(-0.06, 0.5, name, rotation=90, ha="right", va="center", fontsize=8,
                    transform=row[0].transAxes)  # fmt: skip
    figure.savefig(path, dpi=100)
