from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest


def _save(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(labels.astype(np.uint8)).save(path)


def _square(left: int, value: int = 255, size: int = 40) -> np.ndarray:
    labels = np.zeros((size, size), np.uint8)
    labels[10:20, left : left + 10] = value
    return labels


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions with Dice 1.0, 0.5 and 0.0 and published-style names for the truth."""
    for index, left in enumerate((5, 10, 25), start=1):
        _save(tmp_path / "found" / f"0{index}_test.png", _square(left))
        _save(tmp_path / "true" / f"0{index}_manual1.gif", _square(5))
    return tmp_path / "found", tmp_path / "true"


def test_scores_are_those_worked_out_by_hand(command, folders):
    result = command("evaluate", *folders, "--json")
    content = json.loads(result.out)
    assert result.code == 0
    assert [round(row["dice"], 6) for row in content["files"]] == [1.0, 0.5, 0.0]
    assert content["dice"] == pytest.approx(0.5)
    assert content["summary"][0]["dice_median"] == pytest.approx(0.5)
    assert content["files"][0]["boundary"] == 0
    assert content["files"][2]["hd95"] == pytest.approx(20, abs=1)


def test_the_table_shows_files_and_mean(command, folders):
    result = command("evaluate", *folders)
    assert "02_test.png" in result.out
    assert "mean of 3" in result.out
    assert "0.5000 ± 0.4082" in result.out


def test_only_the_field_of_view_counts(command, folders, tmp_path: Path):
    for index in (1, 2, 3):
        view = np.zeros((40, 40))
        view[:, 10:15] = 255
        _save(tmp_path / "fov" / f"0{index}_test_mask.gif", view)
    content = json.loads(command("evaluate", *folders, "--fov", tmp_path / "fov", "--json").out)
    assert [row["dice"] for row in content["files"]] == [1.0, 1.0, 0.0]


def test_labels_are_scored_one_by_one(command, tmp_path: Path):
    _save(tmp_path / "found" / "a.png", _square(5, 1) + _square(20, 2))
    _save(tmp_path / "true" / "a.png", _square(5, 1) + _square(25, 2))
    content = json.loads(command("evaluate", tmp_path / "found", tmp_path / "true", "--json").out)
    assert [(row["label"], row["dice"]) for row in content["files"]] == [(1, 1.0), (2, 0.5)]
    assert content["dice"] == pytest.approx(0.75)


def test_one_label_against_binary_truth(command, tmp_path: Path):
    _save(tmp_path / "found.png", _square(5, 1) + _square(20, 2))
    _save(tmp_path / "true.png", _square(25))
    files = tmp_path / "found.png", tmp_path / "true.png"
    content = json.loads(command("evaluate", *files, "--label", 2, "--json").out)
    assert content["dice"] == pytest.approx(0.5)


def test_one_label_of_maps_that_lack_it_here_and_there(command, tmp_path: Path):
    for name, found, true in (
        ("a", _square(5, 1) + _square(20, 2), _square(5, 1) + _square(20, 2)),
        ("b", _square(5, 1), _square(5, 1)),
        ("c", _square(5, 1), _square(20, 2)),
    ):
        _save(tmp_path / "found" / f"{name}.png", found)
        _save(tmp_path / "true" / f"{name}.png", true)
    folders = tmp_path / "found", tmp_path / "true"
    content = json.loads(command("evaluate", *folders, "--label", 2, "--json").out)
    assert [(row["label"], row["dice"]) for row in content["files"]] == [(2, 1), (2, 1), (2, 0)]


def test_a_label_that_no_mask_has_is_refused(command, tmp_path: Path):
    _save(tmp_path / "found.png", _square(5, 1) + _square(20, 2))
    _save(tmp_path / "true.png", _square(25))
    files = tmp_path / "found.png", tmp_path / "true.png"
    result = command("evaluate", *files, "--label", 255)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "no mask has label 255 (labels of the predictions: 1, 2)" in result.err


def test_an_empty_prediction_has_no_distance(command, tmp_path: Path):
    _save(tmp_path / "found.png", np.zeros((40, 40)))
    _save(tmp_path / "true.png", _square(5))
    result = command("evaluate", tmp_path / "found.png", tmp_path / "true.png", "--json")
    row = json.loads(result.out)["files"][0]
    assert (row["dice"], row["boundary"]) == (0.0, None)


def test_the_contact_sheet_is_not_scored(command, folders):
    _save(folders[0] / "overview.png", np.tile(np.arange(200), (40, 1)))
    assert command("evaluate", *folders).code == 0


def test_a_prediction_without_truth_is_told_and_changes_the_exit_code(command, folders):
    _save(folders[0] / "09_test.png", _square(5))
    result = command("evaluate", *folders, "-q")
    assert result.code == 1
    assert "09_test.png has no true mask" in result.err


@pytest.mark.parametrize(
    ("found", "true", "says"),
    [
        (_square(5), _square(5, size=41), ["40 x 40", "41 x 41", "found.png", "true.png"]),
        (_square(5, 2), _square(5, 1, size=41), ["40 x 40", "41 x 41"]),
        (_square(5), np.tile(np.arange(200), (40, 1)), ["true.png", "does not look like a mask"]),
    ],
)
def test_masks_that_cannot_be_compared(command, tmp_path: Path, found, true, says: list[str]):
    _save(tmp_path / "found.png", found)
    _save(tmp_path / "true.png", true)
    result = command("evaluate", tmp_path / "found.png", tmp_path / "true.png", "-q")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert all(part in result.err for part in says)


def test_names_that_do_not_match_are_shown(command, tmp_path: Path):
    for name in ("x", "y"):
        _save(tmp_path / "found" / f"{name}.png", _square(5))
        _save(tmp_path / "true" / f"{name}{name}.png", _square(5))
    result = command("evaluate", tmp_path / "found", tmp_path / "true", "-q")
    assert result.code == 2
    assert "no prediction matches" in result.err
    assert "xx.png" in result.err


def test_a_missing_field_of_view_is_named(command, folders, tmp_path: Path):
    for index in (1, 2, 7):
        _save(tmp_path / "fov" / f"0{index}_fov.gif", np.ones((40, 40)))
    result = command("evaluate", *folders, "--fov", tmp_path / "fov", "-q")
    assert result.code == 2
    assert "03_test.png has no field of view" in result.err


def test_sub_folders_are_compared_with_those_of_the_same_name(command, tmp_path: Path):
    found, true = tmp_path / "found", tmp_path / "true"
    for person, left in (("anna", 5), ("ben", 10)):
        for name in ("left", "right"):
            _save(found / person / f"{name}.png", _square(left))
            _save(true / person / f"{name}.png", _square(5))
        _save(found / "confidence" / person / "left.png", _square(left))
    _save(found / "overview.png", _square(0))
    (found / "journal.jsonl").touch()
    content = json.loads(command("evaluate", found, true, "-r", "--json").out)
    scores = {row["prediction"]: row["dice"] for row in content["files"]}
    assert {Path(path).relative_to(found).as_posix(): dice for path, dice in scores.items()} == {
        "anna/left.png": 1.0,
        "anna/right.png": 1.0,
        "ben/left.png": 0.5,
        "ben/right.png": 0.5,
    }
    options = ["-r", "--pattern", "*left.png", "--exclude", "ben", "--json"]
    content = json.loads(command("evaluate", found, true, *options).out)
    assert [row["dice"] for row in content["files"]] == [1.0]
    assert [Path(path).name for path in content["unmatched_truths"]] == ["right.png"]


def test_only_a_picture_of_agreement_takes_what_draws_it():
    module = "napari_localdisc.tasks.evaluation.agreement"
    code = f"import {module}, sys; print('matplotlib' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr
