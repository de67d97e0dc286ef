"""Which target of a prediction is compared with which of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_localdisc.formats.masks import LabelMap
from napari_localdisc.formats.placed_masks import PlacedMask


@dataclass(frozen=True)
class Compared:
    """A target: its label in a prediction and in the truth, 0 where it has none, and its name."""

    predicted: int
    true: int
    name: str

    @property
    def label(self) -> int:
        """Its label in the prediction, or else in the truth."""
        return self.predicted or self.true


def compared_targets(
    found: PlacedMask, true: PlacedMask, wanted: int | str | None, is_binary: bool
) -> list[Compared]:
    """Match the targets of two masks: by name if they share one, else by number.

    Parameters
    ----------
    found, true : PlacedMask
    wanted : int or str or None
        The one target to compare, by its label or name; all that either mask has if None.
    is_binary : bool
        Whether all foreground of the truth is the wanted target.

    Returns
    -------
    list of Compared
        At least one.
    """
    pairs = _by_name(found, true) or _by_number(found, true)
    if wanted is not None:
        return [_only(pairs, found, wanted, is_binary)]
    present = [
        one for one in pairs
        if mask_of(found.labels, one.predicted).any() or mask_of(true.labels, one.true).any()
    ]  # fmt: skip
    return present or pairs[:1]


def labels_in(labels: LabelMap) -> set[int]:
    """List the labels that occur, but for the background."""
    return {int(value) for value in np.unique(labels)} - {0}


def mask_of(labels: LabelMap, number: int) -> npt.NDArray[np.bool_]:
    """Mask of one label; an empty one of label 0, which is no target."""
    return labels == number if number else np.zeros(labels.shape, dtype=np.bool_)


def _only(
    pairs: Sequence[Compared], found: PlacedMask, wanted: int | str, is_binary: bool
) -> Compared:
    own = [one for one in pairs if wanted in (one.predicted, one.name)]
    if own and is_binary:
        return Compared(own[0].label, 1, own[0].name)
    if own:
        return own[0]
    label = wanted if isinstance(wanted, int) else 0
    name = found.targets.get(label, str(wanted))
    return Compared(label, 1 if is_binary else label, name)


def _by_name(found: PlacedMask, true: PlacedMask) -> list[Compared]:
    """Match targets by name; none where the two files share no name."""
    theirs = {name.casefold(): number for number, name in true.targets.items()}
    matched = [
        Compared(number, theirs.pop(name.casefold(), 0), name)
        for number, name in found.targets.items()
    ]
    if not any(one.true for one in matched):
        return []
    return matched + [Compared(0, number, true.targets[number]) for number in theirs.values()]


def _by_number(found: PlacedMask, true: PlacedMask) -> list[Compared]:
    names = {**true.targets, **found.targets}
    numbers = labels_in(found.labels) | labels_in(true.labels) | set(names)
    return [
        Compared(number, number, names.get(number, str(number)))
        for number in sorted(numbers) or [1]
    ]
