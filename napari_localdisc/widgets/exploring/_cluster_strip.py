"""Clusters side by side: a thumbnail, size and compactness of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import (
    QAbstractListModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QIcon, QImage, QKeyEvent, QKeySequence, QMouseEvent, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QAction, QListView

from napari_localdisc.core.clusters.grouping import Grouping
from napari_localdisc.core.clusters.thumbnail import SIDE
from napari_localdisc.reports.palette import cluster_colour
from napari_localdisc.viewer.exploring.explore import ExploredPlanes
from napari_localdisc.widgets.exploring._cluster_delegate import CELL, ISOLATED, ClusterDelegate
from napari_localdisc.widgets.parts._flags import joined

_Role = Qt.ItemDataRole
_HEIGHT = 208


class ClusterModel(QAbstractListModel):
    """The groups of clusters that occur, largest first; each has a name and a tick.

    Signals
    -------
    renamed(int, str)
        Somebody typed a name for a cluster.
    """

    renamed = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self._labels: list[int] = []
        self._ticked: set[int] = set()
        self._table: dict[int, dict[str, float]] = {}
        self._icons: dict[int, QIcon] = {}
        self._grouping = Grouping(0)
        self.ticking = False
        self.isolated: int | None = None

    def show(self, exploration: ExploredPlanes, grouping: Grouping) -> None:
        """Show clusters as they are grouped by now."""
        self.beginResetModel()
        table = exploration.cluster_statistics.grouped(grouping.lookup).table()
        rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
        rows.sort(key=lambda row: -row["size"])
        self._table = {int(row["label"]): row for row in rows}
        self._labels = list(self._table)
        self._ticked &= set(self._labels)
        self._grouping = grouping
        counts = np.stack([explored.cluster_statistics.counts for explored in exploration.planes])
        self._icons = {
            label: _icon(exploration, counts, grouping.members(label)) for label in self._labels
        }
        self.endResetModel()

    @property
    def ticked(self) -> list[int]:
        """Labels of the ticked clusters."""
        return sorted(self._ticked)

    def label(self, index: QModelIndex) -> int:
        """Return the label of a row."""
        return self._labels[index.row()]

    def place(self, label: int | None) -> QModelIndex:
        """Return where a cluster is, or nowhere."""
        return self.index(self._labels.index(label)) if label in self._labels else QModelIndex()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Count the clusters."""
        return 0 if parent is not None and parent.isValid() else len(self._labels)

    def flags(self, _: QModelIndex) -> Qt.ItemFlag:
        """Let every cluster be chosen, ticked and renamed."""
        flag = Qt.ItemFlag
        return joined(
            flag.ItemIsEnabled,
            flag.ItemIsSelectable,
            flag.ItemIsEditable,
            flag.ItemIsUserCheckable,
        )

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> Any:
        """Return what is shown of a cluster."""
        if not index.isValid():
            return None
        label = self.label(index)
        shown: dict[int, Callable[[], object]] = {
            _Role.DisplayRole: lambda: self._text(label),
            _Role.EditRole: lambda: self._grouping.name(label),
            _Role.DecorationRole: lambda: self._icons[label],
            _Role.ToolTipRole: lambda: self._sentence(label),
            _Role.AccessibleTextRole: lambda: self._sentence(label),
            ISOLATED: lambda: label == self.isolated,
            _Role.CheckStateRole: lambda: _state(label in self._ticked),
        }
        return shown[role]() if role in shown else None

    def setData(self, index: QModelIndex, value: Any, role: int = _Role.EditRole) -> bool:
        """Take a name or a tick."""
        label = self.label(index)
        if role == _Role.EditRole:
            self.renamed.emit(label, str(value))
            return True
        if role != _Role.CheckStateRole:
            return False
        self.ticking = True
        self._ticked ^= {label}
        self.dataChanged.emit(index, index, [role])
        return True

    def _text(self, label: int) -> str:
        row = self._table[label]
        return f"{self._grouping.name(label)}\n{row['area']:.1%} · {row['compactness']:.2f}"

    def _sentence(self, label: int) -> str:
        row, name = self._table[label], self._grouping.name(label)
        lines = [
            f"{name}: {row['area']:.1%} of the pixels ({row['size']:,.0f}).",
            f"Compactness {row['compactness']:.2f}: 1 if all its pixels look the same"
            " to the encoder.",
        ]
        if row["nearest"]:
            nearest = self._grouping.name(int(row["nearest"]))
            lines.append(f"Most like {nearest} (similarity {row['nearest_similarity']:.2f}).")
        merged = self._grouping.members(label)[1:]
        if merged:
            lines.append(f"Clusters {', '.join(map(str, merged))} are merged into it.")
        return "\n".join([*lines, "Click: only this one. Ctrl-click: merge. F2: name."])


class ClusterStrip(QListView):
    """The strip of clusters.

    Signals
    -------
    chosen(int)
        A cluster was clicked, or Enter was pressed on it.
    merge_wanted(int)
        It was Ctrl-clicked.
    undo_wanted()
    """

    chosen = Signal(int)
    merge_wanted = Signal(int)
    undo_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.clusters = ClusterModel()
        self._modifiers = Qt.KeyboardModifier.NoModifier
        self.setModel(self.clusters)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setGridSize(CELL)
        self.setItemDelegate(ClusterDelegate(self))
        self.setUniformItemSizes(True)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Clusters, the largest first")
        # On the ground that napari gives lists its ticks can hardly be seen.
        self.setStyleSheet("QListView { background: transparent; }")
        # What is shown alone is marked instead, wherever the keyboard moves to.
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.clicked.connect(self._on_clicked)
        self._keys: dict[str, Callable[[], object]] = {
            "Return": self._choose_current,
            "Enter": self._choose_current,
            "Ctrl+Return": self._merge_current,
            "Ctrl+Enter": self._merge_current,
            "Ctrl+Z": self.undo_wanted.emit,
        }
        self._add_action("Show only this, or all again\tEnter", self._choose_current)
        self._add_action("Merge into the one shown\tCtrl+Enter", self._merge_current)
        self._add_action("Name…\tF2", lambda: self.edit(self.currentIndex()))
        self._add_action("Undo merge or name\tCtrl+Z", self.undo_wanted.emit)

    def show_clusters(self, exploration: ExploredPlanes, grouping: Grouping) -> None:
        """Show clusters as they are grouped by now; the keyboard stays on the same one."""
        current = self.currentIndex()
        label = self.clusters.label(current) if current.isValid() else 0
        self.clusters.show(exploration, grouping)
        if 0 < label <= grouping.count:
            self.selectionModel().setCurrentIndex(
                self.clusters.place(int(grouping.lookup[label])),
                QItemSelectionModel.SelectionFlag.NoUpdate,
            )

    def mark(self, label: int | None) -> None:
        """Mark the only cluster shown, or none."""
        self.clusters.isolated = label
        if label is not None:
            self.setCurrentIndex(self.clusters.place(label))
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take a click for one on the thumbnail until it proves to be one on the tick."""
        self.clusters.ticking = False
        self._modifiers = event.modifiers()
        super().mousePressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep the strip's keys from the window, whose shortcuts would come first."""
        asked = event.type() == QEvent.Type.ShortcutOverride
        if asked and isinstance(event, QKeyEvent) and _name(event) in self._keys:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do by keyboard what can be done by mouse."""
        # The line that a name is typed into passes Enter on when it is done.
        typing = self.state() == QAbstractItemView.State.EditingState
        if _name(event) in self._keys and not typing:
            self._keys[_name(event)]()
        else:
            super().keyPressEvent(event)

    def _add_action(self, text: str, call: Callable[[], None]) -> None:
        action = QAction(text, self)
        action.triggered.connect(lambda _=False: call())
        self.addAction(action)

    def _on_clicked(self, index: QModelIndex) -> None:
        if self.clusters.ticking:
            return
        control = Qt.KeyboardModifier.ControlModifier
        wanted = self.merge_wanted if self._modifiers & control else self.chosen
        wanted.emit(self.clusters.label(index))

    def _choose_current(self) -> None:
        if self.currentIndex().isValid():
            self.chosen.emit(self.clusters.label(self.currentIndex()))

    def _merge_current(self) -> None:
        if self.currentIndex().isValid():
            self.merge_wanted.emit(self.clusters.label(self.currentIndex()))


def _name(event: QKeyEvent) -> str:
    """Name a key with its modifiers, as in ``"Ctrl+Z"``; those of a keypad count like others."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    control = "Ctrl+" if modifiers == Qt.KeyboardModifier.ControlModifier else ""
    return control + QKeySequence(event.key()).toString() if control or not modifiers else ""


def _icon(
    exploration: ExploredPlanes, counts: npt.NDArray[np.int64], members: Sequence[int]
) -> QIcon:
    """Draw a group on the plane that has most of it, given the pixels (planes, clusters)."""
    best = exploration.planes[counts[:, np.array(members) - 1].sum(axis=1).argmax()]
    tile = best.thumbnail.tile(members, cluster_colour(members[0]))
    height, width, _ = tile.shape
    image = QImage(tile.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    # QIcon would grey it out, or tint it, where the row is not enabled or is selected.
    icon = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        icon.addPixmap(QPixmap.fromImage(image), mode)
    return icon


def _state(ticked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
