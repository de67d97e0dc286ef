"""What a run says: one line while it runs, and whole sentences once it has ended."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget
from superqt import QElidingLabel

_ERROR = "border-left: 3px solid #d9534f; padding-left: 5px;"


class Status(QWidget):
    """A line that changes in place, or sentences that stand there until the next run.

    While something runs the height stays, so that nothing moves under the pointer. What came of it
    is broken into lines and can be selected; an error has a red edge.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = eliding_line()
        self._said = QLabel()
        self._said.setWordWrap(True)
        self._said.setMinimumWidth(1)
        self._said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line)
        layout.addWidget(self._said)
        self.say("")

    def text(self) -> str:
        """Return what stands there, whole."""
        return self._said.text() or self._line.text()

    def show_progress(self, text: str) -> None:
        """Show a line that is cut where it is too long."""
        self._turn(is_running=True)
        self._line.setText(text)

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show sentences, all of them."""
        self._turn(is_running=False)
        self._said.setText(text)
        self._said.setStyleSheet(_ERROR if is_error else "")

    def _turn(self, *, is_running: bool) -> None:
        self._line.setVisible(is_running)
        self._said.setVisible(not is_running)
        (self._said if is_running else self._line).setText("")


def eliding_line() -> QElidingLabel:
    """Make a label of one line, cut where it is too long, that never widens the dock."""
    line = QElidingLabel()
    line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return line
