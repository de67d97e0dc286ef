"""Stages and terms of guidance, each switched off in turn, on all development structures.

python benchmarks/ablations.py [heart ...] [--data FOLDER] [--seeds 0 1 2] [--page FILE]

What gains less than the spread over seeds on the mean decides nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from structures import STRUCTURES, Row, measure

from napari_localdisc.reports.tables import markdown_table

ABLATIONS: dict[str, tuple[str, dict[str, object]]] = {
    "nothing": ("auto", {}),
    "groupwise alignment": ("auto", {"align": False}),
    "following edges": ("auto", {"follow_edges": False}),
    "place": ("auto", {"place": "free"}),
    "encoder weights (random ones)": ("random", {}),
}
"""What is switched off: the encoder, and the settings that differ."""
COLUMNS = ("mean Dice", "spread over seeds", "worst tenth", "seconds")


def table(runs: dict[str, list[Row]]) -> str:
    """Lay out a line an ablation, with columns for the mean and for each structure."""
    structures = list(dict.fromkeys(row.structure for rows in runs.values() for row in rows))
    cells = {}
    for name, rows in runs.items():
        seeds = {row.seed for row in rows}
        means = [np.mean([row.ours for row in rows if row.seed == seed]) for seed in seeds]
        found = (
            f"{np.mean(means):.3f}",
            f"{np.ptp(means):.3f}",
            f"{np.mean([row.worst for row in rows]):.3f}",
            f"{np.mean([row.seconds for row in rows]):.0f}",
        )
        cells |= {(name, column): text for column, text in zip(COLUMNS, found, strict=True)}
        for structure in structures:
            own = [row.ours for row in rows if row.structure == structure]
            cells[name, structure] = f"{np.mean(own):.3f}"
    return markdown_table("switched off", (*COLUMNS, *structures), list(runs), cells)


def run(structures: Sequence[str], data: Path, seeds: Sequence[int]) -> dict[str, list[Row]]:
    """Measure every ablation, and say each row as it comes."""
    runs: dict[str, list[Row]] = {}
    for name, (encoder, settings) in ABLATIONS.items():
        runs[name] = []
        for structure in structures:
            for seed in seeds:
                runs[name].append(measure(structure, data, seed, encoder, settings))
                print(name, runs[name][-1], file=sys.stderr, flush=True)
    return runs


def main() -> None:
    """Print the table; write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("structures", nargs="*", default=list(STRUCTURES))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/structures"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--page", type=Path, help="Markdown page to write")
    options = parser.parse_args()
    text = table(run(options.structures, options.data, options.seeds))
    print(text)
    if options.page:
        seeds = " ".join(map(str, options.seeds))
        command = f"python benchmarks/ablations.py --seeds {seeds}"
        options.page.write_text(f"{_INTRODUCTION}\n\n    {command}\n\n{text}\n")


_INTRODUCTION = """# Ablations

Ten masks of other patients are the prior, twenty images are guided on and scored, with one stage or
term switched off at a time. Written by this command:"""


if __name__ == "__main__":
    main()
