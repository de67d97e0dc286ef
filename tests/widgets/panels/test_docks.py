from __future__ import annotations

import sys

import pytest
from qtpy.QtCore import QTimer

from napari_localdisc.widgets.jobs.pool import threads
from napari_localdisc.widgets.panels import PANELS
from napari_localdisc.widgets.panels.docks import DOCKS, Dock


@pytest.fixture
def slow_dock(tmp_path, monkeypatch):
    """A dock whose panel takes half a second to import."""
    (tmp_path / "slow_panel.py").write_text(
        "import time\n"
        "from qtpy.QtWidgets import QWidget\n"
        "time.sleep(0.5)\n"
        "class SlowPanel(QWidget):\n"
        "    def __init__(self, viewer):\n"
        "        super().__init__()\n"
        "        self.viewer = viewer\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield type("SlowDock", (Dock,), {"panel_path": "slow_panel:SlowPanel"})
    sys.modules.pop("slow_panel", None)


def opened(qtbot, kind, viewer):
    dock = kind(viewer)
    qtbot.addWidget(dock)
    dock.show()
    return dock


@pytest.mark.parametrize("entry", PANELS, ids=lambda entry: entry.id)
def test_the_panel_arrives(qtbot, viewer, entry):
    dock = opened(qtbot, DOCKS[entry.id], viewer)
    assert dock.panel is None
    assert "Loading" in dock.note.text()
    qtbot.waitUntil(lambda: dock.panel is not None)
    assert entry.path == f"{type(dock.panel).__module__}:{type(dock.panel).__name__}"
    assert dock.panel.viewer is viewer
    qtbot.waitUntil(dock.panel.isVisible)
    assert not dock.note.isVisible()


def test_the_window_lives_on_while_a_panel_is_imported(qtbot, viewer, slow_dock):
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(dock.panel))
    timer.start(10)
    dock = opened(qtbot, slow_dock, viewer)
    qtbot.waitUntil(lambda: dock.panel is not None)
    assert ticks.count(None) > 10
    assert dock.panel.viewer is viewer


def test_what_cannot_be_imported_is_told_in_the_dock(qtbot, viewer, notes):
    kind = type("LostDock", (Dock,), {"panel_path": "no_such_module:Panel"})
    dock = opened(qtbot, kind, viewer)
    qtbot.waitUntil(lambda: "Loading" not in dock.note.text())
    assert "no_such_module" in dock.note.text()
    assert "Install" in dock.note.text()
    assert dock.note.isVisible()
    assert isinstance(notes[-1].exception, ModuleNotFoundError)


def test_a_dock_that_is_deleted_while_it_loads_gets_no_panel(qtbot, viewer, slow_dock, notes):
    dock = opened(qtbot, slow_dock, viewer)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    threads().waitForDone()
    qtbot.wait(10)
    assert "slow_panel" in sys.modules
    assert dock.panel is None
    assert notes == []
