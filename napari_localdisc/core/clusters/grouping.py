"""Grouping: clusters merged and named by a person, without loss of the clusters themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError


@dataclass(frozen=True)
class _State:
    groups: tuple[int, ...]
    names: dict[int, str] = field(default_factory=dict)


class Grouping:
    """Groups of clusters and their names, with an undo history.

    A group goes by the label of the cluster that the others were merged into.

    Parameters
    ----------
    count : int
        Clusters 1..count, each on its own to begin with.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._state = _State(tuple(range(count + 1)))
        self._earlier: list[_State] = []

    @property
    def lookup(self) -> npt.NDArray[np.uint8]:
        """For each label 0..count the one that stands for it."""
        return np.array(self._state.groups, dtype=np.uint8)

    @property
    def can_undo(self) -> bool:
        """Whether there is a merge or a name to undo."""
        return bool(self._earlier)

    def members(self, label: int) -> list[int]:
        """Return the clusters of a group, the one that stands for it first."""
        others = [at for at, group in enumerate(self._state.groups) if group == label != at]
        return [label, *others]

    def name(self, label: int) -> str:
        """Return the name of a group: the given one, or its label."""
        return self._state.names.get(label, f"Cluster {label}")

    @property
    def names(self) -> dict[int, str]:
        """The given names, by label."""
        return dict(self._state.names)

    def merge(self, label: int, into: int) -> None:
        """Merge a group into another one.

        Raises
        ------
        LocaldiscError
            If both are the same.
        """
        self._check(label)
        self._check(into)
        if label == into:
            raise LocaldiscError(
                f"{self.name(label)} cannot be merged with itself; choose another cluster."
            )
        groups = tuple(into if group == label else group for group in self._state.groups)
        self._become(replace(self._state, groups=groups))

    def rename(self, label: int, name: str) -> None:
        """Call a group by a name; an empty one takes the name away."""
        self._check(label)
        names = {at: other for at, other in self._state.names.items() if at != label}
        if name.strip() and name.strip() != f"Cluster {label}":
            names[label] = name.strip()
        if names != self._state.names:
            self._become(replace(self._state, names=names))

    def undo(self) -> None:
        """Take the last merge or name back; nothing happens if there is none."""
        if self._earlier:
            self._state = self._earlier.pop()

    def recipe(self) -> dict[str, object]:
        """List merges and names, for a recipe."""
        merged = {
            str(label): self.members(label)[1:]
            for label in sorted(set(self._state.groups))
            if len(self.members(label)) > 1
        }
        return {"merged": merged, "names": {str(at): name for at, name in self.names.items()}}

    def _check(self, label: int) -> None:
        if not 1 <= label <= self.count or self._state.groups[label] != label:
            raise LocaldiscError(f"there is no cluster {label}; choose one that is shown.")

    def _become(self, state: _State) -> None:
        self._earlier.append(self._state)
        self._state = state
