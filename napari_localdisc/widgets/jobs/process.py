"""Events of the process that computes, in the window's own thread."""

from __future__ import annotations

from functools import cache

from qtpy.QtCore import QObject, Signal

from napari_localdisc.compute.client import compute_process


class ProcessEvents(QObject):
    """Hands on what the process tells in a thread of its own.

    Signals
    -------
    ready(tuple of str)
        It runs and has found these devices.
    ended()
        It is gone, and with it all that it held.
    """

    ready = Signal(tuple)
    ended = Signal()


@cache
def process_events() -> ProcessEvents:
    """Return the events that all windows share; to be called in the main thread first."""
    events, process = ProcessEvents(), compute_process()
    process.ready.connect(events.ready.emit)
    process.ended.connect(events.ended.emit)
    return events
