"""Agreement of two raters or two programs on the size of what they outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_localdisc.base.atomic import write_text
from napari_localdisc.base.csv_tables import csv_table
from napari_localdisc.core.evaluation.bland_altman import BlandAltman, bland_altman
from napari_localdisc.reports.bland_altman_plot import Plotted, write_bland_altman
from napari_localdisc.tasks.evaluation.scores import Evaluation, Score

TABLE, PICTURE, PAIRS = "agreement.csv", "bland-altman.png", "sizes.csv"
"""Files of a folder of agreement."""

_COLUMNS = (
    "target", "unit", "pairs", "bias", "deviation", "lower limit", "upper limit", "correlation",
)  # fmt: skip


@dataclass(frozen=True)
class TargetAgreement:
    """How two raters agree on the size of one target.

    Attributes
    ----------
    target : str
    unit : str
        Of areas or volumes.
    first, second : tuple of float
        Sizes, pair by pair.
    figures : BlandAltman
        Of the first less the second.
    """

    target: str
    unit: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    figures: BlandAltman

    @property
    def content(self) -> dict[str, object]:
        """What JSON says of it."""
        return {"target": self.target, "unit": self.unit, **asdict(self.figures)}


def agreements(evaluation: Evaluation) -> tuple[TargetAgreement, ...]:
    """Compare the sizes in predictions with those in their partners, target by target."""
    groups: dict[tuple[str, str], list[Score]] = {}
    for score in evaluation.scores:
        groups.setdefault((score.target, score.size_unit), []).append(score)
    return tuple(_of(target, unit, scores) for (target, unit), scores in groups.items())


def write_agreement(
    folder: Path, evaluation: Evaluation, raters: tuple[str, str]
) -> tuple[TargetAgreement, ...]:
    """Write a table of the figures, one of all sizes, and the Bland-Altman plot.

    Parameters
    ----------
    folder : Path
        Made if needed.
    evaluation : Evaluation
        Of the first rater's masks against the second's.
    raters : tuple of str
        What the plot calls them.

    Raises
    ------
    LocaldiscError
        If a file cannot be written.
    """
    found = agreements(evaluation)
    write_text(folder / TABLE, csv_table(_COLUMNS, map(_row, found)))
    sizes = [
        [one.prediction, one.truth, one.target, one.size, one.true_size, one.size_unit]
        for one in evaluation.scores
    ]
    heads = ("file", "other file", "target", "size", "other size", "unit")
    write_text(folder / PAIRS, csv_table(heads, sizes))
    plots = [Plotted(one.target, one.unit, one.first, one.second, one.figures) for one in found]
    write_bland_altman(folder / PICTURE, plots, raters)
    return found


def _of(target: str, unit: str, scores: Sequence[Score]) -> TargetAgreement:
    first = tuple(score.size for score in scores)
    second = tuple(score.true_size for score in scores)
    return TargetAgreement(target, unit, first, second, bland_altman(first, second))


def _row(one: TargetAgreement) -> list[object]:
    figures = one.figures
    numbers = (
        figures.bias, figures.deviation, figures.lower, figures.upper, figures.correlation,
    )  # fmt: skip
    return [one.target, one.unit, figures.pairs, *(f"{number:.6g}" for number in numbers)]
