"""Run, progress and cancel: the row at the foot of every panel that computes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.widgets.jobs.workers import EVENT_INTERVAL, Runner
from napari_localdisc.widgets.parts._status import Status, eliding_line


class RunRow(QWidget):
    """A button that runs, then cancels, with a progress bar and the time that it takes.

    Parameters
    ----------
    text, tooltip : str
        Of the button while nothing runs.
    pausable : bool
        Whether a second button lets a run wait.

    Attributes
    ----------
    requested : Signal
        The user wants to run; answer with `start`.
    runner : Runner
        Its signals tell what becomes of the run.
    """

    requested = Signal()

    def __init__(self, text: str, tooltip: str, *, pausable: bool = False) -> None:
        super().__init__()
        self._text = text
        self._drawn = 0.0
        self._started = self._stage_started = 0.0
        self._event: Progress | None = None
        self._outcome, self._failed = "", False
        self.runner = Runner(alive=lambda: isalive(self))
        self.button = QPushButton(text)
        self.button.setToolTip(tooltip)
        self.button.clicked.connect(self._on_clicked)
        self.pause = QPushButton("Pause")
        self.pause.setToolTip("Wait after what is in hand, and go on later.")
        self.pause.clicked.connect(self._on_pause)
        self._pausable = pausable
        self.title = eliding_line()
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.status = Status()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, 1)
        buttons.addWidget(self.pause)
        layout.addLayout(buttons)
        for widget in (self.title, self.bar, self.status):
            layout.addWidget(widget)
        self._clock = QTimer(self)
        self._clock.setInterval(500)
        self._clock.timeout.connect(self._show_time)
        self._connect(self.runner)
        self._show_idle()

    def start(self, run: Run[Any], title: str) -> None:
        """Run in the background; what ran before is abandoned.

        Parameters
        ----------
        run : generator of Progress
        title : str
            What runs, and on which image; shown above the bar and in napari's activity dock.
        """
        self._started = self._stage_started = time.monotonic()
        self._event = None
        self._outcome, self._failed = "", False
        self.button.setText("Cancel")
        self.pause.setText("Pause")
        self.pause.setVisible(self._pausable)
        self.title.setText(title)
        self.title.setToolTip(title)
        self.title.show()
        self.bar.setRange(0, 0)
        self.bar.show()
        self.status.show_progress("Starting")
        self.status.show()
        self._clock.start()
        self.runner.start(run, title)

    def say(self, text: str) -> None:
        """Show what came of a run; stays when it ends."""
        self._outcome = text
        self.status.say(text)
        self.status.setVisible(bool(text))

    def complain(self, text: str) -> None:
        """Show what went wrong and what to do, whole, until the next run."""
        self._outcome = text
        self.status.say(text, is_error=True)
        self.status.show()

    def _connect(self, runner: Runner) -> None:
        runner.progressed.connect(self._on_progress)
        runner.cancelling.connect(self._on_cancelling)
        runner.failed.connect(self._on_failed)
        runner.ended.connect(self._on_ended)

    def _on_clicked(self) -> None:
        if self.runner.running:
            self.runner.cancel()
        else:
            self.requested.emit()

    def _on_pause(self) -> None:
        wait = not self.runner.paused
        self.runner.pause(wait)
        self.pause.setText("Go on" if wait else "Pause")
        self._show_time()

    def _on_progress(self, event: Progress) -> None:
        now = time.monotonic()
        if self._event is None or event.stage != self._event.stage:
            self._stage_started, self._drawn = now, 0.0
        self._event = event
        # Files that are skipped come by the thousand in a second.
        if now - self._drawn < EVENT_INTERVAL and event.done < event.total:
            return
        self._drawn = now
        # A single unit says nothing about how far it is; the bar just moves then.
        self.bar.setRange(0, event.total if event.total > 1 else 0)
        self.bar.setValue(min(event.done, event.total))
        self._show_time()

    def _on_cancelling(self) -> None:
        self.button.setText("Cancelling")
        self.button.setEnabled(False)
        self.pause.hide()
        self.bar.setRange(0, 0)

    def _on_failed(self, error: Exception) -> None:
        self._failed = True
        self.complain(str(error))

    def _on_ended(self) -> None:
        self._clock.stop()
        self._show_idle()
        done = f"Done in {_clock(time.monotonic() - self._started)}."
        if not self._failed:
            self.say("Cancelled." if self.runner.cancelled else self._outcome or done)

    def _show_idle(self) -> None:
        self.button.setText(self._text)
        self.button.setEnabled(True)
        self.pause.hide()
        self.title.hide()
        self.bar.hide()
        self.status.setVisible(bool(self.status.text()))

    def _show_time(self) -> None:
        now = time.monotonic()
        event = self._event
        parts = [event.message or event.stage.capitalize()] if event else ["Starting"]
        parts.append(_clock(now - self._started))
        if self.runner.paused:
            parts.append("paused")
        elif event and 0 < event.done < event.total:
            left = (now - self._stage_started) * (event.total - event.done) / event.done
            parts.append(f"step: {_clock(left)} left")
        self.status.show_progress(" · ".join(parts))


def run_title(what: str, names: Sequence[str]) -> str:
    """Say what runs on which image, or on how many."""
    return f"{what}: {names[0] if len(names) == 1 else f'{len(names)} images'}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
