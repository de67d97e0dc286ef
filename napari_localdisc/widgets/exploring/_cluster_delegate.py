"""How a cluster is drawn in the strip: thumbnail, tick in its corner, two lines below."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent, QPainter
from qtpy.QtWidgets import (
    QCheckBox,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionButton,
    QStyleOptionViewItem,
    QWidget,
)

from napari_localdisc.core.clusters.thumbnail import SIDE
from napari_localdisc.widgets.parts._flags import joined

State = QStyle.StateFlag

ISOLATED = Qt.ItemDataRole.UserRole
"""Role of whether a cluster is the only one shown."""

CELL = QSize(90, 102)
_MARGIN = 3
_TICK = 16
_LINE = 16


class ClusterDelegate(QStyledItemDelegate):
    """Draws clusters; Qt's own leaves too little room for their text beside the tick."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        # Never shown: it lends its looks, which the theme has for check boxes, not for lists.
        self._box = QCheckBox(parent)
        self._box.hide()

    def sizeHint(self, *_: object) -> QSize:
        """Return the size of a cell."""
        return CELL

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw a cluster."""
        self.initStyleOption(option, index)
        style = option.widget.style()
        name, figures = index.data(Qt.ItemDataRole.DisplayRole).split("\n")
        element = QStyle.PrimitiveElement
        option.state = cast(State, option.state & ~State.State_Selected)
        if index.data(ISOLATED):
            option.state = joined(option.state, State.State_Selected)
        style.drawPrimitive(element.PE_PanelItemViewItem, option, painter, option.widget)
        thumbnail = _thumbnail(option.rect)
        option.icon.paint(painter, thumbnail)
        name = option.fontMetrics.elidedText(name, Qt.TextElideMode.ElideRight, CELL.width() - 4)
        painter.save()
        painter.setPen(option.palette.color(option.palette.ColorRole.Text))
        for number, text in enumerate((name, figures)):
            line = _line(option.rect, number)
            painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, text)
        if option.state & State.State_HasFocus:
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))
        painter.restore()
        tick = QStyleOptionButton()
        tick.rect = _tick(option.rect)
        ticked = option.checkState == Qt.CheckState.Checked
        tick.state = joined(State.State_Enabled, State.State_On if ticked else State.State_Off)
        style.drawPrimitive(element.PE_IndicatorCheckBox, tick, painter, self._box)

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: QModelIndex,
    ) -> bool:
        """Tick by a click on the tick or the space bar."""
        if not (_is_click(event, _tick(option.rect)) or _is_space(event)):
            return False
        return model.setData(index, None, Qt.ItemDataRole.CheckStateRole)

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, _: QModelIndex
    ) -> None:
        """Let a name be typed where it is shown."""
        editor.setGeometry(_line(option.rect, 0).adjusted(0, -3, 0, 5))


def _is_click(event: QEvent, place: QRect) -> bool:
    released = event.type() == QEvent.Type.MouseButtonRelease
    return released and isinstance(event, QMouseEvent) and place.contains(event.pos())


def _is_space(event: QEvent) -> bool:
    pressed = event.type() == QEvent.Type.KeyPress
    return pressed and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space


def _thumbnail(cell: QRect) -> QRect:
    left = cell.left() + (cell.width() - SIDE) // 2
    return QRect(left, cell.top() + _MARGIN, SIDE, SIDE)


def _tick(cell: QRect) -> QRect:
    return QRect(cell.topLeft() + QPoint(2, _MARGIN), QSize(_TICK, _TICK))


def _line(cell: QRect, number: int) -> QRect:
    top = cell.top() + 2 * _MARGIN + SIDE + number * _LINE
    return QRect(cell.left(), top, cell.width(), _LINE)
