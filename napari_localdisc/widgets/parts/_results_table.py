"""The table of a batch: a row a file, quick at ten thousand of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_localdisc.reports.report import FileResult

_HEADERS = ("File", "Status", "Seconds", "Area", "Confidence", "Error")
_NO_PARENT = QModelIndex()


class ResultsModel(QAbstractTableModel):
    """Files and what became of them as a Qt table model, each in a row of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._paths: list[Path] = []
        self._found: dict[Path, FileResult] = {}
        self._rows: dict[Path, int] = {}

    @property
    def results(self) -> list[FileResult]:
        """Results so far, in the order of the rows."""
        return [self._found[path] for path in self._paths if path in self._found]

    def begin(self, paths: Sequence[Path]) -> None:
        """Replace the rows by files that nothing is known of yet."""
        self.beginResetModel()
        self._paths, self._found = list(dict.fromkeys(paths)), {}
        self._rows = {path: row for row, path in enumerate(self._paths)}
        self.endResetModel()

    def take(self, results: Sequence[FileResult]) -> None:
        """Fill in rows; a file without one gets one."""
        if not results:
            return
        if unknown := [result.path for result in results if result.path not in self._rows]:
            first = len(self._paths)
            self.beginInsertRows(_NO_PARENT, first, first + len(unknown) - 1)
            self._paths += unknown
            self._rows |= {path: first + number for number, path in enumerate(unknown)}
            self.endInsertRows()
        self._found |= {result.path: result for result in results}
        rows = [self._rows[result.path] for result in results]
        corners = self.index(min(rows), 0), self.index(max(rows), len(_HEADERS) - 1)
        self.dataChanged.emit(*corners)

    def at(self, row: int) -> FileResult | None:
        """Tell what became of the file in a row; None if it is still waiting."""
        return self._found.get(self._paths[row])

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._paths)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _HEADERS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        path, column = self._paths[index.row()], index.column()
        result = self._found.get(path)
        if role == Qt.ItemDataRole.DisplayRole:
            return _texts(result)[column] if result else (path.name, "waiting", *[""] * 4)[column]
        if role == Qt.ItemDataRole.UserRole:
            return _values(result)[column] if result else _unknown(path)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return result.error if result and result.error else str(path)
        return None


class ResultsTable(QTableView):
    """A sortable view of a `ResultsModel`."""

    opened = Signal(object)
    """A row was double-clicked, or Enter pressed on it; carries its `FileResult`."""
    moved = Signal(object)
    """The user went to another row, by key or mouse; carries its `FileResult`."""

    def __init__(self) -> None:
        super().__init__()
        self.results = ResultsModel()
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.results)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # patients' numbers are at the end
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        # A dock is narrow, and this is what rows are sorted by.
        header.moveSection(_HEADERS.index("Confidence"), _HEADERS.index("Seconds"))
        for column, width in enumerate((102, 52, 58, 62, 88, 120)):
            self.setColumnWidth(column, width)
        self.setToolTip(
            "Double-click a row, or press Enter, to open image and mask; arrow keys go on to the"
            " next. Click a heading to sort."
        )
        self.activated.connect(self._on_activated)

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Say that the user went to another row; rows that are sorted or come in say nothing."""
        super().currentChanged(current, previous)
        result = self._result(current) if current.isValid() and self.hasFocus() else None
        if result is not None and current.row() != previous.row():
            self.moved.emit(result)

    def _on_activated(self, index: QModelIndex) -> None:
        result = self._result(index)
        if result is not None:
            self.opened.emit(result)

    def _result(self, index: QModelIndex) -> FileResult | None:
        return self.results.at(self._sorted.mapToSource(index).row())


def _texts(result: FileResult) -> tuple[str, ...]:
    done = result.status == "done"
    return (
        result.path.name,
        "kept" if result.kept else result.status,
        f"{result.seconds:.1f}",
        str(result.area) if done else "",
        ""
        if result.confidence is None
        else f"{round(result.confidence, 4):.2f}",  # as in the report
        result.error,
    )


def _unknown(path: Path) -> tuple[str | float, ...]:
    """Sorted behind what is known, by rising confidence too."""
    return path.name, "waiting", -1.0, -1, 2.0, ""


def _values(result: FileResult) -> tuple[str | float, ...]:
    return (
        result.path.name,
        result.status,
        result.seconds,
        result.area,
        result.confidence or 0.0,
        result.error,
    )
