from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_localdisc.widgets.panels.clusters import ClustersPanel


@pytest.fixture
def panel(open_panel, viewer, session):
    panel = open_panel(ClustersPanel, viewer)
    panel.encoder_section.button.setChecked(True)
    panel.setFixedHeight(200)
    QApplication.processEvents()
    return panel


@pytest.fixture
def scrolled(panel):
    """How far the panel is scrolled."""
    bar = panel._area.verticalScrollBar()
    assert bar.maximum() > 0
    return bar.value


def turn(widget, notches):
    centre = QPointF(widget.rect().center())
    event = QWheelEvent(
        centre,
        QPointF(widget.mapToGlobal(widget.rect().center())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_the_wheel_scrolls_the_panel_over_what_was_not_clicked_into(panel, scrolled):
    panel.run_row.button.setFocus()
    before = panel.count.value(), panel.encoder_row.currentIndex()
    for widget in (panel.count, panel.encoder_row):
        at = scrolled()
        turn(widget, -1)
        assert scrolled() > at or at == panel._area.verticalScrollBar().maximum()
    assert scrolled() > 0
    assert (panel.count.value(), panel.encoder_row.currentIndex()) == before


def test_the_wheel_changes_what_was_clicked_into(panel, scrolled):
    QApplication.setActiveWindow(panel.window())
    panel.count.setFocus()
    at = scrolled()
    turn(panel.count, 1)
    assert panel.count.value() == panel.count.minimum() + 1
    assert scrolled() == at
