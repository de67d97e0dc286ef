from __future__ import annotations

import threading
import time
import traceback

import pytest
from napari.utils.notifications import notification_manager
from napari.utils.progress import progress
from qtpy.QtCore import QTimer

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress
from napari_localdisc.widgets.jobs.workers import Runner


class Recorder:
    """Everything that a runner announces, in order."""

    def __init__(self, runner):
        self.events, self.results, self.errors, self.ends = [], [], [], 0
        self.threads = set()
        runner.progressed.connect(self._progressed)
        runner.returned.connect(self.results.append)
        runner.failed.connect(self.errors.append)
        runner.ended.connect(self._ended)

    def _progressed(self, event):
        self.threads.add(threading.current_thread())
        self.events.append(event)

    def _ended(self):
        self.ends += 1


class Counting:
    """A run of many short steps that knows whether and where it was closed."""

    def __init__(self, steps, pause=0.0, payload=None):
        self.steps, self.pause, self.payload = steps, pause, payload
        self.started = threading.Event()
        self.closed_in = None

    def run(self):
        try:
            for step in range(self.steps):
                self.started.set()
                time.sleep(self.pause)
                yield Progress("count", step + 1, self.steps, payload=self.payload)
            return self.steps
        finally:
            self.closed_in = threading.current_thread()


@pytest.fixture
def runner(qtbot):
    runner = Runner()
    yield runner
    runner.cancel()
    qtbot.waitUntil(lambda: not runner.running)


@pytest.fixture
def recorder(runner):
    return Recorder(runner)


@pytest.fixture
def notes():
    notification_manager.records.clear()
    return notification_manager.records


def finish(qtbot, runner):
    qtbot.waitUntil(lambda: not runner.running, timeout=5000)


def test_result_and_progress_arrive_in_the_main_thread(qtbot, runner, recorder):
    counting = Counting(3, payload="preview")
    runner.start(counting.run(), "Counting")
    assert runner.running
    finish(qtbot, runner)
    assert [event.done for event in recorder.events] == [1, 2, 3]
    assert recorder.threads == {threading.main_thread()}
    assert counting.closed_in is not threading.main_thread()
    assert (recorder.results, recorder.ends, recorder.errors) == ([3], 1, [])


def test_events_that_follow_too_closely_are_thinned_unless_they_carry_something(
    qtbot, runner, recorder
):
    runner.start(Counting(2000).run(), "Counting")
    finish(qtbot, runner)
    assert 1 <= len(recorder.events) < 100
    recorder.events.clear()
    runner.start(Counting(200, payload="file").run(), "Counting")
    finish(qtbot, runner)
    assert len(recorder.events) == 200


def test_cancel_closes_the_run_in_its_own_thread(qtbot, runner, recorder):
    counting = Counting(10_000, pause=0.01)
    runner.start(counting.run(), "Counting")
    qtbot.waitUntil(counting.started.is_set)
    runner.cancel()
    assert runner.running
    finish(qtbot, runner)
    assert runner.cancelled
    assert counting.closed_in not in (None, threading.main_thread())
    assert (recorder.results, recorder.ends, recorder.errors) == ([], 1, [])


def test_cancel_before_the_thread_has_started(qtbot, runner, recorder):
    runner.start(Counting(10_000, pause=0.01).run(), "Counting")
    runner.cancel()
    finish(qtbot, runner)
    assert (recorder.events, recorder.results, recorder.ends) == ([], [], 1)


def test_a_newer_run_silences_the_older(qtbot, runner, recorder):
    older, newer = Counting(10_000, pause=0.01, payload="old"), Counting(5, 0.01, payload="new")
    runner.start(older.run(), "Older")
    qtbot.waitUntil(older.started.is_set)
    runner.start(newer.run(), "Newer")
    recorder.events.clear()
    finish(qtbot, runner)
    qtbot.waitUntil(lambda: older.closed_in is not None)
    qtbot.wait(50)
    assert {event.payload for event in recorder.events} == {"new"}
    assert (recorder.results, recorder.ends) == ([5], 1)


def test_a_problem_of_the_user_is_one_sentence(qtbot, runner, recorder, notes):
    def failing():
        yield Progress("read", 0, 1)
        raise LocaldiscError("file 'a.png' is empty; give another.")

    runner.start(failing(), "Failing")
    finish(qtbot, runner)
    assert [str(error) for error in recorder.errors] == ["file 'a.png' is empty; give another."]
    assert [(note.message, str(note.severity)) for note in notes] == [
        ("file 'a.png' is empty; give another.", "error")
    ]
    assert not hasattr(notes[0], "exception")
    assert recorder.ends == 1


@pytest.mark.parametrize("kind", [RuntimeError, ValueError])
def test_any_other_error_keeps_its_details(qtbot, runner, recorder, notes, kind):
    def failing():
        yield Progress("embed", 0, 1)
        raise kind("out of memory")

    runner.start(failing(), "Failing")
    finish(qtbot, runner)
    assert recorder.ends == 1
    frames = traceback.extract_tb(notes[0].exception.__traceback__)
    assert "failing" in [frame.name for frame in frames]


def test_the_activity_dock_shows_the_run_and_can_cancel(qtbot, runner, recorder):
    counting = Counting(10_000, pause=0.01)
    runner.start(counting.run(), "Counting")
    qtbot.waitUntil(lambda: bool(recorder.events))
    (bar,) = progress._all_instances
    assert bar.total == 10_000
    assert bar.n == recorder.events[-1].done
    assert bar.desc.startswith("Counting")
    bar.cancel()
    finish(qtbot, runner)
    assert runner.cancelled
    assert not progress._all_instances


def test_cancelling_is_announced_once(qtbot, runner):
    announced = []
    runner.cancelling.connect(lambda: announced.append(True))
    runner.cancel()
    assert not announced
    runner.start(Counting(10_000, pause=0.01).run(), "Counting")
    runner.cancel()
    runner.cancel()
    finish(qtbot, runner)
    assert announced == [True]


def test_a_long_title_leaves_room_for_the_bar(qtbot, runner, recorder):
    runner.start(Counting(10_000, pause=0.01).run(), f"Counting: {'image' * 20}")
    (bar,) = progress._all_instances
    qtbot.waitUntil(lambda: bar.n > 0)
    assert str(bar).endswith("|")
    assert bar.desc.startswith("Counting: image")
    assert bar.desc.endswith("…")
    assert len(bar.desc) == 40


class TestUnfolding:
    """A result that is shown bit by bit."""

    @pytest.fixture
    def shown(self, runner):
        """What has been shown, with the beats of a timer in between."""
        shown = []
        beat = QTimer()
        beat.timeout.connect(lambda: shown.append("beat"))
        beat.start(0)

        def show(count):
            for number in range(count):
                shown.append(number)
                yield

        runner.returned.connect(lambda count: runner.unfold(show(count)))
        yield shown
        beat.stop()

    def test_the_window_lives_between_two_steps(self, qtbot, runner, recorder, shown):
        ends = []
        runner.ended.connect(lambda: ends.append(list(shown)))
        runner.start(Counting(4).run(), "Counting")
        finish(qtbot, runner)
        assert [step for step in shown if step != "beat"] == [0, 1, 2, 3]
        assert all("beat" in shown[shown.index(step) : shown.index(step + 1)] for step in range(3))
        assert len(ends) == 1
        assert 3 in ends[0]

    def test_cancel_leaves_out_the_rest(self, qtbot, runner, recorder, shown):
        runner.start(Counting(1000).run(), "Counting")
        qtbot.waitUntil(lambda: 2 in shown)
        runner.cancel()
        finish(qtbot, runner)
        assert 999 not in shown
        assert runner.cancelled
        assert recorder.ends == 1

    def test_a_newer_run_leaves_out_the_rest(self, qtbot, runner, recorder, shown):
        runner.start(Counting(1000).run(), "Counting")
        qtbot.waitUntil(lambda: 2 in shown)
        runner.start(Counting(1).run(), "Counting")
        finish(qtbot, runner)
        assert 999 not in shown
        assert recorder.ends == 1

    def test_nothing_more_is_shown_to_nobody(self, qtbot, shown):
        listeners = [True]
        runner = Runner(alive=lambda: bool(listeners))
        runner.returned.connect(lambda _: runner.unfold(shown.append(at) for at in range(1000)))
        runner.start(Counting(1).run(), "Counting")
        qtbot.waitUntil(lambda: 2 in shown)
        listeners.clear()
        finish(qtbot, runner)
        assert 999 not in shown

    def test_an_error_in_a_step_is_told_and_ends_the_run(self, qtbot, runner, recorder, notes):
        def showing():
            yield
            raise LocaldiscError("the layer is gone; run again.")

        runner.returned.connect(lambda _: runner.unfold(showing()))
        runner.start(Counting(1).run(), "Counting")
        finish(qtbot, runner)
        assert [note.message for note in notes] == ["the layer is gone; run again."]
        assert recorder.ends == 1
