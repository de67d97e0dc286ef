from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.atomic import replacing, write_text
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.reports.contact_sheet import COLOURS, TILE, make_tile, write_overview
from napari_localdisc.reports.report import (
    COLUMNS,
    FileResult,
    read_report,
    result_content,
    write_report,
)
from napari_localdisc.stores.recipes import write_recipe


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path):
    path = tmp_path / "result.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_or_locked_folder_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(LocaldiscError, match=r"cannot write .*result\.txt"):
        write_text(tmp_path / "file" / "result.txt", "text")


def test_the_report_has_a_row_a_file(tmp_path: Path):
    results = [
        FileResult(Path("in/a.jpg"), Path("out/a.png"), "done", 1.234, 50, 0.87654, "", {"x": 50}),
        FileResult(Path("in/b.jpg"), None, "failed", 0.1, error='in/b.jpg is "damaged", copy it.'),
    ]
    write_report(tmp_path / "report.csv", results)
    rows = list(csv.DictReader((tmp_path / "report.csv").open(encoding="utf-8-sig", newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] | {"seconds": ""} == {
        "file": str(Path("in/a.jpg")), "output": "a.png", "status": "done", "seconds": "",
        "area": "50", "confidence": "0.8765", "error": "", "notes": "",
    }  # fmt: skip
    assert [rows[1][name] for name in ("status", "area", "confidence")] == ["failed", "", ""]
    assert result_content(results[1], tmp_path)["confidence"] is None
    assert rows[1]["error"] == 'in/b.jpg is "damaged", copy it.'


@pytest.mark.parametrize(
    "name",
    [
        "=1+1.png",
        "+a.png",
        "-a.png",
        "@a.png",
        "\t=a.png",
        "'=a.png",
        "''-a.png",
        "'a.png",
        "Röntgen.png",
    ],
)
def test_no_cell_is_a_formula_and_names_come_back(tmp_path: Path, name: str):
    told = FileResult(Path(name), tmp_path / name, "done", 0.5, 3, 0.5, "", notes=("=a", "b"))
    write_report(tmp_path / "report.csv", [told])
    content = (tmp_path / "report.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    cells = next(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in cells.values())
    for mark in (b"\xef\xbb\xbf", b""):
        (tmp_path / "report.csv").write_bytes(mark + content.removeprefix(b"\xef\xbb\xbf"))
        (row,) = read_report(tmp_path)
        assert (row.path, row.output, row.notes) == (told.path, told.output, told.notes)


def test_several_targets_get_a_column_each(tmp_path: Path):
    areas = {"disc": 30, "fovea": 20}
    write_report(
        tmp_path / "r.csv", [FileResult(Path("a"), Path("a.png"), "done", 1, 50, 1, "", areas)]
    )
    row = next(csv.DictReader((tmp_path / "r.csv").open(encoding="utf-8-sig")))
    assert (row["area disc"], row["area fovea"]) == ("30", "20")


def test_the_recipe_tells_versions_and_keeps_paths(tmp_path: Path):
    write_recipe(tmp_path / "recipe.json", {"seed": 3, "images": [Path("ä.png")]})
    recipe = json.loads((tmp_path / "recipe.json").read_text(encoding="utf-8-sig"))
    assert (recipe["seed"], recipe["images"]) == (3, ["ä.png"])
    assert {"python", "napari-localdisc", "torch"} <= set(recipe["versions"])


@pytest.mark.parametrize("shape", [(100, 300), (300, 100, 3), (700, 700)])
def test_a_tile_shows_the_outline_of_each_target(shape: tuple[int, ...]):
    labels = np.zeros(shape[:2], np.uint8)
    labels[20:60, 20:50] = 1
    labels[60:90, 50:90] = 2
    tile = make_tile(np.full(shape, 100, np.uint8), labels, "a.png", "")
    assert max(tile.picture.size) == TILE
    seen = np.asarray(tile.picture).reshape(-1, 3)
    outlines = [int((seen == colour).all(axis=1).sum()) for colour in COLOURS[:2]]
    assert all(20 < count < len(seen) / 10 for count in outlines)


def test_the_overview_lays_out_every_tile(tmp_path: Path):
    labels = np.zeros((60, 80), np.uint8)
    labels[10:40, 10:60] = 1
    tile = make_tile(np.zeros((60, 80, 3), np.uint8), labels, "name" * 30, "confidence 0.90")
    write_overview(tmp_path / "overview.png", [tile] * 7, "7 images", ["lungs"])
    sheet = np.asarray(PIL.Image.open(tmp_path / "overview.png"))
    assert sheet.shape[1] > 2 * TILE
    inside_legend_and_tiles = (sheet == COLOURS[0]).all(axis=-1).sum()
    assert inside_legend_and_tiles > 7 * 300
