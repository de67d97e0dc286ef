"""Masks against the truth, file by file: Dice, surface distances, sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.journal_record import recorded_targets
from napari_localdisc.core.evaluation.mask_scores import score_masks
from napari_localdisc.files.discovery import Choice, no_mask
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.files.pairs import match_names, match_places
from napari_localdisc.formats.placed_masks import read_placed_mask
from napari_localdisc.tasks.evaluation.aligned_masks import Grid
from napari_localdisc.tasks.evaluation.compared_targets import compared_targets, labels_in, mask_of
from napari_localdisc.tasks.evaluation.scores import Evaluation, Score

_OTHERS_DIFFER = (
    "no prediction matches a true mask by name (such as {} and {}); give both the same file names."
)


@dataclass(frozen=True)
class Metrics:
    """What is compared, and how.

    Attributes
    ----------
    grid : Grid
    tolerance : float
        Of the surface Dice, in the unit of distances.
    wanted : int or str, optional
        Compare one target of the predictions alone, by its label or by the name that files or
        their folder of results give it: with the same target of the truth or, where no true mask
        has other labels than 1, with all its foreground.
    """

    grid: Grid = field(default_factory=Grid)
    tolerance: float = 1.0
    wanted: int | str | None = None


def evaluate_folders(
    predictions: Path,
    truth: Path,
    fov: Path | None = None,
    metrics: Metrics | None = None,
    choice: Choice | None = None,
) -> Run[Evaluation]:
    """Score predicted masks against true ones, matched by sub-folder and name.

    The targets of a folder of results bear the names of its segmenter. Where the true masks of each
    lie in a sub-folder of its name, it is compared with these.

    Parameters
    ----------
    predictions, truth : Path
        Folders of masks or label maps, or one of each. Those of results are entered with their
        sub-folders, and so is the truth then.
    fov : Path, optional
        Fields of view; only pixels inside count.
    metrics : Metrics, optional
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
    choice, metrics = choice or Choice(), metrics or Metrics()
    is_nested = choice.recursive or (predictions / JOURNAL).is_file()
    found = _masks_in(predictions, replace(choice, recursive=is_nested))
    is_nested = any(file.parent != predictions for file in found) and is_nested
    choice = replace(choice, recursive=choice.recursive or is_nested)
    names = recorded_targets(predictions)
    if isinstance(metrics.wanted, str) and names:
        _check_named(metrics.wanted, names.values())
    by_target = _folders_of(names, truth, metrics)
    if not by_target:
        return (yield from _evaluate_place(found, predictions, truth, fov, choice, metrics, names))
    parts = []
    for label, folder in by_target.items():
        one = replace(metrics, wanted=label)
        part = _evaluate_place(found, predictions, folder, fov, choice, one, names)
        parts.append((yield from part))
    return Evaluation(
        tuple(score for part in parts for score in part.scores),
        tuple(dict.fromkeys(path for part in parts for path in part.unmatched_predictions)),
        tuple(path for part in parts for path in part.unmatched_truths),
    )


def evaluate_files(
    predictions: Sequence[Path],
    truths: Sequence[Path],
    fields: Sequence[Path] = (),
    metrics: Metrics | None = None,
) -> Run[Evaluation]:
    """Score predicted masks against true ones, matched by name.

    Parameters
    ----------
    predictions, truths : sequence of Path
        Masks or label maps, or stacks of them.
    fields : sequence of Path
        Fields of view, matched by name as well; only pixels inside count.
    metrics : Metrics, optional

    Yields
    ------
    Progress
        Per file.

    Raises
    ------
    LocaldiscError
        If nothing matches, a field of view is missing, two partners lie in different places and are
        not to be resampled, or no mask has the label or target.
    """
    partners = match_names(predictions, truths)
    views = match_names(list(partners), fields) if fields else {}
    if fields:
        _check_fields(list(partners), views, fields)
    run = _Comparison(metrics or Metrics(), views, {}).run(predictions, truths, partners)
    return (yield from run)


def _masks_in(folder: Path, choice: Choice, by_name: bool = True) -> list[Path]:
    masks = choice.find_masks(folder, by_name)
    if not masks:
        raise no_mask(folder)
    return masks


def _check_named(target: str, names: Iterable[str]) -> None:
    known = list(names)
    if target not in known:
        raise LocaldiscError(
            f"no mask has a target {target} (targets of the predictions: {', '.join(known)}); name"
            " one of these."
        )


def _folders_of(names: Mapping[int, str], truth: Path, metrics: Metrics) -> dict[int, Path]:
    """Folders of the true masks of each target, where there is one for each that is wanted."""
    wanted = {
        number: truth / name
        for number, name in names.items()
        if metrics.wanted in (None, number, name)
    }
    return wanted if wanted and all(folder.is_dir() for folder in wanted.values()) else {}


def _evaluate_place(
    found: Sequence[Path],
    predictions: Path,
    truth: Path,
    fov: Path | None,
    choice: Choice,
    metrics: Metrics,
    names: Mapping[int, str],
) -> Run[Evaluation]:
    truths = _masks_in(truth, choice, by_name=False)
    partners = match_places(found, truths, (predictions, truth))
    views: dict[Path, Path] = {}
    if fov is not None:
        fields = choice.find_masks(fov, by_name=False)
        views = match_places(list(partners), fields, (predictions, fov))
        _check_fields(list(partners), views, fields)
    return (yield from _Comparison(metrics, views, names).run(found, truths, partners))


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
class _Comparison:
    """Compares pairs of files.

    Attributes
    ----------
    metrics : Metrics
    views : mapping of Path to Path
        Field of view by prediction.
    names : mapping of int to str
        Targets of predictions whose files do not name them.
    """

    metrics: Metrics
    views: Mapping[Path, Path]
    names: Mapping[int, str]

    def run(
        self, predictions: Sequence[Path], truths: Sequence[Path], partners: Mapping[Path, Path]
    ) -> Run[Evaluation]:
        if not partners:
            raise LocaldiscError(_OTHERS_DIFFER.format(predictions[0].name, truths[0].name))
        is_binary = self.metrics.wanted is not None and self._checked(partners)
        scores: list[Score] = []
        for done, (prediction, truth) in enumerate(partners.items()):
            scores += self._score(prediction, truth, is_binary)
            yield Progress("evaluate", done + 1, len(partners), prediction.name)
        return Evaluation(
            tuple(scores),
            tuple(path for path in predictions if path not in partners),
            tuple(path for path in truths if path not in partners.values()),
        )

    def _checked(self, partners: Mapping[Path, Path]) -> bool:
        """Refuse a label or target that no mask has; whether the truth is black and white."""
        predicted, named = self._contents(partners.keys())
        true, others = self._contents(partners.values())
        wanted = self.metrics.wanted
        if isinstance(wanted, int) and wanted not in predicted | true:
            known = ", ".join(map(str, sorted(predicted))) or "none"
            raise LocaldiscError(
                f"no mask has label {wanted} (labels of the predictions: {known}); name one of"
                " these."
            )
        if isinstance(wanted, str):
            _check_named(wanted, dict.fromkeys([*self.names.values(), *named, *others]))
        return not true - {1}

    def _contents(self, paths: Iterable[Path]) -> tuple[set[int], list[str]]:
        labels, names = set[int](), list[str]()
        for path in paths:
            mask = read_placed_mask(path)
            labels |= labels_in(mask.labels)
            names += mask.targets.values()
        return labels, names

    def _score(self, prediction: Path, truth: Path, is_binary: bool) -> list[Score]:
        grid = self.metrics.grid
        found, true = grid.align(read_placed_mask(prediction), read_placed_mask(truth))
        if prediction in self.views:
            view = grid.onto(read_placed_mask(self.views[prediction]), true) > 0
            found, true = (replace(mask, labels=mask.labels * view) for mask in (found, true))
        found = replace(found, targets=found.targets or self.names)
        scale = grid.scale(found, true)
        scores = []
        for one in compared_targets(found, true, self.metrics.wanted, is_binary):
            masks = mask_of(found.labels, one.predicted), mask_of(true.labels, one.true)
            score = score_masks(*masks, scale, self.metrics.tolerance)
            scores.append(
                Score(
                    **vars(score),
                    prediction=prediction,
                    truth=truth,
                    label=one.label,
                    target=one.name,
                )
            )
        return scores
