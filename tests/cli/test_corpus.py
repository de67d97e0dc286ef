"""The real command on every odd and broken file at once."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest

from napari_localdisc.base.csv_tables import read_table
from napari_localdisc.base.texts import read_text
from napari_localdisc.formats.images import read_image
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.formats.registry import is_image_folder
from tests.cli.conftest import Outcome
from tests.corpus import CORPUS, OF_PYTHON

SECONDS = 60
TELLING = ("Doe", "Jane", "ID-4711", "19500101")
"""What the corpus' DICOM files say of their patient."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """All cases that are there, each in a folder of its own."""
    root = tmp_path_factory.mktemp("corpus")
    files = {}
    for number, (name, case) in enumerate(CORPUS.items()):
        folder = root / f"{number:03}"
        folder.mkdir()
        files[case.make(folder)] = name
    return {
        path: name
        for path, name in files.items()
        if is_image_folder(path) or (path.exists() and not path.is_dir())
    }


def test_the_whole_corpus_in_one_run(
    command: Callable[..., Outcome], corpus: dict[Path, str], segmenter_file: Path, tmp_path: Path
):
    output = tmp_path / "out"
    start = time.perf_counter()
    outcome = command("segment", *corpus, "-o", output, "--segmenter", segmenter_file)
    assert time.perf_counter() - start < SECONDS
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    _, rows = read_table(read_text(output / "report.csv"))
    assert [row["file"] for row in rows] == [os.fspath(path) for path in corpus]
    masks = set()
    for row in rows:
        path = Path(row["file"])
        case = CORPUS[corpus[path]]
        assert (row["status"] == "done") == (case.truth is not None), row
        if case.truth is None:
            assert "could not be processed" not in row["error"], row
            assert case.says in row["error"]
            assert len(row["error"].splitlines()) == 1
            assert not OF_PYTHON.search(row["error"]), row
        else:
            masks.add(row["output"])
            found = read_mask(output / row["output"], may_be_stack=True)
            assert found.shape == read_image(path).extent == case.truth.shape
    own = {"report.csv", "recipe.json", "overview.png", "journal.jsonl"}
    there = {file.name for file in output.iterdir()}
    assert masks <= there <= masks | own
    told = outcome.err + outcome.out + (output / "recipe.json").read_text("utf-8", "replace")
    told += (output / "report.csv").read_text("utf-8", "replace")
    assert not any(word in told for word in TELLING)


def test_a_folder_that_holds_all_kinds_of_places(
    command: Callable[..., Outcome], segmenter_file: Path, tmp_path: Path
):
    """Pipes, devices and folders are passed over, not waited for; lost images have a row."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (
        "pipe",
        "link to a device",
        "folder named png",
        "link in a loop",
        "link to nothing",
    ):
        place = folder / name.replace(" ", "-")
        place.mkdir()
        made = CORPUS[name].make(place)
        (folder / f"{place.name}.png").symlink_to(made)
    CORPUS["png grey"].make(folder)
    outcome = command("segment", folder, "-o", tmp_path / "out", "--segmenter", segmenter_file)
    assert outcome.code == 1, outcome.err
    assert {"a.png", "report.csv"} <= {file.name for file in (tmp_path / "out").iterdir()}
    with (tmp_path / "out" / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {Path(row["file"]).name: row["status"] for row in csv.DictReader(file)}
    lost = dict.fromkeys(("link-in-a-loop.png", "link-to-nothing.png"), "failed")
    assert rows == {"a.png": "done", **lost}
    guided = command("segment", folder, "-o", tmp_path / "guided", "--prior", "lungs", "--quick")
    assert guided.code == 1, guided.err


def test_names_that_steer_a_terminal_are_on_the_overview(
    command: Callable[..., Outcome], segmenter_file: Path, tmp_path: Path
):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("name with a line break", "name with an escape", "name not utf-8", "png grey"):
        CORPUS[name].make(folder)
    outcome = command("segment", folder, "-o", tmp_path / "out", "--segmenter", segmenter_file)
    assert outcome.code == 0, outcome.err
    with PIL.Image.open(tmp_path / "out" / "overview.png") as sheet:
        assert sheet.size[0] > 600
