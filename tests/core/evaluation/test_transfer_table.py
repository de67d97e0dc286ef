from __future__ import annotations

import math

import pytest

from napari_localdisc.core.evaluation.published_figures import PUBLISHED, SETS
from napari_localdisc.core.evaluation.transfer_table import Cell, CellScore, label_order, summarise


def score(init: str, name: str, labels: int | None, seed: int, dice: float) -> CellScore:
    return CellScore(Cell(init, name, labels, seed), labels or 20, dice, 0.1, 10, 1.0, "cpu")


def test_mean_and_spread_over_seeds():
    scores = [score("ours", "drive", 5, seed, dice) for seed, dice in enumerate((0.7, 0.8, 0.75))]
    scores.append(score("random", "drive", 5, 0, 0.6))
    ours, random = summarise(scores)
    assert (ours.init, ours.seeds) == ("ours", 3)
    assert ours.mean == pytest.approx(0.75)
    assert ours.spread == pytest.approx(math.sqrt((0.05**2 + 0.05**2) / 2))
    assert (random.mean, random.spread) == (0.6, None)


def test_all_labels_come_last():
    scores = [score("a", "b", labels, 0, 0.5) for labels in (None, 10, 1)]
    assert label_order(summarise(scores)) == [1, 10, None]


def test_the_published_rows_are_complete():
    rows = {row for row, _ in PUBLISHED}
    assert len(rows) == 5
    missing = {(row, name) for row in rows for name in SETS} - PUBLISHED.keys()
    assert missing == {("supervised", "lungs")}
    assert PUBLISHED["local discrimination", "drive"] == 82.15
    assert PUBLISHED["random init", "lungs"] == 96.34
