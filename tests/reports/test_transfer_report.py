from __future__ import annotations

import csv

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.core.evaluation.transfer_table import Cell, CellScore
from napari_localdisc.reports.tables import markdown_table
from napari_localdisc.reports.transfer_report import transfer_tables, write_transfer

SETTINGS = {"steps": 150, "batch": 4, "canvas of drive": 512, "canvas of mine": 256}


def score(init: str, name: str, labels: int | None, seed: int, dice: float) -> CellScore:
    return CellScore(Cell(init, name, labels, seed), labels or 20, dice, 0.1, 25, 1.0, "cpu")


SCORES = [
    score("random", "drive", 5, 0, 0.70),
    score("ours", "drive", 5, 0, 0.80),
    score("random", "drive", 5, 1, 0.74),
    score("ours", "drive", 5, 1, 0.82),
    score("ours", "mine", 5, 0, 0.5),
    score("random", "drive", None, 0, 0.9),
]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_table_for_each_number_of_labels():
    text = transfer_tables(SCORES, SETTINGS)
    first, second, _ = text.split("## ")[1:]
    assert first.startswith("5 labels")
    assert rows(first) == [
        ["initialisation", "drive", "mine"],
        ["random", "72.0 ± 2.8", "-"],
        ["ours", "81.0 ± 1.4", "50.0 (1 of 2 seeds)"],
    ]
    assert second.startswith("All labels")
    assert rows(second)[1:] == [["random", "90.0", "-"]]


def test_budget_and_test_images_are_told():
    text = transfer_tables(SCORES, SETTINGS)
    assert "steps 150, batch 4." in text
    assert "drive 25 at 512 px, mine 25 at 256 px" in text


def test_the_papers_figures_of_the_sets_that_it_has():
    published = transfer_tables(SCORES, SETTINGS).split("## Published")[1]
    assert rows(published)[0] == ["initialisation", "drive"]
    assert ["local discrimination", "82.15"] in rows(published)
    none = [one for one in SCORES if one.cell.set == "mine"]
    assert "Published" not in transfer_tables(none, SETTINGS)


def test_files(tmp_path):
    write_transfer(tmp_path / "out", SCORES, SETTINGS)
    assert (tmp_path / "out" / "table.md").read_text("utf-8") == transfer_tables(SCORES, SETTINGS)
    with (tmp_path / "out" / "table.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert lines[0] == {
        "set": "drive", "init": "random", "labels": "5", "seeds": "2", "dice": "0.7200",
        "spread": "0.0283",
    }  # fmt: skip
    assert lines[-1]["labels"] == "all"
    assert lines[-1]["spread"] == ""


def test_bars_are_as_high_as_the_dice(tmp_path):
    """The grey bar of 0.9 is half as high again as the blue one of 0.6."""
    write_transfer(tmp_path, [score("a", "x", 5, 0, 0.9), score("b", "x", 5, 0, 0.6)], {})
    pixels = np.asarray(PIL.Image.open(tmp_path / "table.png").convert("RGB")).astype(int)
    heights = []
    for colour in ((0x9A, 0xA0, 0xA6), (0x00, 0x72, 0xB2)):
        painted = (np.abs(pixels - colour) <= 2).all(axis=2)
        heights.append(painted.sum(axis=0).max() - painted[: len(painted) // 6].sum(axis=0).max())
    assert heights[0] / heights[1] == pytest.approx(1.5, abs=0.03)


def test_markdown_cells_keep_their_bars():
    assert r"a\|b" in markdown_table("row", ["a|b"], ["x"], {})
