"""Snapshots of a training in a file, from which it goes on after whatever stopped it."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from napari_localdisc.base.atomic import sweep
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.tensor_files import load_tensors, save_tensors
from napari_localdisc.base.texts import parse_json
from napari_localdisc.core.encoder.weights import arrays_of, tensors_of
from napari_localdisc.core.pretraining.training_state import TrainingState

_KIND = "checkpoint"
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Interval:
    """How often something is due: after so many steps or so many seconds; never if neither."""

    steps: int = 0
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read ``"200"`` (steps), ``"90s"``, ``"5m"``, ``"1h"`` or ``"0"`` (never).

        Raises
        ------
        LocaldiscError
            If it is none of these.
        """
        found = re.fullmatch(r"(\d+)([smh]?)", text.strip())
        if not found:
            raise LocaldiscError(
                f"interval {text!r} is not understood; give a number of steps such as 200, a time"
                " such as 90s, 5m or 1h, or 0 for never."
            )
        number, unit = int(found[1]), found[2]
        return cls(seconds=number * _SECONDS[unit]) if unit else cls(steps=number)


class CheckpointFile:
    """Keeps the last snapshot of a training in one file.

    Parameters
    ----------
    path : Path
    every : Interval
        How often a snapshot is due.
    """

    def __init__(self, path: Path, every: Interval) -> None:
        self.path, self.every = path, every
        self._last = time.monotonic()

    def due(self, step: int) -> bool:
        """Whether a snapshot is wanted after this step."""
        if self.every.steps:
            return step % self.every.steps == 0
        return bool(self.every.seconds) and time.monotonic() - self._last >= self.every.seconds

    def save(self, state: TrainingState) -> None:
        """Put a snapshot in place of the last one, which stays until the new one is complete.

        Raises
        ------
        LocaldiscError
            If the file cannot be written; the last snapshot is still there.
        """
        header = {
            "recipe": state.recipe,
            "step": state.step,
            "seconds": state.seconds,
            "plain": state.plain,
        }
        save_tensors(self.path, _KIND, json.dumps(header), arrays_of(state.tensors))
        self._last = time.monotonic()

    def load(self) -> TrainingState | None:
        """Read the last snapshot, None if there is none.

        Raises
        ------
        LocaldiscError
            If the file is no checkpoint.
        """
        if not self.path.exists():
            return None
        header, tensors = load_tensors(self.path, _KIND)
        try:
            found = parse_json(header)
            plain = {key: found[key] for key in ("recipe", "step", "seconds", "plain")}
            return TrainingState(**plain, tensors=tensors_of(tensors))
        except (ValueError, KeyError, TypeError) as error:
            raise LocaldiscError(
                f"{self.path} is not a complete checkpoint ({error}); delete it to start anew."
            ) from error

    def remove(self) -> None:
        """Delete the snapshot, and what a kill amid writing one left behind."""
        self.path.unlink(missing_ok=True)
        sweep([self.path])
