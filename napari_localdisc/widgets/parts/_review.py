"""Which results to look at first: those that are least sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_localdisc.viewer.layers import Plane


@dataclass(frozen=True)
class Reviewed:
    """A result: the plane it belongs to, and how sure it is, in [0, 1]."""

    plane: Plane
    confidence: float


class ReviewTable(QTableWidget):
    """Results by confidence, the lowest first.

    Attributes
    ----------
    chosen : Signal(Plane)
        The user wants to see a result.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__(0, 2)
        self.setHorizontalHeaderLabels(["Image", "Confidence"])
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # patients' numbers are at the end
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMinimumHeight(90)
        self.setToolTip(
            "The Dice that each mask can be expected to have. Look at the lowest first; click one"
            " to see it, and correct it with napari's brush."
        )
        self._results: list[Reviewed] = []
        self.currentCellChanged.connect(self._on_row)
        self.hide()

    def fill(self, results: Sequence[Reviewed]) -> None:
        """Show results; hides for fewer than two."""
        self._results = sorted(results, key=lambda result: result.confidence)
        self.blockSignals(True)
        self.setRowCount(len(self._results))
        for row, result in enumerate(self._results):
            name = QTableWidgetItem(result.plane.name)
            name.setToolTip(result.plane.name)
            self.setItem(row, 0, name)
            number = QTableWidgetItem(f"{result.confidence:.2f}")
            number.setTextAlignment(
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            )
            self.setItem(row, 1, number)
        self.setCurrentCell(-1, -1)
        self.blockSignals(False)
        self.setVisible(len(self._results) > 1)

    def _on_row(self, row: int) -> None:
        if row >= 0:
            self.chosen.emit(self._results[row].plane)
