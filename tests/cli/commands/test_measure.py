from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.csv_tables import read_table
from napari_localdisc.files.naming import JOURNAL
from tests.corpus.dicoms import content_of, dataset


def _save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def _block(rows: int = 10, columns: int = 20, top: int = 5, value: int = 255) -> np.ndarray:
    labels = np.zeros((40, 50), np.uint8)
    labels[top : top + rows, 7 : 7 + columns] = value
    return labels


def _save_nifti(path: Path, labels: np.ndarray, sizes: tuple[float, ...]) -> Path:
    """Labels (rows, columns) or (planes, rows, columns), with sizes of pixels in that order."""
    nibabel = pytest.importorskip("nibabel")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns, rows, planes = (*sizes[::-1], 1.0)[:3]
    nibabel.save(nibabel.Nifti1Image(labels.T, np.diag([-columns, -rows, planes, 1])), path)
    return path


@pytest.fixture
def measured(command):
    """Rows of the JSON by file name and target: numbers by name and unit, notes and error."""

    def run(*arguments, code: int = 0):
        result = command("measure", *arguments, "--json")
        assert result.code == code, result.err
        return {
            (Path(row["file"]).name, row["target"]): (
                {(one["name"], one["unit"]): one["value"] for one in row["measurements"]},
                row["notes"],
                row["error"],
            )
            for row in json.loads(result.out)["rows"]
        }

    return run


def test_the_table_is_a_row_a_target_with_units_in_its_heads(command, tmp_path: Path):
    _save(tmp_path / "masks" / "a.png", _block(value=1) + _block(3, 4, top=20, value=2))
    table = tmp_path / "sizes.csv"
    names = "--targets", "disc, cup"
    assert command("measure", tmp_path / "masks", "--spacing", 0.5, *names, "-o", table).code == 0
    heads, rows = read_table(table.read_text("utf-8"))
    assert heads[:4] == ("file", "target", "error", "notes")
    assert [(row["target"], row["area [mm²]"], row["area [px]"]) for row in rows] == [
        ("disc", "50", "200"),
        ("cup", "3", "12"),
    ]
    assert {row["file"] for row in rows} == {str(tmp_path / "masks" / "a.png")}
    assert command("measure", tmp_path / "masks", "-o", table).code == 0  # its own may be replaced
    assert "area [mm²]" not in read_table(table.read_text("utf-8"))[0]


def test_without_a_file_the_table_is_shown(command, tmp_path: Path):
    result = command("measure", _save(tmp_path / "a.png", _block()), "-q")
    assert read_table(result.out)[1][0]["area [px]"] == "200"


def test_sub_folders_and_names_of_a_folder_of_results(measured, tmp_path: Path):
    _save(tmp_path / "one" / "a.png", _block())
    _save(tmp_path / "two" / "b.png", _block(4, 4))
    assert measured(tmp_path, "--recursive").keys() == {("a.png", "1"), ("b.png", "1")}
    _save(tmp_path / "confidence" / "a.png", np.tile(np.arange(50), (40, 1)))
    (tmp_path / JOURNAL).touch()
    assert measured(tmp_path).keys() == {("a.png", "1"), ("b.png", "1")}


def test_sizes_of_pixels_come_from_the_file_before_the_option(measured, tmp_path: Path):
    _save_nifti(tmp_path / "plane.nii.gz", _block(value=1), (0.5, 0.2))
    stack = np.stack([_block(value=0), _block(value=1), _block(value=1), _block(value=0)])
    _save_nifti(tmp_path / "stack.nii.gz", stack, (3.0, 0.5, 0.5))
    found = measured(tmp_path, "--spacing", 9)
    numbers, notes, _ = found["plane.nii.gz", "1"]
    assert numbers["area", "mm²"] == pytest.approx(20)
    assert notes == ["pixels are not square: 0.5 x 0.2 mm (rows, columns)"]
    numbers, notes, _ = found["stack.nii.gz", "1"]
    assert numbers["volume", "ml"] == pytest.approx(400 * 0.75 / 1000)
    assert notes == []


def test_masks_take_brightness_and_spacing_from_their_image(measured, tmp_path: Path):
    _save(tmp_path / "masks" / "a_mask.png", _block())
    image = (np.tile(np.arange(50), (40, 1)) + 100).astype(np.uint8)
    _save_nifti(tmp_path / "images" / "a.nii.gz", image, (0.5, 0.5))
    ((numbers, notes, _),) = measured(tmp_path / "masks", "--images", tmp_path / "images").values()
    assert numbers["mean intensity", ""] == pytest.approx(100 + 7 + 9.5)
    assert numbers["area", "mm²"] == pytest.approx(50)
    assert notes == []


def test_two_spacings_are_rows_then_columns(measured, tmp_path: Path):
    _save(tmp_path / "a.png", _block())
    numbers, notes, _ = measured(tmp_path, "--spacing", "0.5,0.2")["a.png", "1"]
    assert numbers["area", "mm²"] == pytest.approx(20)
    assert numbers["major axis", "mm"] == pytest.approx(4 * 0.5 * math.sqrt(99 / 12))
    assert "0.5 x 0.2 mm" in notes[0]


UNKNOWN = "spacing not known, measured in pixels"


def test_every_doubt_has_its_note(measured, tmp_path: Path):
    masks, images = tmp_path / "masks", tmp_path / "images"
    _save(masks / "cut.png", _block(top=30))
    _save(masks / "empty.png", np.zeros((40, 50)))
    _save(masks / "lonely.png", _block())
    _save(masks / "small.png", _block())
    for name, shape in (("cut", (40, 50)), ("empty", (40, 50)), ("small", (20, 30))):
        _save(images / f"{name}.png", np.full(shape, 9))
    found = measured(masks, "--images", images)
    notes = {name: notes for (name, _), (_, notes, _) in found.items()}
    assert notes == {
        "cut.png": [UNKNOWN, "cut by the frame"],
        "empty.png": [UNKNOWN, "empty"],
        "lonely.png": ["no image has its name", UNKNOWN],
        "small.png": [
            "image not used: it is 30 x 20 pixels, the mask 50 x 40 pixels",
            UNKNOWN,
        ],
    }
    areas = [numbers["area", "px"] for numbers, _, _ in found.values()]
    assert areas == [200, 0, 200, 200]
    assert ("mean intensity", "") not in found["small.png", "1"][0]
    assert found["empty.png", "1"][0]["solidity", ""] is None


def test_a_file_that_says_zero_is_measured_in_pixels_or_by_the_option(measured, tmp_path: Path):
    data = dataset((_block() > 0).astype(np.uint8), PixelSpacing=[0, 0.5])
    (tmp_path / "a.dcm").write_bytes(content_of(data))
    numbers, notes, _ = measured(tmp_path)["a.dcm", "1"]
    assert (numbers["area", "px"], notes) == (200, [UNKNOWN])
    assert measured(tmp_path, "--spacing", 0.5)["a.dcm", "1"][0]["area", "mm²"] == 50


@pytest.mark.parametrize("corner", [(0, 3), (39, 3), (3, 0), (3, 49)])
def test_each_side_of_the_frame_cuts(measured, tmp_path: Path, corner):
    labels = _block()
    labels[corner] = 255
    assert "cut by the frame" in measured(_save(tmp_path / "a.png", labels))["a.png", "1"][1]
    assert "cut by the frame" not in measured(_save(tmp_path / "b.png", _block()))["b.png", "1"][1]


def test_what_cannot_be_measured_has_its_row_and_the_rest_is_measured(measured, tmp_path: Path):
    _save(tmp_path / "a.png", _block())
    (tmp_path / "b.png").write_bytes(b"no picture")
    found = measured(tmp_path, "--spacing", "0.5,0.5", code=1)
    assert found["a.png", "1"][0]["area", "mm²"] == 50
    assert "b.png" in found["b.png", ""][2]


def test_a_spacing_that_fits_not_every_file(measured, tmp_path: Path):
    _save(tmp_path / "a.png", _block())
    found = measured(tmp_path, "--spacing", "3,0.5,0.5", code=1)
    assert "the spacing has 3 numbers" in found["a.png", ""][2]


@pytest.mark.parametrize("spacing", ["0", "-1", "0.5,0", "nan", "wide", ""])
def test_a_spacing_that_is_none_is_refused(command, tmp_path: Path, spacing: str):
    result = command("measure", _save(tmp_path / "a.png", _block()), "--spacing", spacing)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "numbers above 0" in result.err


def test_nothing_else_is_written_over(command, tmp_path: Path):
    mask = _save(tmp_path / "a.png", _block())
    other = tmp_path / "report.csv"
    other.write_text("file,output\nmine,too\n")
    for place, problem in (
        (other, "something else"),
        (mask, "no .csv"),
        (tmp_path / "gone" / "a.csv", "does not exist"),
    ):
        result = command("measure", mask, "-o", place)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert problem in result.err
    assert other.read_text() == "file,output\nmine,too\n"


def test_images_of_other_names_are_refused(command, tmp_path: Path):
    for name in ("a", "b"):
        _save(tmp_path / "masks" / f"{name}.png", _block())
        _save(tmp_path / "images" / f"{name}{name}.png", _block())
    result = command("measure", tmp_path / "masks", "--images", tmp_path / "images")
    assert result.code == 2
    assert "no mask matches an image" in result.err
