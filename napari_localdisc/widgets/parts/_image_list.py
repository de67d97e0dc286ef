"""A list of the viewer's images with a tick each."""

from __future__ import annotations

from napari.layers import Image
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_localdisc.viewer.layers import recipe_of
from napari_localdisc.widgets.parts._flags import joined
from napari_localdisc.widgets.parts._panel import Panel

_LAYER = Qt.ItemDataRole.UserRole


class ImageList(QListWidget):
    """The viewer's Image layers, ticked by default; pictures made by this program are left out."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # patients' numbers are at the end
        self._viewer = panel.viewer
        self.setToolTip(
            "Images of one kind, the more the better: a structure is found by what they share."
        )
        self.setMaximumHeight(96)
        self._session = panel.session
        self.itemChanged.connect(self._on_ticked)
        panel.follow_layers(self._refresh)
        panel.listen(self._session.ticks_changed, self._on_ticks_changed)
        self._refresh()

    @property
    def images(self) -> list[Image]:
        """The ticked images, in the viewer's order."""
        layers = [self.item(row).data(_LAYER) for row in range(self.count())]
        return [layer for layer in layers if layer not in self._session.unticked]

    def tick(self, layer: Image, ticked: bool = True) -> None:
        """Tick or untick an image."""
        self._session.tick(layer, ticked)

    def _on_ticked(self, item: QListWidgetItem) -> None:
        self._session.tick(item.data(_LAYER), item.checkState() == Qt.CheckState.Checked)

    def _on_ticks_changed(self, _: object) -> None:
        self._refresh()

    def _refresh(self) -> None:
        with QSignalBlocker(self):
            self._fill()

    def _fill(self) -> None:
        self.clear()
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and recipe_of(layer) is None:
                item = QListWidgetItem(layer.name)
                item.setData(_LAYER, layer)
                item.setToolTip(layer.name)
                item.setFlags(joined(Qt.ItemFlag.ItemIsEnabled, Qt.ItemFlag.ItemIsUserCheckable))
                item.setCheckState(_state(layer not in self._session.unticked))
                self.addItem(item)


def _state(ticked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
