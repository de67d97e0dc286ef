from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels
from PIL import Image as Picture
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.guidance.guidance import guide
from napari_localdisc.core.priors import simulate
from napari_localdisc.formats.dicom import series
from napari_localdisc.reports.report import FileResult
from napari_localdisc.stores.segmenters import segmenter_file
from napari_localdisc.viewer.drawing import shapes_layer
from napari_localdisc.widgets.panels.folder import FILE, IN_USE, PRIOR, SHIPPED, FolderPanel
from napari_localdisc.widgets.parts._results_table import ResultsTable
from tests.formats.test_dicom_series import write_series


@pytest.fixture(scope="module")
def segmenter(xrays, encoder_file, effort):
    prior = simulate("lungs", count=4, size=64)
    run = guide(list(xrays), prior, load_encoder(encoder_file), effort)
    return segmenter_file(drain(run).segmenter)


@pytest.fixture
def folder(films):
    """Three phantoms and a broken file."""
    (films / "broken.png").write_text("no image")
    return films


@pytest.fixture
def panel(open_panel, viewer, session, folder, tmp_path):
    panel = open_panel(FolderPanel, viewer)
    panel.input.value = folder
    panel.output.value = tmp_path / "results"
    return panel


def test_a_bad_file_stops_nothing(panel, click, finish, session, segmenter, tmp_path):
    session.segmenter, panel.method.value = segmenter, IN_USE
    assert "lungs" in panel.in_use.text()
    click(panel.run_row.button)
    finish(panel)
    results = {result.path.name: result.status for result in panel.table.results.results}
    assert results == {"0.png": "done", "1.png": "done", "2.png": "done", "broken.png": "failed"}
    assert (tmp_path / "results" / "report.csv").exists()
    assert Picture.open(tmp_path / "results" / "1.png").size == (64, 64)
    assert panel.run_row.status.text().startswith("3 done, 1 failed")


def test_a_segmenter_file(panel, click, finish, session, segmenter, tmp_path):
    segmenter.save(tmp_path / "lungs.safetensors")
    panel.method.value = FILE
    panel.segmenter_file.value = tmp_path / "lungs.safetensors"
    click(panel.run_row.button)
    finish(panel)
    assert panel.table.results.rowCount() == 4
    assert session.segmenter.targets == ("lungs",)


def test_cancel_leaves_what_is_done(qtbot, panel, click, finish, session, segmenter):
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    qtbot.waitUntil(lambda: len(panel.table.results.results) > 0, timeout=20_000)
    click(panel.run_row.button)
    finish(panel)
    assert panel.run_row.button.text() == "Segment folder"


def test_a_double_click_opens_image_and_mask(
    qtbot, panel, click, finish, viewer, session, segmenter
):
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    finish(panel)
    table = panel.table
    index = table.model().index(0, 0)
    qtbot.mouseDClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(index).center()
    )
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(viewer.layers) > 0, timeout=10_000)
    assert {type(layer) for layer in viewer.layers} == {Image, Labels}


class TestOpenedRows:
    """Rows of the table, opened one after the other."""

    @pytest.fixture
    def table(self, qtbot, panel, click, finish, viewer, session, segmenter):
        session.segmenter, panel.method.value = segmenter, IN_USE
        click(panel.run_row.button)
        finish(panel)
        table = panel.table
        table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        QApplication.setActiveWindow(panel.window())
        table.setFocus()
        table.setCurrentIndex(table.model().index(0, 0))
        qtbot.keyClick(table, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: "0" in viewer.layers, timeout=10_000)
        return table

    def names(self, viewer):
        return sorted(layer.name for layer in viewer.layers)

    def test_the_next_takes_the_place_of_the_last(self, qtbot, table, viewer):
        assert self.names(viewer) == ["0", "0 mask"]
        for key, name in ((Qt.Key.Key_Down, "1"), (Qt.Key.Key_Down, "2"), (Qt.Key.Key_Up, "1")):
            qtbot.keyClick(table, key)
            qtbot.waitUntil(lambda name=name: name in viewer.layers, timeout=10_000)
            assert self.names(viewer) == [name, f"{name} mask"]
            assert viewer.title == name

    def test_a_mask_that_was_painted_on_stays(self, qtbot, table, viewer):
        viewer.layers["0 mask"].data[:5] = 2
        qtbot.keyClick(table, Qt.Key.Key_Down)
        qtbot.waitUntil(lambda: "1" in viewer.layers, timeout=10_000)
        assert self.names(viewer) == ["0", "0 mask", "1", "1 mask"]
        assert {layer.name for layer in viewer.layers if layer.visible} == {"1", "1 mask"}

    def test_an_image_that_was_drawn_on_stays(self, qtbot, table, viewer):
        viewer.add_layer(shapes_layer(viewer.layers["0"], "drawing"))
        qtbot.keyClick(table, Qt.Key.Key_Down)
        qtbot.waitUntil(lambda: "1" in viewer.layers, timeout=10_000)
        assert "0" in viewer.layers

    def test_keys_open_nothing_after_the_image_was_closed(self, qtbot, table, viewer):
        viewer.layers.clear()
        qtbot.keyClick(table, Qt.Key.Key_Down)
        qtbot.wait(300)
        assert len(viewer.layers) == 0


@pytest.mark.parametrize(
    ("field", "message"), [("input", "no folder of images"), ("output", "folder for the results")]
)
def test_an_empty_field(panel, click, notes, session, segmenter, field, message):
    session.segmenter, panel.method.value = segmenter, IN_USE
    getattr(panel, field).line_edit.value = ""
    click(panel.run_row.button)
    assert not panel.run_row.runner.running
    assert message in notes[-1].message


def test_a_ready_made_segmenter(panel, click, finish, session, tmp_path):
    assert panel.method.value == SHIPPED
    panel.shipped.value = "lungs"
    click(panel.run_row.button)
    finish(panel)
    assert panel.run_row.status.text().startswith("3 done, 1 failed")
    assert np.asarray(Picture.open(tmp_path / "results" / "1.png")).any()
    assert panel.method.value == SHIPPED
    assert session.segmenter is None


def test_with_is_what_was_chosen_whatever_is_found_meanwhile(
    panel, session, segmenter, open_panel, viewer
):
    session.segmenter = segmenter
    assert panel.method.value == SHIPPED
    assert "lungs" in panel.in_use.text()
    assert open_panel(FolderPanel, viewer).method.value == IN_USE


def test_no_segmenter_yet(panel, click, notes):
    panel.method.value = IN_USE
    click(panel.run_row.button)
    assert "no segmenter in use" in notes[-1].message


def test_results_never_replace_images(panel, click, finish, notes, session, segmenter, folder):
    session.segmenter, panel.method.value = segmenter, IN_USE
    panel.output.value = folder
    click(panel.run_row.button)
    finish(panel)
    assert "another folder" in notes[-1].message


def test_confidence_maps_are_written_where_asked(
    panel, click, tick, finish, session, segmenter, tmp_path
):
    session.segmenter, panel.method.value = segmenter, IN_USE
    tick(panel.confidence)
    click(panel.run_row.button)
    finish(panel)
    results = tmp_path / "results"
    masks = {path.name for path in results.glob("[0-9]*.png")}
    assert masks
    assert {path.name for path in (results / "confidence").iterdir()} == masks


def test_other_results_are_replaced_only_where_asked(
    panel, click, tick, finish, notes, session, segmenter, tmp_path
):
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    finish(panel)
    first = (tmp_path / "results" / "1.png").read_bytes()
    panel.method.value, panel.shipped.value = SHIPPED, "lungs"
    click(panel.run_row.button)
    finish(panel)
    assert "Replace other results" in notes[-1].message
    assert (tmp_path / "results" / "1.png").read_bytes() == first
    tick(panel.overwrite)
    click(panel.run_row.button)
    finish(panel)
    assert panel.run_row.status.text().startswith("3 done, 1 failed")
    assert (tmp_path / "results" / "1.png").read_bytes() != first


def test_a_prior_is_guided_first(panel, click, finish, session, effort, tmp_path):
    session.prior = simulate("lungs", count=4, size=64)
    panel.effort = effort
    panel.method.value = PRIOR
    click(panel.run_row.button)
    finish(panel)
    assert session.segmenter.targets == ("lungs",)
    assert panel.table.results.rowCount() == 4
    assert (tmp_path / "results" / "overview.png").exists()


def test_a_prior_needs_its_rows_only(panel):
    assert not panel.prior_row.isVisible()
    panel.method.value = PRIOR
    assert panel.prior_row.isVisible()
    assert panel.encoder_row.isVisible()


def test_every_file_has_a_row_from_the_beginning(qtbot, panel, click, finish, session, segmenter):
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    qtbot.waitUntil(lambda: panel.table.results.rowCount() == 4, timeout=20_000)
    texts = [panel.table.model().index(row, 1).data() for row in range(4)]
    assert "waiting" in texts
    finish(panel)
    texts = [panel.table.model().index(row, 1).data() for row in range(4)]
    assert texts == ["done", "done", "done", "failed"]


def test_headers_of_a_series_are_not_read_in_the_windows_process(
    qtbot, panel, click, finish, session, segmenter, tmp_path, monkeypatch
):
    pytest.importorskip("pydicom")
    panel.input.value = write_series(tmp_path / "ct")
    here = []
    monkeypatch.setattr(series, "read_header", lambda path, _: here.append(path))
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    finish(panel)
    (result,) = panel.table.results.results
    assert (result.path, result.status) == (tmp_path / "ct", "done")
    assert here == []


def test_again_only_what_failed(qtbot, panel, click, finish, session, segmenter, folder, xrays):
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    finish(panel)
    assert panel.retry.isVisible()
    Picture.fromarray(xrays[0]).save(folder / "broken.png")
    click(panel.retry)
    finish(panel)
    texts = [panel.table.model().index(row, 1).data() for row in range(4)]
    assert texts == ["kept", "kept", "kept", "done"]
    assert panel.run_row.status.text().startswith("4 done (3 of them earlier)")
    assert not panel.retry.isVisible()


def test_pause_and_go_on(qtbot, panel, click, finish, session, segmenter, folder, xrays):
    for number in range(120):
        Picture.fromarray(xrays[number % 3]).save(folder / f"more-{number}.png")
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    qtbot.waitUntil(lambda: len(panel.table.results.results) > 0, timeout=20_000)
    click(panel.run_row.pause)
    assert panel.run_row.pause.text() == "Go on"
    qtbot.wait(600)
    held = len(panel.table.results.results)
    assert held < 124
    qtbot.wait(600)
    assert len(panel.table.results.results) == held
    assert "paused" in panel.run_row.status.text()
    click(panel.run_row.pause)
    finish(panel)
    assert len(panel.table.results.results) == 124
    assert not panel.run_row.pause.isVisible()


def test_a_paused_run_can_be_cancelled(qtbot, panel, click, finish, session, segmenter):
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    click(panel.run_row.pause)
    click(panel.run_row.button)
    finish(panel)
    assert panel.run_row.status.text() == "Cancelled."


def test_a_finished_run_is_reopened(panel, click, finish, session, segmenter, open_panel, viewer):
    session.segmenter, panel.method.value = segmenter, IN_USE
    click(panel.run_row.button)
    finish(panel)
    later = open_panel(FolderPanel, viewer)
    later.output.value = panel.output.value
    assert later.run_row.status.text() == "4 results of an earlier run."
    assert later.retry.isVisible()
    shown, again = (
        [table.model().index(1, column).data() for column in range(6)]
        for table in (panel.table, later.table)
    )
    # The report rounds seconds before the table does.
    assert float(again.pop(2)) == pytest.approx(float(shown.pop(2)), abs=0.11)
    assert again == shown


class TestTable:
    def test_ten_thousand_rows_sort_by_number(self, qtbot, tmp_path):
        table = ResultsTable()
        qtbot.addWidget(table)
        rng = np.random.default_rng(0)
        paths = [tmp_path / f"{number}.png" for number in range(10_000)]
        table.results.begin(paths)
        results = [
            FileResult(path, path, "done", 0.1, number, float(confidence))
            for number, (path, confidence) in enumerate(
                zip(paths, rng.permutation(10_000) / 10_000, strict=True)
            )
        ]
        for first in range(0, 10_000, 100):
            table.results.take(results[first : first + 100])
        table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
        model = table.model()
        shown = [model.index(row, 4).data(Qt.ItemDataRole.UserRole) for row in range(100)]
        assert shown == sorted(shown)
        assert shown[0] == 0

    def test_a_narrow_one_shows_confidence(self, qtbot, tmp_path):
        table = ResultsTable()
        qtbot.addWidget(table)
        table.results.begin([tmp_path / "a.png"])
        table.resize(310, 200)
        table.show()
        end = table.columnViewportPosition(4) + table.columnWidth(4)
        assert end <= table.viewport().width()

    def test_a_failure_shows_its_error(self, qtbot, tmp_path):
        table = ResultsTable()
        qtbot.addWidget(table)
        failed = FileResult(tmp_path / "a.png", None, "failed", 0.1, error="unreadable")
        table.results.take([failed])
        texts = [table.model().index(0, column).data() for column in range(6)]
        assert texts == ["a.png", "failed", "0.1", "", "", "unreadable"]
