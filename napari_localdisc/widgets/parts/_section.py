"""A part of a form that is folded away until it is wanted."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_localdisc.widgets.parts._panel import Row


class Section(QWidget):
    """A titled part, folded to begin with; what is folded cannot be reached by keyboard either.

    Signals
    -------
    toggled(bool)
        It was unfolded or folded.

    Attributes
    ----------
    button : QPushButton
        Its title.
    form : QFormLayout
        Put rows here.
    """

    toggled = Signal(bool)

    def __init__(self, title: str, tooltip: str) -> None:
        super().__init__()
        self._title = title
        self.button = QPushButton()
        self.button.setCheckable(True)
        self.button.setToolTip(tooltip)
        # Else it looks like one that does something.
        self.button.setStyleSheet(
            "QPushButton, QPushButton:checked { text-align: left; background: transparent; }"
        )
        self._body = QWidget()
        self.form = QFormLayout(self._body)
        self.form.setContentsMargins(12, 0, 0, 4)
        self.form.setVerticalSpacing(4)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.button)
        layout.addWidget(self._body)
        self.button.toggled.connect(self._unfold)
        self._unfold(False)

    def add(self, label: str, field: QWidget) -> Row:
        """Add a row."""
        beside = QLabel(label)
        self.form.addRow(beside, field)
        return Row(beside, field)

    @property
    def unfolded(self) -> bool:
        """Whether its rows are shown."""
        return self.button.isChecked()

    def _unfold(self, unfolded: bool) -> None:
        self.button.setText(f"{'▾' if unfolded else '▸'}  {self._title}")
        self._body.setVisible(unfolded)
        self.toggled.emit(unfolded)
