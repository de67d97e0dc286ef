"""The folder of a transfer table: what is done stays done, under one set of settings."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_localdisc.base.atomic import write_text
from napari_localdisc.base.csv_tables import csv_table, read_table
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.texts import parse_json, read_text
from napari_localdisc.core.evaluation.transfer_table import Cell, CellScore
from napari_localdisc.stores.recipes import versions

COLUMNS = (
    "set", "init", "labels", "seed", "images", "dice", "std", "test_images", "seconds", "device",
)  # fmt: skip

Settings = Mapping[str, Any]


class CellStore:
    """Finished cells in ``cells.csv``, and what they were made with in ``settings.json``.

    Parameters
    ----------
    folder : Path
    settings : mapping of str to object
        Flat, of what JSON holds. A folder may hold more, from cells of other sets or
        initialisations; what both have must agree.

    Raises
    ------
    LocaldiscError
        If the folder was made with other settings, or its files cannot be read.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        if folder.exists() and not folder.is_dir():
            raise LocaldiscError(f"output {folder} is a file; name a folder.")
        self.folder = folder
        stored = _stored_settings(folder / "settings.json")
        _compare(folder, stored, json.loads(json.dumps(settings)))
        self.settings = {**stored, **settings}
        self._scores = _stored_scores(folder / "cells.csv")

    @property
    def scores(self) -> tuple[CellScore, ...]:
        """All that is done."""
        return tuple(self._scores.values())

    def __contains__(self, cell: Cell) -> bool:
        return cell in self._scores

    def add(self, score: CellScore) -> None:
        """Store what became of a cell, at once."""
        self._scores[score.cell] = score
        content = {"settings": self.settings, "versions": versions()}
        # Settings first: cells without them would fit any.
        write_text(self.folder / "settings.json", json.dumps(content, indent=2) + "\n")
        rows = [_row(score) for score in self.scores]
        write_text(self.folder / "cells.csv", csv_table(COLUMNS, rows))


def _compare(folder: Path, stored: Settings, given: Settings) -> None:
    other = [
        f"{key} {stored[key]} there and {given[key]} here"
        for key in given
        if key in stored and stored[key] != given[key]
    ]
    if other:
        raise LocaldiscError(
            f"{folder} holds a table made with other settings ({'; '.join(other)}); give the same"
            " ones or another folder."
        )


def _stored_settings(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return dict(parse_json(read_text(path))["settings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _stored_scores(path: Path) -> dict[Cell, CellScore]:
    if not path.exists():
        return {}
    try:
        columns, rows = read_table(read_text(path))
        if columns != COLUMNS:
            raise ValueError(f"expected the columns {', '.join(COLUMNS)}")
        return {score.cell: score for score in map(_score, rows)}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> LocaldiscError:
    return LocaldiscError(f"{path} cannot be read ({error}); remove it or name another folder.")


def _row(score: CellScore) -> tuple[object, ...]:
    cell = score.cell
    labels = "all" if cell.labels is None else cell.labels
    return (
        cell.set, cell.init, labels, cell.seed, score.images, f"{score.dice:.6f}",
        f"{score.std:.6f}", score.test_images, f"{score.seconds:.1f}", score.device,
    )  # fmt: skip


def _score(row: Mapping[str, str]) -> CellScore:
    labels = None if row["labels"] == "all" else int(row["labels"])
    cell = Cell(row["init"], row["set"], labels, int(row["seed"]))
    return CellScore(
        cell,
        int(row["images"]),
        float(row["dice"]),
        float(row["std"]),
        int(row["test_images"]),
        float(row["seconds"]),
        row["device"],
    )
