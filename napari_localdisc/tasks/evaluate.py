"""Masks against the truth: Dice and boundary distance, file by file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, pstdev

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.evaluation.metrics import boundary_distance, dice
from napari_localdisc.files.discovery import Choice
from napari_localdisc.files.pairs import match_names, match_places
from napari_localdisc.formats.masks import LabelMap, read_mask


@dataclass(frozen=True)
class Score:
    """How well one target of one file fits.

    Attributes
    ----------
    label : int
        The target's number.
    dice : float
        In [0, 1].
    boundary : float
        Mean distance between the boundaries in pixels; infinite if one of the masks is empty.
    hd95 : float
        95th percentile Hausdorff distance in pixels.
    """

    prediction: Path
    truth: Path
    label: int
    dice: float
    boundary: float
    hd95: float


@dataclass(frozen=True)
class Summary:
    """Scores of a target over all files; distances over those where both masks have pixels."""

    label: int
    files: int
    dice_mean: float
    dice_std: float
    dice_median: float
    boundary_mean: float
    hd95_mean: float


@dataclass(frozen=True)
class Evaluation:
    """Scores, and the files that found no partner."""

    scores: tuple[Score, ...]
    unmatched_predictions: tuple[Path, ...] = ()
    unmatched_truths: tuple[Path, ...] = ()

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """A summary for each label."""
        labels = sorted({score.label for score in self.scores})
        return tuple(_summarise(label, self.scores) for label in labels)

    @property
    def dice(self) -> float:
        """Mean Dice over the labels."""
        return fmean(summary.dice_mean for summary in self.summaries)


def evaluate_folders(
    predictions: Path,
    truth: Path,
    fov: Path | None = None,
    label: int | None = None,
    choice: Choice | None = None,
) -> Run[Evaluation]:
    """Score predicted masks against true ones, matched by sub-folder and name.

    Parameters
    ----------
    predictions, truth : Path
        Folders of masks or label maps, or one of each.
    fov : Path, optional
        Fields of view; only pixels inside count.
    label : int, optional
        As of `evaluate_files`.
    choice : Choice, optional
        Which predictions are taken from folders.

    Yields
    ------
    Progress
        Per file.

    Raises
    ------
    LocaldiscError
        If a folder holds none, or as `evaluate_files` does.
    """
    choice = choice or Choice()
    found = choice.find_masks(predictions)
    truths = choice.find_masks(truth, by_name=False)
    partners = match_places(found, truths, (predictions, truth))
    views: dict[Path, Path] = {}
    if fov is not None:
        fields = choice.find_masks(fov, by_name=False)
        views = match_places(list(partners), fields, (predictions, fov))
        _check_fields(list(partners), views, fields)
    return (yield from _evaluate(found, truths, partners, views, label))


def evaluate_files(
    predictions: Sequence[Path],
    truths: Sequence[Path],
    fields: Sequence[Path] = (),
    label: int | None = None,
) -> Run[Evaluation]:
    """Score predicted masks against true ones, matched by name.

    Parameters
    ----------
    predictions, truths : sequence of Path
        Masks or label maps.
    fields : sequence of Path
        Fields of view, matched by name as well; only pixels inside count.
    label : int, optional
        Compare this label of the predictions alone, with the same label of the truth or, where no
        true mask has other labels than 1, with all its foreground.

    Yields
    ------
    Progress
        Per file.

    Raises
    ------
    LocaldiscError
        If nothing matches, a field of view is missing, two partners differ in size, or no mask has
        the label.
    """
    partners = match_names(predictions, truths)
    views = match_names(list(partners), fields) if fields else {}
    if fields:
        _check_fields(list(partners), views, fields)
    return (yield from _evaluate(predictions, truths, partners, views, label))


def _evaluate(
    predictions: Sequence[Path],
    truths: Sequence[Path],
    partners: Mapping[Path, Path],
    views: Mapping[Path, Path],
    label: int | None,
) -> Run[Evaluation]:
    if not partners:
        raise LocaldiscError(
            f"no prediction matches a true mask by name (such as {predictions[0].name} and"
            f" {truths[0].name}); give both the same file names."
        )
    chosen = None if label is None else _choose(label, partners)
    scores: list[Score] = []
    for done, (prediction, truth) in enumerate(partners.items()):
        scores += _score(prediction, truth, views.get(prediction), chosen)
        yield Progress("evaluate", done + 1, len(partners), prediction.name)
    return Evaluation(
        tuple(scores),
        tuple(path for path in predictions if path not in partners),
        tuple(path for path in truths if path not in partners.values()),
    )


def _check_fields(
    predictions: Sequence[Path], views: Mapping[Path, Path], fields: Sequence[Path]
) -> None:
    bare = next((prediction for prediction in predictions if prediction not in views), None)
    if bare is not None:
        raise LocaldiscError(
            f"{bare} has no field of view of a matching name beside {fields[0]};"
            " add it or leave --fov out."
        )


@dataclass(frozen=True)
class _Choice:
    """A label of the predictions, and the label of the truth that it is compared with."""

    predicted: int
    true: int


def _choose(label: int, partners: Mapping[Path, Path]) -> _Choice:
    predicted, true = (_labels(paths) for paths in (partners.keys(), partners.values()))
    if label not in predicted | true:
        found = ", ".join(map(str, sorted(predicted))) or "none"
        raise LocaldiscError(
            f"no mask has label {label} (labels of the predictions: {found}); name one of these."
        )
    return _Choice(label, label if true - {1} else 1)


def _labels(paths: Iterable[Path]) -> set[int]:
    return {int(value) for path in paths for value in np.unique(read_mask(path))} - {0}


def _score(
    prediction: Path, truth: Path, field: Path | None, choice: _Choice | None
) -> list[Score]:
    predicted, true = read_mask(prediction), read_mask(truth)
    _check_sizes(prediction, predicted, truth, true)
    if choice is not None:
        predicted = (predicted == choice.predicted).astype(np.uint8) * choice.predicted
        true = (true == choice.true).astype(np.uint8) * choice.predicted
    if field is not None:
        view = read_mask(field)
        _check_sizes(field, view, truth, true)
        predicted, true = predicted * (view > 0), true * (view > 0)
    labels = sorted((set(np.unique(predicted)) | set(np.unique(true))) - {0})
    if not labels:
        labels = [choice.predicted if choice else 1]
    return [
        _compare(prediction, truth, int(number), predicted == number, true == number)
        for number in labels
    ]


def _compare(
    prediction: Path,
    truth: Path,
    label: int,
    predicted: npt.NDArray[np.bool_],
    true: npt.NDArray[np.bool_],
) -> Score:
    distance = boundary_distance(predicted, true)
    overlap = dice(predicted, true)
    return Score(prediction, truth, label, overlap, distance.mean, distance.hd95)


def _check_sizes(first: Path, one: LabelMap, second: Path, other: LabelMap) -> None:
    if one.shape != other.shape:
        raise LocaldiscError(
            f"{first} is {one.shape[1]} x {one.shape[0]} pixels and {second} is"
            f" {other.shape[1]} x {other.shape[0]}; give masks of one size."
        )


def _summarise(label: int, scores: Sequence[Score]) -> Summary:
    own = [score for score in scores if score.label == label]
    overlaps = [score.dice for score in own]
    near = [score for score in own if math.isfinite(score.boundary)]
    return Summary(
        label,
        len(own),
        fmean(overlaps),
        pstdev(overlaps),
        median(overlaps),
        fmean(score.boundary for score in near) if near else math.inf,
        fmean(score.hd95 for score in near) if near else math.inf,
    )
