"""One row a file: what became of it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from napari_localdisc.base.atomic import write_text
from napari_localdisc.base.csv_tables import BYTE_ORDER_MARK, csv_table, read_table
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.recorded_names import stays_within
from napari_localdisc.base.texts import read_text

REPORT = "report.csv"
COLUMNS = ("file", "output", "status", "seconds", "area", "confidence", "error", "notes")

BETWEEN_NOTES = "; "
"""Between two notes; none holds it."""


@dataclass(frozen=True, slots=True)
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
    confidence : float, optional
        In [0, 1]; None if it failed.
    error : str
        What was wrong and what to do, empty if nothing.
    areas : mapping of str to int
        Pixels by target.
    rows : tuple of mapping
        Lines of a further table, of what JSON holds.
    notes : tuple of str
        A sentence for all that the file lacks, or holds and could not be used.
    kept : bool
        It was done by an earlier run, and is as it would be now.
    """

    path: Path
    output: Path | None
    status: Literal["done", "failed"]
    seconds: float
    area: int = 0
    confidence: float | None = None
    error: str = ""
    areas: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    kept: bool = False


def write_report(path: Path, results: Sequence[FileResult]) -> None:
    """Write ``report.csv``: a row a file, and an area column a target where there are several."""
    targets = list(dict.fromkeys(name for result in results for name in result.areas))
    extra = targets if len(targets) > 1 else []
    rows = [
        [*_row(result, path.parent), *(result.areas.get(name, "") for name in extra)]
        for result in results
    ]
    write_text(path, BYTE_ORDER_MARK + csv_table([*COLUMNS, *(f"area {n}" for n in extra)], rows))


def read_report(folder: Path) -> list[FileResult]:
    """Read the report of a folder of results.

    Raises
    ------
    LocaldiscError
        If there is none, it cannot be read, or it names a result outside of the folder.
    """
    path = folder / REPORT
    if not path.is_file():
        raise LocaldiscError(f"{folder} holds no {REPORT}; choose a folder of results.")
    try:
        return [_result(row, folder) for row in read_table(read_text(path))[1]]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise LocaldiscError(
            f"{path} is not a readable report ({error}); choose a folder of results."
        ) from error


def _result(row: Mapping[str, str], folder: Path) -> FileResult:
    name = row["output"]
    if not stays_within(name):
        raise ValueError(f"{name} lies outside of {folder}")
    if row["status"] not in ("done", "failed"):
        raise ValueError(f"{row['status']!r} is no status")
    done = row["status"] == "done"
    return FileResult(
        Path(row["file"]),
        folder / name if name else None,
        "done" if done else "failed",
        float(row["seconds"]),
        int(row["area"]) if done else 0,
        float(row["confidence"]) if done else None,
        row["error"],
        notes=tuple(filter(None, (row.get("notes") or "").split(BETWEEN_NOTES))),
    )


def result_content(result: FileResult, folder: Path) -> dict[str, Any]:
    """Put a result into what JSON holds, places being told within the folder."""
    content = asdict(replace(result, kept=False))
    content["path"] = str(result.path)
    content["output"] = name_within(result.output, folder) if result.output else None
    return content


def result_from(content: Mapping[str, Any], folder: Path) -> FileResult:
    """Make a result of what `result_content` returned.

    Raises
    ------
    KeyError, TypeError
        If it is of another version.
    """
    path, output = Path(content["path"]), content["output"]
    own = {"path": path, "output": folder / output if output else None}
    own |= {name: tuple(content.get(name) or ()) for name in ("rows", "notes")}
    return FileResult(**{**content, **own})


def _row(result: FileResult, folder: Path) -> list[object]:
    done = result.status == "done"
    return [
        result.path,
        name_within(result.output, folder) if result.output else "",
        result.status,
        f"{result.seconds:.2f}",
        result.area if done else "",
        "" if result.confidence is None else f"{result.confidence:.4f}",
        result.error,
        BETWEEN_NOTES.join(result.notes),
    ]


def name_within(path: Path, folder: Path) -> str:
    """Tell where a file lies in a folder, with ``/`` between the sub-folders."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
