from __future__ import annotations

import pytest

from napari_localdisc.base.progress import Progress, drain, relay


def counting(closed):
    try:
        for step in range(3):
            yield Progress("read", step + 1, 3)
    finally:
        closed.append(True)
    return "result"


def test_drain_returns_the_result_and_shows_every_event():
    events = []
    assert drain(counting([]), events.append) == "result"
    assert [event.done for event in events] == [1, 2, 3]
    assert drain(counting([])) == "result"


def test_an_error_of_the_listener_closes_the_run():
    closed = []

    def refuse(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drain(counting(closed), refuse)
    assert closed == [True]


def test_defaults_are_not_shared():
    assert Progress("read", 0, 1).values == {}
    assert Progress("read", 0, 1).values is not Progress("read", 0, 1).values


class TestRelay:
    @staticmethod
    def counting(closed: list[bool]):
        try:
            for done in range(3):
                yield Progress("inner", done, 3)
            return "result"
        finally:
            closed.append(True)

    def test_events_are_told_anew_and_the_result_kept(self):
        events = []
        run = relay(self.counting([]), lambda event: Progress("outer", 10 + event.done, 20))
        assert drain(run, events.append) == "result"
        assert [(event.stage, event.done) for event in events] == [
            ("outer", 10),
            ("outer", 11),
            ("outer", 12),
        ]

    def test_closing_closes_what_it_drives(self):
        closed: list[bool] = []
        run = relay(self.counting(closed), lambda event: event)
        next(run)
        run.close()
        assert closed == [True]
