"""The curve of a training: a row a step."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_localdisc.base.atomic import write_text
from napari_localdisc.base.csv_tables import csv_line, csv_table
from napari_localdisc.base.errors import LocaldiscError, cannot_write


class CurveFile:
    """Adds rows to a CSV file.

    Every row is handed to the system at once, so that a killed process loses none.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Names of the values; a step that lacks one leaves it empty.
    done : int
        Steps that an earlier process has done: their rows stay, any later ones go. 0 starts anew.
    """

    def __init__(self, path: Path, columns: Sequence[str], done: int = 0) -> None:
        self.path, self.columns = path, ("step", *columns)
        kept = self._kept(done) if done else []
        write_text(path, csv_table(self.columns, kept))
        self._file = path.open("a", encoding="utf-8", newline="", buffering=1)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add the row of a step.

        Raises
        ------
        LocaldiscError
            If it cannot be written.
        """
        cells = [f"{values[name]:.8g}" if name in values else "" for name in self.columns[1:]]
        try:
            self._file.write(csv_line([str(step), *cells]))
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _kept(self, done: int) -> list[list[str]]:
        """Rows of the steps that are done, without the torn one that a kill may leave."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            head, *rows = [row for row in csv.reader(file) if row] or [[]]
        if tuple(head) != self.columns:
            raise LocaldiscError(
                f"{self.path} is not the curve of this training (columns {', '.join(head)});"
                " move it away."
            )
        whole = [row for row in rows if len(row) == len(head) and row[0].isdigit()]
        return [row for row in whole if int(row[0]) <= done]
