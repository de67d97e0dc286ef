"""Pixels as points in the plane of the embedding's first two components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyqtgraph
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QBrush, QColor

from napari_localdisc.reports.palette import cluster_colour
from napari_localdisc.viewer.exploring.pixel_layers import SELECTION

if TYPE_CHECKING:
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent, MouseDragEvent

_POINT, _CENTRE = 4, 15
_HEIGHT = 240
_Points = npt.NDArray[np.floating]


class _Lasso(pyqtgraph.ViewBox):  # type: ignore[misc]  # pyqtgraph has no types
    """A view in which dragging with the left button draws an outline."""

    outlined = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._corners: list[tuple[float, float]] = []
        self._line = pyqtgraph.PlotCurveItem(pen=pyqtgraph.mkPen(SELECTION, width=2))
        self.addItem(self._line, ignoreBounds=True)

    def mouseDragEvent(self, ev: MouseDragEvent, axis: int | None = None) -> None:
        """Draw with the left button; the others move and stretch as usual."""
        if ev.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        if ev.isStart():
            self._corners = [self._place(ev.buttonDownPos())]
        self._corners.append(self._place(ev.pos()))
        self._line.setData(*np.array([*self._corners, self._corners[0]]).T)
        if ev.isFinish() and len(self._corners) > 2:
            self.outlined.emit(np.array(self._corners))

    def clear_outline(self) -> None:
        """Wipe what was drawn."""
        self._line.setData([], [])

    def _place(self, position: pyqtgraph.Point) -> tuple[float, float]:
        point = self.mapToView(position)
        return point.x(), point.y()


class Scatter(pyqtgraph.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Some pixels and all cluster centres.

    Signals
    -------
    outlined(ndarray of float, shape (n, 2))
        Somebody drew an outline.
    picked(int)
        Somebody clicked the centre of a cluster.
    """

    outlined = Signal(object)
    picked = Signal(int)

    def __init__(self) -> None:
        self._lasso = _Lasso()
        super().__init__(viewBox=self._lasso, background=None)
        self.setFixedHeight(_HEIGHT)
        self.setLabel("bottom", "Component 1")
        self.setLabel("left", "Component 2")
        for side in ("bottom", "left"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self.setMenuEnabled(False)
        self.setAccessibleName("Pixels by the first two components of their embedding")
        self.pixels = pyqtgraph.ScatterPlotItem(size=_POINT, pen=None)
        self.centres = pyqtgraph.ScatterPlotItem(size=_CENTRE, hoverable=True)
        self.centres.setZValue(1)
        for item in (self.pixels, self.centres):
            self.addItem(item)
        self._lasso.outlined.connect(self.outlined)
        self.centres.sigClicked.connect(self._on_centre)

    def show_pixels(self, places: _Points, labels: npt.NDArray[np.uint8]) -> None:
        """Show pixels (2, n) of clusters (n,), each in the colour of its cluster."""
        self._lasso.clear_outline()
        brushes = {int(at): _brush(int(at), 150) for at in np.unique(labels)}
        self.pixels.setData(*places, brush=[brushes[int(label)] for label in labels])

    def show_centres(
        self, centres: Mapping[int, tuple[float, float]], names: Mapping[int, str]
    ) -> None:
        """Show cluster centres."""
        self.centres.setData(
            pos=np.array(list(centres.values())).reshape(-1, 2),
            data=list(centres),
            brush=[_brush(label, 255) for label in centres],
            symbol="d",
            tip=lambda data, **_: names.get(data, ""),
        )

    def follow_theme(self, text: str) -> None:
        """Draw axes, and the rims of centres, in the colour of a theme's text."""
        for side in ("bottom", "left"):
            self.getAxis(side).setPen(text)
            self.getAxis(side).setTextPen(text)
        self.centres.setPen(pyqtgraph.mkPen(text, width=1.5))

    def clear_outline(self) -> None:
        """Wipe what was drawn."""
        self._lasso.clear_outline()

    def _on_centre(
        self,
        _: pyqtgraph.ScatterPlotItem,
        points: Sequence[pyqtgraph.SpotItem],
        __: MouseClickEvent,
    ) -> None:
        if len(points):
            self.picked.emit(int(points[0].data()))


def _brush(label: int, opaque: int) -> QBrush:
    return QBrush(QColor(*cluster_colour(label), opaque))
