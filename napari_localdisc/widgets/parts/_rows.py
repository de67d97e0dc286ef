"""Rows that several panels share: a layer, an encoder, a device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, FileEdit
from napari.layers import Image, Layer
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QWidget

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.compute.client import compute_process
from napari_localdisc.core.encoder.card import shipped_encoders
from napari_localdisc.viewer.layers import recipe_of
from napari_localdisc.viewer.session import AUTOMATIC, Session
from napari_localdisc.widgets.jobs.process import process_events
from napari_localdisc.widgets.parts._panel import Panel

_NARROW = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class LayerChoice:
    """A drop-down list of the viewer's layers of some types, which follows the viewer.

    Pictures that this program made are left out: they are results, not images to segment. The
    layer chosen stays chosen when it or others are renamed, moved or removed. A list of images
    begins with the uppermost in view, and turns to the one that is selected in the layer list.

    Parameters
    ----------
    panel : Panel
        Whose viewer's layers are listed.
    types : tuple of type
        Layer classes to list.
    noun : str
        What to ask for when there is none: ``"image"``.
    """

    def __init__(self, panel: Panel, types: tuple[type[Layer], ...], noun: str) -> None:
        self._viewer = panel.viewer
        self._types = types
        self._noun = noun
        self.box = ComboBox(choices=self._offered, nullable=False)
        narrow(self.box.native)
        self.changed = self.box.changed
        panel.follow_layers(self._refresh)
        if types == (Image,):
            panel.listen(self._viewer.layers.selection.events.active, self._on_active)
            in_view = [layer for _, layer in self._offered() if layer.visible]
            self._turn_to(in_view[-1] if in_view else None)

    @property
    def native(self) -> QWidget:
        """The Qt widget, for a layout."""
        native: QWidget = self.box.native
        return native

    def on_picked(self, callback: Callable[[Layer], object]) -> None:
        """Call back with the layer whenever the user picks one, not when the list changes."""
        self.box.native.activated.connect(lambda _: callback(self.require()))

    @property
    def layer(self) -> Layer | None:
        """The layer chosen, if there is any to choose."""
        return self.box.value

    @layer.setter
    def layer(self, layer: Layer) -> None:
        self.box.value = layer

    def require(self) -> Layer:
        """Return the layer chosen.

        Raises
        ------
        LocaldiscError
            If there is none.
        """
        if self.box.value is None:
            raise LocaldiscError(f"there is no {self._noun} to use; open or make one first.")
        return self.box.value

    def _offered(self, _: Any = None) -> list[tuple[str, Layer]]:
        return [(layer.name, layer) for layer in self._viewer.layers if self._fits(layer)]

    def _fits(self, layer: Layer) -> bool:
        made_by_us = isinstance(layer, Image) and recipe_of(layer) is not None
        return isinstance(layer, self._types) and not made_by_us

    def _on_active(self, event: Any) -> None:
        self._turn_to(event.value)

    def _turn_to(self, layer: Layer | None) -> None:
        if layer is not None and any(layer is offered for offered in self.box.choices):
            self.box.value = layer

    def _refresh(self) -> None:
        chosen = self.box.value
        with self.changed.blocked():
            self.box.reset_choices()
            if any(chosen is layer for layer in self.box.choices):
                self.box.value = chosen
        if self.box.value is not chosen:
            self.changed.emit(self.box.value)


class DeviceRow(QComboBox):
    """Where to compute, shared by the panels of a viewer."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._session: Session = panel.session
        narrow(self)
        self._offer(compute_process().devices)
        self.currentIndexChanged.connect(self._on_chosen)
        process_events().ready.connect(self._offer)
        panel.listen(self._session.device_changed, self._show)

    def _offer(self, found: tuple[str, ...]) -> None:
        """List devices; nothing is known of a GPU while the process that computes starts."""
        best = found[1] if len(found) > 1 else "cpu"
        names = ["cpu", *found[1:]]
        with QSignalBlocker(self):
            self.clear()
            self.addItem(f"Automatic ({best})" if found else "Automatic", AUTOMATIC)
            for name in names:
                self.addItem(name, name)
        self.setToolTip(_devices_found(found))
        self._show(self._session.device)

    def _on_chosen(self) -> None:
        self._session.device = self.currentData()

    def _show(self, device: str) -> None:
        with QSignalBlocker(self):
            if self.findData(device) < 0:
                self.addItem(device, device)
            self.setCurrentIndex(self.findData(device))


def _devices_found(found: tuple[str, ...]) -> str:
    if not found:
        return "Where to compute. Looking for a GPU."
    none = "" if len(found) > 1 else ". No GPU that PyTorch can use was found."
    return f"Where to compute. Found here: {', '.join(found)}{none}"


class EncoderRow(QComboBox):
    """Which encoder to use, shared by the panels of a viewer."""

    file_wanted = Signal()

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._session: Session = panel.session
        self.addItem("Automatic (by image)", AUTOMATIC)
        for name in shipped_encoders():
            self.addItem(name, name)
        self.addItem("From a file…", None)
        self.setToolTip(
            "The pretrained network that turns pixels into embeddings. Automatic takes the one"
            " for colour fundus or the one for chest X-ray, by the image's colours."
        )
        narrow(self)
        self._show(self._session.encoder_name)
        self.file_wanted.connect(self._ask_for_file)
        self.activated.connect(self._on_chosen)
        panel.listen(self._session.encoder_name_changed, self._show)

    def choose_file(self, path: str | Path) -> None:
        """Use the encoder in a file."""
        self._session.encoder_name = str(path)

    def _on_chosen(self) -> None:
        if self.currentData() is None:
            self._show(self._session.encoder_name)
            self.file_wanted.emit()
        else:
            self._session.encoder_name = self.currentData()

    def _ask_for_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Choose an encoder", "", "Encoders (*.safetensors *.pth);;All files (*)"
        )
        if path:
            self.choose_file(path)

    def _show(self, name: str) -> None:
        if self.findData(name) < 0:
            self.insertItem(self.count() - 1, Path(name).name, name)
        self.setCurrentIndex(self.findData(name))


def path_field(mode: str, tooltip: str, filter: str | None = None) -> FileEdit:  # noqa: A002
    """Make a field for a file or folder with a small button beside it."""
    edit = FileEdit(mode=FileDialogMode(mode), tooltip=tooltip, filter=filter)
    edit.choose_btn.text = "…"
    edit.choose_btn.max_width = 30
    edit.margins = (0, 0, 0, 0)
    return edit


def chosen_path(edit: FileEdit, noun: str) -> Path:
    """Return the path in a file field.

    Raises
    ------
    LocaldiscError
        If it was left empty.
    """
    text = edit.line_edit.value.strip()
    if not text:
        raise LocaldiscError(f"no {noun} is chosen; choose one.")
    return Path(text).expanduser()


def narrow(box: QComboBox) -> None:
    """Keep a drop-down list from widening the dock to its longest entry."""
    box.setSizeAdjustPolicy(_NARROW)
    box.setMinimumContentsLength(8)
