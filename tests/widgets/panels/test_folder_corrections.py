"""Masks of a folder, corrected by the brush and saved where they were found."""

import csv

import numpy as np
import pytest
from qtpy.QtCore import Qt
from skimage.io import imread

from napari_localdisc.reports.report import read_report
from napari_localdisc.widgets.panels.folder import SHIPPED, FolderPanel


@pytest.fixture
def panel(open_panel, viewer, films, tmp_path, click, finish):
    """The panel after a run of ready-made lungs over three phantoms."""
    panel = open_panel(FolderPanel, viewer)
    panel.input.value, panel.output.value = films, tmp_path / "results"
    panel.method.value, panel.shipped.value = SHIPPED, "lungs"
    click(panel.run_row.button)
    finish(panel)
    panel.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    return panel


@pytest.fixture
def open_row(qtbot, panel, viewer):
    def opened(row):
        name = panel.table.model().index(row, 0).data().split(".")[0]
        panel.table.setCurrentIndex(panel.table.model().index(row, 0))
        qtbot.keyClick(panel.table, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: f"{name} mask" in viewer.layers, timeout=10_000)
        return viewer.layers[f"{name} mask"]

    return opened


@pytest.fixture
def save(qtbot, panel, click):
    def saved():
        panel.run_row.say("")
        click(panel.correct)
        qtbot.waitUntil(lambda: panel.run_row.status.text() != "", timeout=10_000)
        return panel.run_row.status.text()

    return saved


def rows_of(folder):
    with (folder / "report.csv").open(encoding="utf-8-sig") as file:
        return {row["output"]: row for row in csv.DictReader(file)}


def test_the_button_comes_with_the_first_mask(panel, open_row):
    assert not panel.correct.isVisible()
    open_row(0)
    assert panel.correct.isVisible()


def test_masks_are_corrected_in_place_and_their_rows_say_so(panel, open_row, save, tmp_path):
    folder = tmp_path / "results"
    before, masks = rows_of(folder), {path.name: imread(path) for path in folder.glob("?.png")}
    painted = []
    for row in (0, 1):  # what was painted on stays open beside the next
        painted.append(open_row(row))
        painted[-1].data[:7, :9] = 1
        painted[-1].data[-4:] = 0
    assert save() == "Saved what you corrected: 0.png, 1.png."
    after = rows_of(folder)
    for name, layer in zip(("0.png", "1.png"), painted, strict=True):
        now = imread(folder / name)
        np.testing.assert_array_equal(now, layer.data * 255)
        assert (now != masks[name]).any()
        assert after[name]["notes"] == "corrected by hand"
        assert int(after[name]["area"]) == (layer.data > 0).sum() != int(before[name]["area"])
    assert after["2.png"] == before["2.png"]
    np.testing.assert_array_equal(imread(folder / "2.png"), masks["2.png"])
    assert panel.table.model().index(0, 3).data() == str((painted[0].data > 0).sum())


def test_another_run_keeps_what_was_corrected(panel, open_row, save, click, finish, tmp_path):
    layer = open_row(0)
    layer.data[:7, :9] = 1
    save()
    click(panel.run_row.button)
    finish(panel)
    np.testing.assert_array_equal(imread(tmp_path / "results" / "0.png"), layer.data * 255)
    first, *others = read_report(tmp_path / "results")
    assert first.notes == ("corrected by hand",)
    assert not any(other.notes for other in others)


def test_a_label_that_the_run_did_not_know_is_kept(open_row, save, tmp_path):
    layer = open_row(0)
    layer.data[:7, :9] = 2
    save()
    np.testing.assert_array_equal(imread(tmp_path / "results" / "0.png"), layer.data)


def test_nothing_to_save_is_said(open_row, click, panel, notes):
    open_row(0)
    click(panel.correct)
    assert "painted on" in notes[-1].message


def test_a_folder_without_its_journal(open_row, click, panel, notes, qtbot, tmp_path):
    layer = open_row(0)
    before = (tmp_path / "results" / "0.png").read_bytes()
    (tmp_path / "results" / "journal.jsonl").unlink()
    layer.data[:7, :9] = 1
    click(panel.correct)
    qtbot.waitUntil(lambda: any("kept a journal" in note.message for note in notes))
    assert (tmp_path / "results" / "0.png").read_bytes() == before
