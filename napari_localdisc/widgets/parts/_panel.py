"""The frame that every dock widget shares."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from psygnal import SignalInstance
from qtpy.compat import isalive
from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFormLayout, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.viewer.session import Session, session_of
from napari_localdisc.widgets.jobs.workers import notify
from napari_localdisc.widgets.parts._wheel import WheelGuard

if TYPE_CHECKING:
    from napari_localdisc.widgets.parts._run_row import RunRow


class Row:
    """A label and its field, shown and hidden together."""

    def __init__(self, label: QLabel, field: QWidget) -> None:
        self._widgets = (label, field)

    def show(self, shown: bool) -> None:
        """Show or hide both."""
        for widget in self._widgets:
            widget.setVisible(shown)


class Panel(QWidget):
    """A form that scrolls when the screen is small, above a footer that is always in view.

    Attributes
    ----------
    viewer : napari.components.ViewerModel
    session : Session
        Shared with the other panels of the same viewer.
    form : QFormLayout
        At the top of the part that scrolls.
    footer : QVBoxLayout
        The part that stays: run, cancel, progress.
    run_row : RunRow
        In the footer; each panel makes its own.
    """

    run_row: RunRow

    def __init__(self, viewer: ViewerModel, introduction: str) -> None:
        super().__init__()
        # napari hands out a proxy whose layers are never equal to the ones they stand for.
        self.viewer: ViewerModel = getattr(viewer, "__wrapped__", viewer)
        self.session: Session = session_of(viewer)
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        self.form.setVerticalSpacing(4)
        self._body = QVBoxLayout()
        self._body.setContentsMargins(6, 4, 6, 4)
        self._body.addLayout(self.form)
        self._body.addStretch(1)
        self.footer = QVBoxLayout()
        self.footer.setContentsMargins(6, 0, 6, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._area = _scrolling(self._body)
        layout.addWidget(self._area)
        layout.addLayout(self.footer)
        self.form.addRow(wrapped_label(introduction))
        self._wheel = WheelGuard(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Let the wheel scroll over all that is in the panel by now."""
        super().showEvent(event)
        self._wheel.guard(self)

    def add(self, label: str, field: QWidget) -> Row:
        """Add a row to the form."""
        beside = QLabel(label)
        self.form.addRow(beside, field)
        return Row(beside, field)

    def fill(self, widget: QWidget) -> None:
        """Give a widget the room that the form leaves."""
        # The stretch below stays, for when the widget is hidden.
        self._body.insertWidget(self._body.count() - 1, widget, 100)

    def bring_into_view(self, widget: QWidget) -> None:
        """Scroll to a widget, once the layout has settled."""

        def scroll() -> None:
            if isalive(self):
                self._area.ensureWidgetVisible(widget)

        QTimer.singleShot(0, scroll)

    def turn(self, box: ComboBox, pages: Mapping[str, Sequence[Row]]) -> None:
        """Show only the rows that belong to what is chosen in a box.

        Parameters
        ----------
        box : magicgui.widgets.ComboBox
        pages : mapping of str to sequence of Row
            Rows by choice.
        """

        def show(choice: str) -> None:
            for name, rows in pages.items():
                for row in rows:
                    row.show(name == choice)

        box.changed.connect(show)
        show(box.value)

    def listen(self, signal: SignalInstance, callback: Callable[[Any], object]) -> None:
        """Connect a method to a signal of the session for as long as the panel exists."""
        signal.connect(_guarded(self, callback, signal, pass_value=True))

    def follow_layers(self, callback: Callable[[], object]) -> None:
        """Call a method whenever the viewer's list of layers changes, names included."""
        for name in ("inserted", "removed", "reordered", "renamed"):
            emitter = getattr(self.viewer.layers.events, name)
            emitter.connect(_guarded(self, callback, emitter, pass_value=False))


def _guarded(
    panel: Panel, callback: Callable[..., object], signal: Any, *, pass_value: bool
) -> Callable[[object], None]:
    """Wrap a method of a panel, or of a row in it, so that it is called only while Qt has them.

    Qt deletes what lies in a closed dock while Python may still hold it, and touching it then
    raises. `QObject.destroyed` would tell, but PyQt can free such a slot while it runs.
    """
    panel_reference, method = weakref.ref(panel), weakref.WeakMethod(callback)

    def forward(value: object) -> None:
        alive, call = panel_reference(), method()
        if alive is None or call is None or not isalive(alive):
            signal.disconnect(forward)
        elif pass_value:
            call(value)
        else:
            call()

    return forward


def wrapped_label(text: str = "") -> QLabel:
    """Make a label that breaks its lines instead of widening the dock."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    return label


@contextmanager
def reported(row: RunRow | None = None) -> Iterator[None]:
    """Tell the user about a `LocaldiscError` raised inside, instead of raising it.

    Parameters
    ----------
    row : RunRow, optional
        Where it stands until the next run; napari's notification is cut and goes away.
    """
    try:
        yield
    except LocaldiscError as error:
        notify(error)
        if row is not None:
            row.complain(str(error))


class _Inner(QWidget):
    """What scrolls; asks for the height that broken lines need, which Qt does not by itself."""

    def minimumSizeHint(self) -> QSize:
        """Return the least size, at the present width."""
        least = super().minimumSizeHint()
        height = self.layout().totalHeightForWidth(max(self.width(), least.width()))
        return QSize(least.width(), max(least.height(), height))


def _scrolling(body: QVBoxLayout) -> QScrollArea:
    inner = _Inner()
    inner.setLayout(body)
    area = QScrollArea()
    area.setWidget(inner)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(290)
    return area
