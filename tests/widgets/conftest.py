from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from napari._app_model import get_app_model
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from npe2 import PluginManager
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.viewer.session import session_of


def pytest_collection_modifyitems(items):
    """Keep all windows in one process: they share the screen's one pointer."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("windows"))


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def session(viewer, encoder_file):
    """The session of the viewer, with the tiny encoder chosen."""
    session = session_of(viewer)
    session.encoder_name = str(encoder_file)
    session.device = "cpu"
    return session


@pytest.fixture(scope="session")
def xrays():
    """Three X-ray phantoms, shape (3, 64, 64)."""
    return np.stack([xray_phantom(seed, 64).image for seed in range(3)])


@pytest.fixture
def films(xrays, tmp_path):
    """A folder of the three phantoms."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number, xray in enumerate(xrays):
        PIL.Image.fromarray(xray).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def readers():
    """The readers of napari and of this plugin, which its tests do without otherwise."""
    PluginManager.instance().discover()


@pytest.fixture
def notes():
    """What the user has been told since the test began."""
    notification_manager.records.clear()
    return notification_manager.records


@pytest.fixture
def click(qtbot):
    def click(button):
        qtbot.mouseClick(getattr(button, "native", button), Qt.MouseButton.LeftButton)

    return click


@pytest.fixture
def tick(qtbot):
    """Click the box of a check box, wherever its text ends."""

    def tick(box):
        native = getattr(box, "native", box)
        place = QPoint(10, native.height() // 2)
        qtbot.mouseClick(native, Qt.MouseButton.LeftButton, pos=place)

    return tick


@pytest.fixture
def hover():
    """Move the pointer over a widget, without the pointer of the screen: it may be late."""

    def hover(widget, place, button=Qt.MouseButton.NoButton):
        where = QPointF(place), QPointF(widget.mapToGlobal(place))
        event = QMouseEvent(
            QEvent.Type.MouseMove, *where, button, button, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(widget, event)

    return hover


@pytest.fixture
def open_panel(qtbot):
    """Open a panel, and stop what it runs at the end."""
    panels = []

    def open_panel(kind, viewer):
        panel = kind(viewer)
        qtbot.addWidget(panel)
        panel.show()
        panels.append(panel)
        return panel

    yield open_panel
    for panel in panels:
        panel.run_row.runner.cancel()
        qtbot.waitUntil(lambda runner=panel.run_row.runner: not runner.running, timeout=20_000)


@pytest.fixture
def finish(qtbot):
    """Wait for a panel's run to end."""

    def finish(panel, timeout=30_000):
        qtbot.waitUntil(lambda: not panel.run_row.runner.running, timeout=timeout)

    return finish


@pytest.fixture
def dock_panel(qtbot):
    """Open a dock and wait for its panel."""

    def dock_panel(viewer, name):
        _, dock = viewer.window.add_plugin_dock_widget("napari-localdisc", name)
        # The first one of a session imports torch.
        qtbot.waitUntil(lambda: dock.panel is not None, timeout=30_000)
        return dock.panel

    return dock_panel


@pytest.fixture
def choose(qtbot):
    """Choose a dock in the menu; returns its name in the window."""

    def choose(viewer, name):
        get_app_model().commands.execute_command(f"napari-localdisc.{name.lower()}").result()
        return f"{name} (Local discrimination)"

    return choose
