"""Tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable


def csv_line(cells: Iterable[object]) -> str:
    r"""Write a row.

    Examples
    --------
    >>> csv_line(["a,b", 1])
    '"a,b",1\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def csv_table(columns: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Write rows under a heading."""
    return "".join(map(csv_line, [columns, *rows]))
