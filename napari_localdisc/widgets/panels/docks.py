"""What napari docks: a light frame that opens at once and gets its panel when that is loaded."""

from __future__ import annotations

from collections.abc import Callable
from types import new_class
from typing import TYPE_CHECKING, ClassVar

from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from napari_localdisc.compute.client import compute_process
from napari_localdisc.compute.loss import ComputeLostError
from napari_localdisc.widgets.jobs.pool import short_worker
from napari_localdisc.widgets.jobs.workers import log_warning, notify
from napari_localdisc.widgets.panels import PANELS, PanelEntry
from napari_localdisc.widgets.parts._importing import imported

if TYPE_CHECKING:
    from napari_localdisc.widgets.parts._panel import Panel


class Dock(QWidget):
    """A frame for a panel whose module is imported in the background.

    Attributes
    ----------
    panel_path : str
        ``"module:Class"`` of the panel.
    panel : Panel or None
        None until it is loaded.
    note : QLabel
        What is shown instead of the panel: that it is being loaded, or why it cannot be.
    """

    panel_path: ClassVar[str]

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.panel: Panel | None = None
        self.note = QLabel("Loading…")
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note.setWordWrap(True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self.note)
        # Otherwise napari adds a stretch that would share the height with the panel.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._load()

    def sizeHint(self) -> QSize:
        """Ask for room for the longest title, as far as a small screen has it."""
        return QSize(330, super().sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Follow being docked and closed, which napari has not finished by now."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange:
            QTimer.singleShot(0, self._settle)

    def showEvent(self, event: QShowEvent) -> None:
        """Come to the front of the tabs when opened, not when the window is restored."""
        super().showEvent(event)
        if not event.spontaneous():
            QTimer.singleShot(0, self._come_forward)

    def _settle(self) -> None:
        frame = self.parentWidget()
        if frame is None:
            self._retire()
        elif isinstance(frame, QDockWidget):
            window = frame.parentWidget()
            if isinstance(window, QMainWindow) and (others := _neighbours(window, frame)):
                # From its menu napari squeezes them in, one below the other.
                window.tabifyDockWidget(others[-1], frame)
                frame.raise_()

    def _retire(self) -> None:
        """Stop what runs; deleted here, lest Python collects widgets in the run's own thread."""
        if self.panel is not None:
            self.panel.run_row.runner.cancel()
        self.deleteLater()

    def _come_forward(self) -> None:
        frame = self.parentWidget()
        if isinstance(frame, QDockWidget):
            frame.raise_()

    def _load(self) -> None:
        try:
            compute_process().start()  # in good time: it loads torch meanwhile
        except ComputeLostError as error:
            notify(error)
        worker = short_worker(imported, self.panel_path)
        worker.returned.connect(self._on_loaded)
        worker.errored.connect(self._on_error)
        worker.warned.connect(log_warning)
        worker.start()

    def _on_loaded(self, panel: Callable[[ViewerModel], Panel]) -> None:
        self.panel = panel(self._viewer)
        self.note.hide()
        self._layout.addWidget(self.panel)

    def _on_error(self, error: Exception) -> None:
        notify(error)
        self.note.setText(
            f"This panel cannot be loaded ({type(error).__name__}: {error})."
            " Install napari-localdisc again and restart napari."
        )


def _neighbours(window: QMainWindow, frame: QDockWidget) -> list[QDockWidget]:
    """Find what holds docks of ours on the same side of the window."""
    if frame.isFloating():
        return []
    return [
        other
        for other in window.findChildren(QDockWidget)
        if other is not frame
        and isinstance(other.widget(), Dock)
        and not (other.isHidden() or other.isFloating())
        and window.dockWidgetArea(other) == window.dockWidgetArea(frame)
    ]


def _dock_of(entry: PanelEntry) -> type[Dock]:
    """Make the class of the dock that holds a panel."""
    members = {
        "__doc__": f"Holds the panel *{entry.title}*.",
        "__module__": __name__,
        "panel_path": entry.path,
    }
    return new_class(entry.dock_name, (Dock,), exec_body=lambda body: body.update(members))


DOCKS: dict[str, type[Dock]] = {entry.id: _dock_of(entry) for entry in PANELS}
"""By the ids of their panels."""

# napari.yaml names the classes, and napari looks for them in this module.
globals().update({dock.__name__: dock for dock in DOCKS.values()})
