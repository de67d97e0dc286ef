"""A real napari window for scripts that measure it or take its picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import napari
import numpy as np
from napari._app_model import get_app_model
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

BEAT = 0.005
"""Seconds between the beats of a heart that is never kept waiting."""


class Heartbeat:
    """A timer on the main thread that notes when it is served."""

    def __init__(self) -> None:
        self.beats: list[float] = []
        self._timer = QTimer()
        self._timer.setInterval(round(1000 * BEAT))
        self._timer.timeout.connect(lambda: self.beats.append(time.perf_counter()))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note beats, and when listening begins and ends."""
        self.beats = [time.perf_counter()]
        self._timer.start()
        yield
        self._timer.stop()
        self.beats.append(time.perf_counter())

    @property
    def gaps(self) -> Any:
        """Seconds between beats."""
        return np.diff(self.beats)


class Window:
    """A viewer, and the docks of this plugin."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(show=True)

    def open_dock(self, name: str) -> Any:
        """Open a dock from the menu, and wait for its panel."""
        get_app_model().commands.execute_command(f"napari-localdisc.{name}")
        docks = self.viewer.window.dock_widgets.values()
        dock = next(dock for dock in docks if type(dock).__name__ == f"{name.capitalize()}Dock")
        until(lambda: dock.panel is not None)
        return dock.panel

    def run(self, panel: Any) -> None:
        """Press a panel's button and wait for the end of its run."""
        panel.run_row.button.click()
        until(lambda: not panel.run_row.runner.running)


def until(done: Callable[[], bool], limit: float = 1200.0) -> None:
    """Handle events until something is true."""
    end = time.monotonic() + limit
    while not done():
        QApplication.processEvents()
        time.sleep(0.001)
        if time.monotonic() > end:
            raise TimeoutError
