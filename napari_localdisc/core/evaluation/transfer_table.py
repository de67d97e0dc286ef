"""The transfer table: Dice after fine-tuning by initialisation, set and number of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev


@dataclass(frozen=True)
class Cell:
    """One fine-tuning.

    Attributes
    ----------
    init, set : str
    labels : int or None
        Labelled images to learn from; None for all of them.
    seed : int
        Draws the labelled images, the fresh weights and the crops.
    """

    init: str
    set: str
    labels: int | None
    seed: int

    @property
    def shown(self) -> str:
        """Name on a progress bar."""
        return f"{self.set}: {self.init}, {label_text(self.labels)}, seed {self.seed}"


@dataclass(frozen=True)
class CellScore:
    """Dice after a fine-tuning.

    Attributes
    ----------
    cell : Cell
    images : int
        Labelled images that it learned from.
    dice, std : float
        Mean and standard deviation of the Dice over the test images.
    test_images : int
    seconds : float
    device : str
    """

    cell: Cell
    images: int
    dice: float
    std: float
    test_images: int
    seconds: float
    device: str


@dataclass(frozen=True)
class Summary:
    """Scores of one initialisation on one set, over seeds.

    Attributes
    ----------
    init, set : str
    labels : int or None
    seeds : int
    mean : float
        Mean over seeds of the mean Dice.
    spread : float or None
        Standard deviation over seeds; None of one.
    """

    init: str
    set: str
    labels: int | None
    seeds: int
    mean: float
    spread: float | None


def label_text(labels: int | None) -> str:
    """Write the number of labelled training images in words."""
    if labels is None:
        return "all labels"
    return f"{labels} label" if labels == 1 else f"{labels} labels"


def label_order(summaries: Sequence[Summary]) -> list[int | None]:
    """List the numbers of labelled images that occur, all of them last."""
    return sorted({one.labels for one in summaries}, key=lambda count: (count is None, count))


def summarise(scores: Sequence[CellScore]) -> list[Summary]:
    """Average over seeds, in the order of the first scores."""
    groups: dict[tuple[str, str, int | None], list[float]] = {}
    for score in scores:
        cell = score.cell
        groups.setdefault((cell.init, cell.set, cell.labels), []).append(score.dice)
    return [
        Summary(*key, len(dice), fmean(dice), stdev(dice) if len(dice) > 1 else None)
        for key, dice in groups.items()
    ]
