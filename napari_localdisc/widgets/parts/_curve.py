"""How the KL falls while guidance runs."""

from __future__ import annotations

import time

import pyqtgraph as pg
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_localdisc.base.progress import Progress

_HEIGHT = 110
_TRIED, _JUDGED = "#8f8f8f", "#00b8d4"


class KLCurve(QWidget):
    """The shape KL over the seconds of a run: what is tried, and what each stage is judged by."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_HEIGHT)
        self.setToolTip(
            "Shape KL between the masks and the prior, over seconds: grey what is tried, blue what"
            " each stage ends with. Lower is more like the prior."
        )
        self._plot = pg.PlotWidget(background=None, axisItems={"bottom": _Seconds("bottom")})
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.setLabel("left", "KL")
        self._plot.getAxis("left").enableAutoSIPrefix(False)
        self._tried = self._plot.plot(pen=None, symbol="o", symbolSize=3, symbolBrush=_TRIED)
        self._tried.opts["symbolPen"] = None
        self._judged = self._plot.plot(
            pen=pg.mkPen(_JUDGED, width=2), symbol="o", symbolSize=7, symbolBrush=_JUDGED
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.points: dict[str, list[tuple[float, float]]] = {}
        self.clear()

    def clear(self) -> None:
        """Begin a run."""
        self._began = time.monotonic()
        self.points = {"tried": [], "judged": []}
        self._draw()
        self.hide()

    def add(self, event: Progress) -> None:
        """Take a point from a progress event that has one."""
        if "kl" not in event.values:
            return
        kind = "judged" if event.stage == "preview" else "tried"
        self.points[kind].append((time.monotonic() - self._began, event.values["kl"]))
        self._draw()
        self.show()

    def _draw(self) -> None:
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        for side in ("left", "bottom"):
            self._plot.getAxis(side).setPen(ink)
            self._plot.getAxis(side).setTextPen(ink)
        for kind, curve in (("tried", self._tried), ("judged", self._judged)):
            points = self.points[kind]
            curve.setData([at for at, _ in points], [kl for _, kl in points])


class _Seconds(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis that says its unit where there is no room for a label."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return what is written at ticks."""
        return [f"{tick} s" for tick in super().tickStrings(values, scale, spacing)]
