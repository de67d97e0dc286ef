from __future__ import annotations

import csv
from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.reports.training_curve import CurveFile


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "e.curve.csv"
    curve = CurveFile(path, ("loss", "region"))
    for step in range(1, 6):
        curve.add(step, {"loss": 1 / step} | ({"region": 2.0} if step > 3 else {}))
    curve.close()
    return path


def test_a_row_a_step_with_gaps(path: Path):
    found = rows(path)
    assert [row["step"] for row in found] == ["1", "2", "3", "4", "5"]
    assert [float(row["loss"]) for row in found] == pytest.approx([1 / n for n in range(1, 6)])
    assert [row["region"] for row in found] == ["", "", "", "2", "2"]


def test_rows_are_there_before_the_file_is_closed(path: Path):
    curve = CurveFile(path, ("loss", "region"))
    curve.add(1, {"loss": 0.5})
    assert len(rows(path)) == 1
    curve.close()


def test_a_resumption_cuts_off_what_comes_again(path: Path):
    curve = CurveFile(path, ("loss", "region"), done=3)
    curve.add(4, {"loss": 9.0})
    curve.close()
    found = rows(path)
    assert [row["step"] for row in found] == ["1", "2", "3", "4"]
    assert found[-1]["loss"] == "9"


def test_a_torn_row_is_cut_off(path: Path):
    path.write_text(path.read_text("utf-8")[:-4] + "\n6,0.1", "utf-8")
    CurveFile(path, ("loss", "region"), done=6).close()
    assert [row["step"] for row in rows(path)] == ["1", "2", "3", "4"]


def test_a_new_training_starts_anew(path: Path):
    CurveFile(path, ("loss",)).close()
    assert path.read_text("utf-8") == "step,loss\n"


def test_a_resumption_without_its_curve_starts_one(tmp_path: Path):
    CurveFile(tmp_path / "c.csv", ("loss",), done=3).close()
    assert rows(tmp_path / "c.csv") == []


def test_another_table_is_not_touched(path: Path):
    before = path.read_bytes()
    with pytest.raises(LocaldiscError, match=r"not the curve .*step, loss, region"):
        CurveFile(path, ("loss", "instance"), done=3)
    assert path.read_bytes() == before
