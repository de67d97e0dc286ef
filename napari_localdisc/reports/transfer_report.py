"""The transfer table as Markdown, CSV and a bar chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_localdisc.base.atomic import write_text
from napari_localdisc.base.csv_tables import csv_table
from napari_localdisc.core.evaluation.published_figures import PUBLISHED, SETS, SOURCE
from napari_localdisc.core.evaluation.transfer_table import (
    CellScore,
    Summary,
    label_order,
    label_text,
    summarise,
)
from napari_localdisc.reports.bar_chart import write_chart
from napari_localdisc.reports.tables import markdown_table

_BUDGET = ("steps", "batch", "crop", "learning_rate", "weight_decay")


def write_transfer(folder: Path, scores: Sequence[CellScore], settings: Mapping[str, Any]) -> None:
    """Write ``table.md``, ``table.csv`` and ``table.png``.

    Parameters
    ----------
    folder : Path
    scores : sequence of CellScore
        At least one.
    settings : mapping of str to object
        What they were made with.
    """
    summaries = summarise(scores)
    write_text(folder / "table.md", transfer_tables(scores, settings))
    write_text(folder / "table.csv", csv_table(_HEADS, [_line(one) for one in summaries]))
    write_chart(folder / "table.png", summaries)


_HEADS = ("set", "init", "labels", "seeds", "dice", "spread")


def _line(one: Summary) -> tuple[object, ...]:
    labels = "all" if one.labels is None else one.labels
    spread = "" if one.spread is None else f"{one.spread:.4f}"
    return one.set, one.init, labels, one.seeds, f"{one.mean:.4f}", spread


def transfer_tables(scores: Sequence[CellScore], settings: Mapping[str, Any]) -> str:
    """Lay out scores in Markdown: a table for each number of labels, and the paper's figures."""
    summaries = summarise(scores)
    sets = list(dict.fromkeys(one.set for one in summaries))
    inits = list(dict.fromkeys(one.init for one in summaries))
    parts = ["# Transfer", "", _explanation(scores, settings), ""]
    for labels in label_order(summaries):
        own = [one for one in summaries if one.labels == labels]
        most = max(one.seeds for one in own)
        cells = {(one.init, one.set): _shown(one, most) for one in own}
        title = label_text(labels)
        rows = [init for init in inits if any(one.init == init for one in own)]
        parts += [f"## {title[0].upper()}{title[1:]}", ""]
        parts += [markdown_table("initialisation", sets, rows, cells), ""]
    return "\n".join(parts + _published(sets))


def _explanation(scores: Sequence[CellScore], settings: Mapping[str, Any]) -> str:
    budget = ", ".join(f"{key} {settings[key]}" for key in _BUDGET if key in settings)
    sizes = {score.cell.set: score.test_images for score in scores}
    tests = ", ".join(
        f"{name} {count} at {settings.get(f'canvas of {name}', '?')} px"
        for name, count in sizes.items()
    )
    return (
        "Mean Dice in percent over the test images, ± its standard deviation over seeds where"
        f" there are several. The same budget for each initialisation: {budget}."
        f" Test images: {tests}."
    )


def _shown(one: Summary, seeds: int) -> str:
    spread = "" if one.spread is None else f" ± {100 * one.spread:.1f}"
    missing = "" if one.seeds == seeds else f" ({one.seeds} of {seeds} seeds)"
    return f"{100 * one.mean:.1f}{spread}{missing}"


def _published(sets: Sequence[str]) -> list[str]:
    """Lay out the paper's figures for the sets that it shares with the table."""
    named = {name: name.lower().replace("_", "-") for name in sets}
    shared = [name for name in sets if named[name] in SETS]
    if not shared:
        return []
    rows = list(dict.fromkeys(row for row, _ in PUBLISHED))
    cells = {
        (row, name): f"{PUBLISHED[row, named[name]]:.2f}"
        for row in rows
        for name in shared
        if (row, named[name]) in PUBLISHED
    }
    note = f"{SOURCE}; other networks, budgets and splits than above."
    table = markdown_table("initialisation", shared, rows, cells)
    return ["## Published", "", note, "", table, ""]
