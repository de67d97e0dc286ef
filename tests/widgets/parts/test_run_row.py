from __future__ import annotations

import time

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress
from napari_localdisc.widgets.parts._panel import reported
from napari_localdisc.widgets.parts._run_row import RunRow


@pytest.fixture
def row(qtbot):
    row = RunRow("Go", "Start counting.")
    qtbot.addWidget(row)
    row.show()
    yield row
    row.runner.cancel()
    qtbot.waitUntil(lambda: not row.runner.running)


def counting(steps, pause=0.01):
    for step in range(steps):
        time.sleep(pause)
        yield Progress("count", step + 1, steps, f"Number {step + 1}")
    return steps


def click(qtbot, row):
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)


def test_idle(row):
    assert row.button.text() == "Go"
    assert row.title.isHidden()
    assert row.bar.isHidden()
    assert row.status.isHidden()


def test_a_click_asks_for_a_run(qtbot, row):
    with qtbot.waitSignal(row.requested):
        click(qtbot, row)


def test_progress_and_the_end(qtbot, row):
    row.start(counting(30), "Counting")
    assert row.button.text() == "Cancel"
    assert row.title.isVisible()
    assert row.title.text() == "Counting"
    qtbot.waitUntil(lambda: row.bar.value() > 5)
    assert row.bar.maximum() == 30
    assert row.status.text().startswith("Number")
    assert "left" in row.status.text()
    qtbot.waitUntil(lambda: not row.runner.running)
    assert row.button.text() == "Go"
    assert row.title.isHidden()
    assert row.bar.isHidden()
    assert row.status.text().startswith("Done in")


def test_cancel(qtbot, row):
    row.start(counting(10_000), "Counting")
    qtbot.waitUntil(lambda: row.bar.value() > 0)
    click(qtbot, row)
    assert row.button.text() == "Cancelling"
    assert not row.button.isEnabled()
    qtbot.waitUntil(lambda: not row.runner.running)
    assert row.button.text() == "Go"
    assert row.button.isEnabled()
    assert row.status.text() == "Cancelled."


def test_an_error_gives_the_button_back(qtbot, row):
    def failing():
        yield Progress("read", 0, 1)
        raise LocaldiscError("this will not do; try another.")

    row.start(failing(), "Failing")
    qtbot.waitUntil(lambda: not row.runner.running)
    assert row.button.text() == "Go"
    assert row.button.isEnabled()
    assert row.status.text() == "this will not do; try another."


def test_what_a_panel_says_about_the_result_stays(qtbot, row):
    row.runner.returned.connect(lambda total: row.say(f"Counted to {total}."))
    row.start(counting(2), "Counting")
    qtbot.waitUntil(lambda: not row.runner.running)
    assert row.status.text() == "Counted to 2."


def test_a_row_that_is_deleted_stops_its_run(qtbot):
    closed = []

    def endless():
        try:
            while True:
                time.sleep(0.01)
                yield Progress("count", 0, 0)
        finally:
            closed.append(True)

    row = RunRow("Go", "")
    row.start(endless(), "Counting")
    qtbot.waitUntil(lambda: row.runner.running)
    with qtbot.waitSignal(row.destroyed):
        row.deleteLater()
    qtbot.waitUntil(lambda: bool(closed))


def test_in_a_window_with_a_busy_activity_dock_everything_is_told_in_order(
    make_napari_viewer, qtbot, row
):
    make_napari_viewer()
    told = []

    def quick():
        for step in range(200):
            yield Progress(f"stage {step % 7}", step, 200, payload=step)
        return 200

    row.runner.progressed.connect(lambda event: told.append(event.payload))
    row.runner.returned.connect(told.append)
    row.start(quick(), "Counting")
    qtbot.waitUntil(lambda: not row.runner.running, timeout=60_000)
    assert told == list(range(201))
    assert row.status.text().startswith("Done in")


LONG = (
    "film-of-a-patient-with-a-long-name-0017.dcm has no pixels (a presentation state); give the"
    " image that it belongs to, or leave it out by --exclude."
)


@pytest.fixture
def narrow(qtbot):
    """A row as wide as a panel on a laptop."""
    row = RunRow("Run", "Runs.")
    qtbot.addWidget(row)
    row.setFixedWidth(290)
    row.show()
    return row


def test_an_error_stands_there_whole_until_the_next_run(qtbot, narrow):
    def fail():
        yield Progress("read", 0, 1)
        raise LocaldiscError(LONG)

    narrow.start(fail(), "Failing")
    qtbot.waitUntil(lambda: not narrow.runner.running)
    qtbot.waitUntil(lambda: narrow.status.text() == LONG)
    label = narrow.status.findChildren(QLabel)[-1]
    needed = label.heightForWidth(label.width())
    qtbot.waitUntil(lambda: label.height() >= needed > 2 * label.fontMetrics().height())
    assert "border-left" in label.styleSheet()

    narrow.start(iter_of(Progress("read", 0, 1)), "Going on")
    qtbot.waitUntil(lambda: narrow.status.text().startswith("Done in"))
    assert label.styleSheet() == ""


def test_an_error_before_a_run_stands_there_as_well(narrow):
    with reported(narrow):
        raise LocaldiscError(LONG)
    assert narrow.status.isVisible()
    assert narrow.status.text() == LONG


def iter_of(event):
    yield event
