"""The table of a batch: a row a file, quick at ten thousand of them."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_localdisc.io.report import FileResult

_HEADERS = ("File", "Status", "Seconds", "Area", "Confidence", "Error")
_NO_PARENT = QModelIndex()


class ResultsModel(QAbstractTableModel):
    """File results as a Qt table model; rows are only ever added."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[FileResult] = []

    def add(self, result: FileResult) -> None:
        """Append a row."""
        row = len(self.results)
        self.beginInsertRows(_NO_PARENT, row, row)
        self.results.append(result)
        self.endInsertRows()

    def clear(self) -> None:
        """Remove all rows."""
        self.beginResetModel()
        self.results = []
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.results)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _HEADERS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        result = self.results[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _texts(result)[index.column()]
        if role == Qt.ItemDataRole.UserRole:
            return _values(result)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return result.error or str(result.path)
        return None


class ResultsTable(QTableView):
    """A sortable view of a `ResultsModel`."""

    opened = Signal(object)
    """A row was double-clicked; carries its `FileResult`."""

    def __init__(self) -> None:
        super().__init__()
        self.results = ResultsModel()
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.results)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for column, width in enumerate((110, 52, 58, 62, 76, 120)):
            self.setColumnWidth(column, width)
        self.setToolTip("Double-click a row to open the image with its mask.")
        self.doubleClicked.connect(self._on_double_click)

    def _on_double_click(self, index: QModelIndex) -> None:
        row = self._sorted.mapToSource(index).row()
        self.opened.emit(self.results.results[row])


def _texts(result: FileResult) -> tuple[str, ...]:
    done = result.status == "done"
    return (
        result.path.name,
        result.status,
        f"{result.seconds:.1f}",
        str(result.area) if done else "",
        f"{result.confidence:.2f}" if done else "",
        result.error,
    )


def _values(result: FileResult) -> tuple[str | float, ...]:
    return (
        result.path.name,
        result.status,
        result.seconds,
        result.area,
        result.confidence,
        result.error,
    )
