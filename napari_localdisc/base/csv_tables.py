"""Tables as CSV, which spreadsheets open and take no cell of for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

BYTE_ORDER_MARK = "\ufeff"
"""By which Excel tells UTF-8 from the encoding of its country."""

_QUOTE = "'"
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that is calculated; OWASP's list, and quotes that would be taken away again."""


def csv_line(cells: Iterable[object]) -> str:
    r"""Write a row.

    A text that spreadsheets would calculate gets a single quote before it, as OWASP recommends;
    `read_table` takes it away. Numbers stay numbers.

    Examples
    --------
    >>> csv_line(["a,b", 1, "=1+1", -2])
    '"a,b",1,\'=1+1,-2\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(
        "" if cell is None else _harmless(str(cell)) for cell in cells
    )
    return text.getvalue()


def csv_table(columns: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Write rows under a heading."""
    return "".join(map(csv_line, [columns, *rows]))


def read_table(text: str) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Read a heading and the rows under it, as `csv_table` was given them.

    Raises
    ------
    csv.Error
        If it is no table.
    """
    reader = csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK)), strict=True)
    lines = [[_as_given(cell) for cell in line] for line in reader if line]
    columns = tuple(lines[0]) if lines else ()
    return columns, [dict(zip(columns, line, strict=False)) for line in lines[1:]]


def _harmless(cell: str) -> str:
    return f"{_QUOTE}{cell}" if _FORMULA.match(cell) and not _is_number(cell) else cell


def _as_given(cell: str) -> str:
    is_quoted = cell.startswith(_QUOTE) and _FORMULA.match(cell) is not None
    return cell.removeprefix(_QUOTE) if is_quoted else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
