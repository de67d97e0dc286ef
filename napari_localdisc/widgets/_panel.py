"""The frame that every dock widget shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.session import Session, session_of
from napari_localdisc.workers import notify


class Panel(QWidget):
    """A form that scrolls when the screen is small, above a footer that is always in view.

    Attributes
    ----------
    viewer : napari.components.ViewerModel
    session : Session
        Shared with the other panels of the same viewer.
    form : QFormLayout
        The part that scrolls.
    footer : QVBoxLayout
        The part that stays: run, cancel, progress.
    """

    def __init__(self, viewer: ViewerModel, introduction: str) -> None:
        super().__init__()
        # napari hands out a proxy whose layers are never equal to the ones they stand for.
        self.viewer: ViewerModel = getattr(viewer, "__wrapped__", viewer)
        self.session: Session = session_of(viewer)
        self._listened: list[tuple[Any, Callable[..., object]]] = []
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        self.form.setContentsMargins(6, 4, 6, 4)
        self.footer = QVBoxLayout()
        self.footer.setContentsMargins(6, 0, 6, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(_scrolling(self.form))
        layout.addLayout(self.footer)
        self.form.addRow(wrapped_label(introduction))
        listened = self._listened
        self.destroyed.connect(lambda: _disconnect(listened))

    def listen(self, signal: Any, callback: Callable[..., object]) -> None:
        """Connect to a napari or psygnal signal for as long as the panel exists."""
        signal.connect(callback)
        self._listened.append((signal, callback))


def wrapped_label(text: str = "") -> QLabel:
    """Make a label that breaks its lines instead of widening the dock."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    return label


@contextmanager
def reported() -> Iterator[None]:
    """Tell the user about a `LocaldiscError` raised inside, instead of raising it."""
    try:
        yield
    except LocaldiscError as error:
        notify(error)


def _scrolling(form: QFormLayout) -> QScrollArea:
    inner = QWidget()
    inner.setLayout(form)
    area = QScrollArea()
    area.setWidget(inner)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(290)
    return area


def _disconnect(listened: list[tuple[Any, Callable[..., object]]]) -> None:
    while listened:
        signal, callback = listened.pop()
        signal.disconnect(callback)
