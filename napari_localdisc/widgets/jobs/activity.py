"""Runs in napari's activity dock."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from napari.utils.progress import cancelable_progress

from napari_localdisc.base.progress import Progress

_BAR_INTERVAL = 0.2
"""Seconds between moves of the bar, which are slow."""

_ROOM = 40
"""Characters of a title that leave the dock room for the bar and *Cancel*."""


class ActivityBar:
    """A bar that shows a run and can cancel it.

    Parameters
    ----------
    title : str
        What runs.
    cancel : callable
        Called when the user cancels it there.
    """

    def __init__(self, title: str, cancel: Callable[[], None]) -> None:
        self._stage = ""
        self._showing = False
        self._shown = -_BAR_INTERVAL
        # napari's bars also write themselves to a terminal; ours go nowhere. What comes after a
        # "|", usually times, napari shows in front of Cancel, and pushes that out of view.
        self._bar = _CancellingProgress(
            desc=_short(title),
            total=0,
            bar_format="|",
            cancel_callback=cancel,
            file=io.StringIO(),
        )

    def show_event(self, event: Progress) -> None:
        """Show how far the run is, now and then.

        What arrives meanwhile is skipped: napari handles all events whenever its bar moves.
        """
        now = time.monotonic()
        due = event.stage != self._stage or now - self._shown >= _BAR_INTERVAL
        if due and not self._showing:
            self._showing, self._shown = True, now
            self._show(event)
            self._showing = False

    def _show(self, event: Progress) -> None:
        if event.stage != self._stage:
            self._stage = event.stage
            self._bar.reset(total=event.total)
        self._bar.total = event.total
        self._bar.update(event.done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


class _CancellingProgress(cancelable_progress):  # type: ignore[misc]
    """napari calls back when an iteration sees the cancel; a run has no such iteration."""

    def cancel(self) -> None:
        super().cancel()
        self.cancel_callback()


def _short(title: str) -> str:
    return title if len(title) <= _ROOM else f"{title[: _ROOM - 1]}…"
