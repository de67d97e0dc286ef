"""One row a file: what became of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from napari_localdisc.io.atomic import write_text

COLUMNS = ("file", "output", "status", "seconds", "area", "confidence", "error")


@dataclass(frozen=True)
class FileResult:
    """What became of one file.

    Attributes
    ----------
    path : Path
        The input.
    output : Path or None
        The mask; None if it failed.
    status : str
        ``"done"`` or ``"failed"``.
    seconds : float
    area : int
        Foreground pixels.
    confidence : float
        In [0, 1]; 0 if it failed.
    error : str
        What was wrong and what to do, empty if nothing.
    areas : mapping of str to int
        Pixels by target.
    """

    path: Path
    output: Path | None
    status: Literal["done", "failed"]
    seconds: float
    area: int = 0
    confidence: float = 0.0
    error: str = ""
    areas: Mapping[str, int] = field(default_factory=dict)


def write_report(path: Path, results: Sequence[FileResult]) -> None:
    """Write ``report.csv``: a row a file, and an area column a target where there are several."""
    targets = list(dict.fromkeys(name for result in results for name in result.areas))
    extra = targets if len(targets) > 1 else []
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"area {name}" for name in extra)])
    for result in results:
        writer.writerow([*_row(result), *(result.areas.get(name, "") for name in extra)])
    write_text(path, text.getvalue())


def listed_outputs(path: Path) -> set[str] | None:
    """Names of the masks that a report lists; None if there is no report of ours."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ())[: len(COLUMNS)] != COLUMNS:
                return None
            return {row["output"] for row in rows if row["output"]}
    except (OSError, UnicodeDecodeError, csv.Error):
        return None


def _row(result: FileResult) -> list[object]:
    done = result.status == "done"
    return [
        result.path,
        result.output.name if result.output else "",
        result.status,
        f"{result.seconds:.2f}",
        result.area if done else "",
        f"{result.confidence:.4f}" if done else "",
        result.error,
    ]
