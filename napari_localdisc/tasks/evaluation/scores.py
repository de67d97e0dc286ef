"""Scores of masks, file by file and on average."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, pstdev

from napari_localdisc.core.evaluation.mask_scores import MaskScore


@dataclass(frozen=True)
class Score(MaskScore):
    """How well one target of one file fits.

    Attributes
    ----------
    prediction, truth : Path
    label : int
        The target's number.
    target : str
        Its name, or its number where nothing names it.
    """

    prediction: Path
    truth: Path
    label: int
    target: str


@dataclass(frozen=True)
class Summary:
    """Scores of a target over all files of one unit; distances where both masks have pixels."""

    label: int
    target: str
    files: int
    dice_mean: float
    dice_std: float
    dice_median: float
    boundary_mean: float
    hd95_mean: float
    surface_dice_mean: float
    unit: str
    difference_mean: float
    size_unit: str


@dataclass(frozen=True)
class Evaluation:
    """Scores, and the files that found no partner."""

    scores: tuple[Score, ...]
    unmatched_predictions: tuple[Path, ...] = ()
    unmatched_truths: tuple[Path, ...] = ()

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """A summary for each target, and for each unit where files differ in it."""
        groups: dict[tuple[str, int, str, str], list[Score]] = {}
        for score in self.scores:
            key = (score.target, score.label, score.size_unit, score.unit)
            groups.setdefault(key, []).append(score)
        ordered = sorted(groups, key=lambda key: (key[1], key[0], key[2:]))
        return tuple(_summarise(groups[key]) for key in ordered)

    @property
    def dice(self) -> float:
        """Mean Dice over the targets."""
        targets = {(score.target, score.label) for score in self.scores}
        return fmean(
            fmean(one.dice for one in self.scores if (one.target, one.label) == target)
            for target in targets
        )


def _summarise(own: Sequence[Score]) -> Summary:
    overlaps = [score.dice for score in own]
    near = [score for score in own if math.isfinite(score.boundary)]
    return Summary(
        own[0].label,
        own[0].target,
        len(own),
        fmean(overlaps),
        pstdev(overlaps),
        median(overlaps),
        fmean(score.boundary for score in near) if near else math.inf,
        fmean(score.hd95 for score in near) if near else math.inf,
        fmean(score.surface_dice for score in own),
        own[0].unit,
        fmean(score.difference for score in own),
        own[0].size_unit,
    )
