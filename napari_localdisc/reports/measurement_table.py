"""Measurements as a table: a row for each target of each file."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_localdisc.base.atomic import write_text
from napari_localdisc.base.csv_tables import BYTE_ORDER_MARK, csv_table, read_table
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.texts import read_text
from napari_localdisc.core.measurements.measurement import Measured
from napari_localdisc.reports.report import BETWEEN_NOTES

COLUMNS = ("file", "target", "error", "notes")


@dataclass(frozen=True)
class MeasuredTarget:
    """What was measured of one target of one file.

    Attributes
    ----------
    path : Path
        The mask.
    target : str
        Empty where the file could not be measured.
    measured : tuple of Measured
    error : str
        What was wrong and what to do, empty if nothing.
    notes : tuple of str
        What to know before the numbers are used.
    """

    path: Path
    target: str = ""
    measured: tuple[Measured, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()

    @property
    def content(self) -> dict[str, Any]:
        """What JSON holds of it."""
        return {
            "file": str(self.path),
            "target": self.target,
            "error": self.error,
            "notes": list(self.notes),
            "measurements": [
                {"name": one.name, "value": one.value, "unit": one.unit} for one in self.measured
            ],
        }


def measurement_table(rows: Sequence[MeasuredTarget]) -> str:
    """Write the table as CSV: a column for each measurement in each unit, such as ``area [mm²]``.

    A cell is empty where a target has no such number.
    """
    heads = list(dict.fromkeys(_head(one) for row in rows for one in row.measured))
    return csv_table([*COLUMNS, *heads], [_cells(row, heads) for row in rows])


def write_measurements(path: Path, rows: Sequence[MeasuredTarget]) -> None:
    """Write the table to a file, with the mark by which spreadsheets know UTF-8."""
    write_text(path, BYTE_ORDER_MARK + measurement_table(rows))


def check_table(path: Path) -> None:
    """Refuse a path that is no place for a table of measurements.

    Raises
    ------
    LocaldiscError
        If it does not end in ``.csv``, its folder is missing, or there is something else already.
    """
    if path.suffix.lower() != ".csv":
        raise LocaldiscError(f"output {path} is no .csv file; name one, such as sizes.csv.")
    if not path.parent.is_dir():
        raise LocaldiscError(f"folder {path.parent} does not exist; make it or name another.")
    if path.exists() and not _is_table(path):
        raise LocaldiscError(f"{path} holds something else than measurements; name another file.")


def _is_table(path: Path) -> bool:
    try:
        return path.is_file() and read_table(read_text(path))[0][: len(COLUMNS)] == COLUMNS
    except (OSError, ValueError, csv.Error):
        return False


def _head(one: Measured) -> str:
    return f"{one.name} [{one.unit}]" if one.unit else one.name


def _cells(row: MeasuredTarget, heads: Sequence[str]) -> list[object]:
    values: Mapping[str, float] = {_head(one): one.value for one in row.measured}
    numbers = [values.get(head, math.nan) for head in heads]
    own = [row.path, row.target, row.error, BETWEEN_NOTES.join(row.notes)]
    return own + [f"{number:.10g}" if math.isfinite(number) else "" for number in numbers]
