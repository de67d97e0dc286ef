"""What became of a run of *Clusters*: how it is shown, merged, named and exported."""

from __future__ import annotations

from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QPushButton, QWidget
from superqt import QLabeledSlider

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.clusters.grouping import Grouping
from napari_localdisc.viewer.exploring.cluster_layers import ClusterLayers
from napari_localdisc.viewer.exploring.explore import ExploredPlanes
from napari_localdisc.widgets.exploring._cluster_strip import ClusterStrip
from napari_localdisc.widgets.parts._panel import reported, wrapped_label

_TABLE = ("napari", "Features table widget")


class ClusterResults(QWidget):
    """Cluster maps of one run, and the strip of their clusters.

    Signals
    -------
    regrouped()
        Clusters were merged, named or taken apart again.
    isolated(object)
        Only this cluster is shown, or all for None.

    Attributes
    ----------
    layers : ClusterLayers or None
    exploration : ExploredPlanes or None
    grouping : Grouping
    """

    regrouped = Signal()
    isolated = Signal(object)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.layers: ClusterLayers | None = None
        self.exploration: ExploredPlanes | None = None
        self.grouping = Grouping(0)
        self.opacity = QLabeledSlider(Qt.Orientation.Horizontal)
        self.borders = QCheckBox("Borders only")
        self.strip = ClusterStrip()
        self.hint = wrapped_label()
        self.undo_button = _button("Undo", "Take the last merge or name back (Ctrl+Z).")
        self.export_button = _button(
            "Export", "Copy the ticked clusters, or the only one shown, to a Labels layer."
        )
        self.table_button = _button(
            "Table", "Open napari's table of features, which can save itself as a CSV file."
        )
        self._lay_out()
        self._connect()
        self._say_how()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(50)
        self.opacity.setToolTip("Of the cluster maps of all images, in per cent.")
        self.borders.setToolTip("Draw the outlines of the clusters and leave the image in view.")
        form.addRow("Opacity", self.opacity)
        form.addRow("", self.borders)
        form.addRow(self.strip)
        form.addRow(self.hint)
        buttons = QHBoxLayout()
        for button in (self.undo_button, self.export_button, self.table_button):
            buttons.addWidget(button)
        form.addRow(buttons)

    def _connect(self) -> None:
        self.opacity.valueChanged.connect(self._on_style)
        self.borders.toggled.connect(self._on_style)
        self.strip.chosen.connect(self.isolate)
        self.strip.merge_wanted.connect(self._merge)
        self.strip.undo_wanted.connect(self._undo)
        self.strip.clusters.renamed.connect(self._rename)
        self.undo_button.clicked.connect(self._undo)
        self.export_button.clicked.connect(self._export)
        self.table_button.clicked.connect(self._open_table)

    def show_run(self, exploration: ExploredPlanes) -> ClusterLayers:
        """Turn to the result of another run; the layers of the last one are hidden."""
        if self.layers is not None:
            self.layers.hide()
        self.exploration = exploration
        self.grouping = Grouping(exploration.count)
        self.layers = ClusterLayers(self._viewer, exploration, self.grouping)
        self._on_style()
        self._refresh()
        self.isolated.emit(None)
        return self.layers

    def isolate(self, label: int) -> None:
        """Show only one cluster, or all again if it is the only one shown."""
        if self.layers is None:
            return
        self.layers.isolate(None if label == self.layers.isolated else label)
        self._mark()

    def _merge(self, label: int) -> None:
        kept = self.layers.isolated if self.layers is not None else None
        with reported():
            if self.layers is not None and kept is None:
                raise LocaldiscError(
                    "no cluster is shown alone; click the one to keep, then Ctrl-click those to"
                    " merge into it."
                )
            if kept is not None and label != kept:
                self.grouping.merge(label, kept)
                self._regroup()
        self._mark()

    def _rename(self, label: int, name: str) -> None:
        self.grouping.rename(label, name)
        self._regroup()

    def _undo(self) -> None:
        self.grouping.undo()
        self._regroup()

    def _regroup(self) -> None:
        if self.layers is not None:
            self.layers.regroup()
            self._refresh()
            self.regrouped.emit()

    def _refresh(self) -> None:
        if self.exploration is not None:
            self.strip.show_clusters(self.exploration, self.grouping)
        self.undo_button.setEnabled(self.grouping.can_undo)
        self._mark()

    def _mark(self) -> None:
        label = self.layers.isolated if self.layers is not None else None
        self.strip.mark(label)
        self._say_how()
        self.isolated.emit(label)

    def _say_how(self) -> None:
        label = self.layers.isolated if self.layers is not None else None
        self.hint.setText(
            "Click a cluster to see it alone."
            if label is None
            else f"Only {self.grouping.name(label)} is shown: click it again for all,"
            " Ctrl-click others to merge them into it."
        )

    def _export(self) -> None:
        with reported():
            if self.layers is None:
                return
            shown = [] if self.layers.isolated is None else [self.layers.isolated]
            chosen = self.strip.clusters.ticked or shown
            if not chosen:
                raise LocaldiscError(
                    "no cluster is chosen; tick clusters, or click one to see it alone."
                )
            if not self.layers.export(chosen):
                raise LocaldiscError("no image of these clusters is open any more; run again.")

    def _open_table(self) -> None:
        with reported():
            window = getattr(self._viewer, "window", None)
            if window is None or self.layers is None or not self.layers.maps:
                raise LocaldiscError("there is no cluster map to show a table of; run again.")
            active = self._viewer.layers.selection.active
            if not (isinstance(active, Labels) and active in self.layers.maps):
                self._viewer.layers.selection.active = self.layers.maps[-1]
            dock, _ = window.add_plugin_dock_widget(*_TABLE, tabify=True)
            # One that is there already stays hidden or behind other tabs.
            dock.show()
            dock.raise_()

    def _on_style(self) -> None:
        if self.layers is not None:
            self.layers.show_as(
                opacity=self.opacity.value() / 100, borders=self.borders.isChecked()
            )


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    return button
