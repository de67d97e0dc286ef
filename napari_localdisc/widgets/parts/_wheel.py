"""The mouse wheel scrolls a panel; it changes only what has been clicked into."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QGraphicsView,
    QScrollBar,
    QWidget,
)

_TURNED = (QAbstractSlider, QAbstractSpinBox, QComboBox)
"""What a wheel changes by itself; plots it zooms."""


class WheelGuard(QObject):
    """Passes the wheel on to the panel, unless the control or plot under it has the focus."""

    def guard(self, panel: QWidget) -> None:
        """Watch the controls and plots that a panel has by now; twice is as good as once."""
        for control in panel.findChildren(QWidget):
            if isinstance(control, _TURNED) and not isinstance(control, QScrollBar):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not by the wheel itself
                control.installEventFilter(self)
            elif isinstance(control, QGraphicsView):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                control.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave a wheel's turn to what lies around a control that has no focus."""
        if event.type() != QEvent.Type.Wheel or not isinstance(watched, QWidget):
            return False
        parent = watched.parentWidget()
        owner = parent if isinstance(parent, QGraphicsView) else watched
        if owner.hasFocus():
            return False
        event.ignore()
        return True
