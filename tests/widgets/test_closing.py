"""Closing a dock, a window or napari while something runs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from napari.utils.progress import progress

from napari_localdisc.base.progress import Progress

QUIT_WHILE_RUNNING = """
import time
import napari
from qtpy.QtCore import QTimer
from napari_localdisc.base.progress import Progress

def endless():
    try:
        while True:
            time.sleep(0.01)
            yield Progress("count", 0, 0)
    finally:
        print("stopped", flush=True)

def close(event):
    dock.panel.run_row.runner.progressed.disconnect(close)
    QTimer.singleShot(0, viewer.close)

def start():
    if dock.panel is None:
        return
    clock.stop()
    dock.panel.run_row.runner.progressed.connect(close)
    dock.panel.run_row.start(endless(), "Counting")

viewer = napari.Viewer()
_, dock = viewer.window.add_plugin_dock_widget("napari-localdisc", "Clusters")
clock = QTimer()
clock.timeout.connect(start)
clock.start(50)
napari.run()
print("left", flush=True)
"""


class Endless:
    """A run that only ends by being closed."""

    def __init__(self):
        self.started, self.closed = threading.Event(), threading.Event()

    def run(self):
        try:
            while True:
                self.started.set()
                time.sleep(0.01)
                yield Progress("count", 0, 0)
        finally:
            self.closed.set()


@pytest.fixture
def endless(qtbot):
    """Start an endless run in a panel."""
    run = Endless()

    def start(panel):
        panel.run_row.start(run.run(), "Counting")
        qtbot.waitUntil(run.started.is_set)
        return run

    return start


def test_a_closed_dock_stops_its_run(make_napari_viewer, dock_panel, endless, qtbot, notes):
    viewer = make_napari_viewer()
    panel = dock_panel(viewer, "Find")
    run = endless(panel)
    frame = panel.parentWidget().parentWidget()
    with qtbot.waitSignal(panel.destroyed):
        frame.destroyOnClose()
    qtbot.waitUntil(run.closed.is_set)
    qtbot.waitUntil(lambda: not progress._all_instances)
    assert notes == []


def test_a_dock_closed_while_layers_are_added_adds_no_more(
    make_napari_viewer, dock_panel, qtbot, notes
):
    viewer = make_napari_viewer()
    panel = dock_panel(viewer, "Find")
    runner, frame = panel.run_row.runner, panel.parentWidget().parentWidget()

    def adding():
        for _ in range(5):
            viewer.add_labels(np.zeros((16, 16), np.uint8))
            yield

    def one_step():
        yield Progress("count", 0, 1)

    runner.returned.connect(lambda _: runner.unfold(adding()))
    viewer.layers.events.inserted.connect(lambda _: frame.destroyOnClose())
    panel.run_row.start(one_step(), "Counting")
    with qtbot.waitSignal(panel.destroyed):
        qtbot.waitUntil(lambda: not runner.running)
    qtbot.wait(20)
    assert len(viewer.layers) == 1
    assert notes == []


def test_a_hidden_dock_keeps_running(make_napari_viewer, dock_panel, endless, choose, qtbot):
    viewer = make_napari_viewer(show=True)
    panel = dock_panel(viewer, "Clusters")
    run = endless(panel)
    panel.parentWidget().parentWidget().hide()
    qtbot.wait(50)
    assert panel.run_row.runner.running
    assert not run.closed.is_set()
    panel.run_row.runner.cancel()
    qtbot.waitUntil(run.closed.is_set)


def test_a_closed_window_stops_what_runs(make_napari_viewer, dock_panel, endless, qtbot, notes):
    viewer = make_napari_viewer()
    run = endless(dock_panel(viewer, "Clusters"))
    viewer.close()
    qtbot.waitUntil(run.closed.is_set)
    qtbot.wait(10)
    assert notes == []


def test_napari_ends_with_nothing_left_behind():
    ended = subprocess.run(
        [sys.executable, "-c", QUIT_WHILE_RUNNING], capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout.split()[-2:] == ["stopped", "left"]
