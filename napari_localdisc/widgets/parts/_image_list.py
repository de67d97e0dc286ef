"""A list of the viewer's images with a tick each."""

from __future__ import annotations

from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_localdisc.viewer.layers import recipe_of
from napari_localdisc.widgets.parts._flags import joined
from napari_localdisc.widgets.parts._panel import Panel

_LAYER = Qt.ItemDataRole.UserRole


class ImageList(QListWidget):
    """The viewer's Image layers, ticked by default; pictures made by this program are left out."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._viewer = panel.viewer
        self.setToolTip(
            "Images of one kind, the more the better: a structure is found by what they share."
        )
        self.setMaximumHeight(96)
        panel.follow_layers(self._refresh)
        self._refresh()

    @property
    def images(self) -> list[Image]:
        """The ticked images, in the viewer's order."""
        return [layer for layer, ticked in self._ticks().items() if ticked]

    def tick(self, layer: Image, ticked: bool = True) -> None:
        """Tick or untick an image."""
        for row in range(self.count()):
            if self.item(row).data(_LAYER) is layer:
                self.item(row).setCheckState(_state(ticked))

    def _ticks(self) -> dict[Image, bool]:
        items = [self.item(row) for row in range(self.count())]
        return {item.data(_LAYER): item.checkState() == Qt.CheckState.Checked for item in items}

    def _refresh(self) -> None:
        ticks = self._ticks()
        self.clear()
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and recipe_of(layer) is None:
                item = QListWidgetItem(layer.name)
                item.setData(_LAYER, layer)
                item.setFlags(joined(Qt.ItemFlag.ItemIsEnabled, Qt.ItemFlag.ItemIsUserCheckable))
                item.setCheckState(_state(ticks.get(layer, True)))
                self.addItem(item)


def _state(ticked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
