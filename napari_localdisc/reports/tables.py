"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MISSING = "-"


def markdown_table(
    corner: str,
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Mapping[tuple[str, str], str],
) -> str:
    """Lay out a table, its columns aligned for readers of the plain text.

    Parameters
    ----------
    corner : str
        Head of the first column.
    columns, rows : sequence of str
    cells : mapping of (row, column) to str
        Those that are not there are shown as `MISSING`.

    Examples
    --------
    >>> print(markdown_table("row", ["a"], ["x"], {("x", "a"): "1"}))
    | row | a |
    |-----|--:|
    | x   | 1 |
    """
    lines = [[corner, *columns]]
    lines += [[row, *(cells.get((row, column), MISSING) for column in columns)] for row in rows]
    lines = [[text.replace("|", "\\|") for text in line] for line in lines]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns) + 1)]
    rule = "|".join(
        "-" * (width + 2) if index == 0 else "-" * (width + 1) + ":"
        for index, width in enumerate(widths)
    )
    shown = [
        " | ".join(
            text.ljust(width) if index == 0 else text.rjust(width)
            for index, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([f"| {shown[0]} |", f"|{rule}|", *(f"| {line} |" for line in shown[1:])])
