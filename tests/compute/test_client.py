from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.compute import turns
from napari_localdisc.compute.client import ComputeProcess
from napari_localdisc.compute.loss import ComputeLostError

CALLS = Path(__file__).parent / "calls"


@pytest.fixture(scope="module", autouse=True)
def calls():
    """The module of calls, which both processes can import."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(CALLS)
    path = os.pathsep.join([str(CALLS), os.environ.get("PYTHONPATH", "")])
    patch.setenv("PYTHONPATH", path.rstrip(os.pathsep))
    yield importlib.import_module("slow_calls")
    patch.undo()


@pytest.fixture(scope="module")
def shared(calls):
    process = ComputeProcess()
    yield process
    process.stop()


@pytest.fixture
def own(calls):
    """A process that may come to harm."""
    process = ComputeProcess()
    yield process
    process.stop()


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def until_event(run, stage):
    for event in run:
        if event.stage == stage:
            return event
    raise AssertionError(f"no event of stage {stage}")


class TestMessages:
    def test_events_and_the_result_come_in_order(self, shared, calls):
        seen = []
        assert drain(shared.run("counting", calls.count, 9), seen.append) == 9
        assert [event.payload for event in seen if event.stage == "count"] == list(range(9))

    def test_arrays_come_whole_and_can_be_written_to(self, shared, calls):
        array, seen = np.arange(300_000.0).reshape(3, -1), []
        found = drain(shared.run("doubling", calls.doubled, array), seen.append)
        np.testing.assert_array_equal(found["array"], array * 2)
        np.testing.assert_array_equal(seen[-1].payload, array[::2])
        found["array"][0] = 7
        assert found["text"] == "é"

    def test_what_libraries_print_does_no_harm(self, shared, calls):
        assert drain(shared.run("noise", calls.noisy)) == 1

    def test_an_error_for_the_user_stays_one(self, shared, calls):
        with pytest.raises(LocaldiscError, match=r"^film\.png is no image; give an image\.$"):
            drain(shared.run("refusal", calls.refused))

    def test_any_other_error_is_named(self, shared, calls):
        with pytest.raises(RuntimeError, match="OddError: something odd"):
            drain(shared.run("oddity", calls.odd))

    def test_one_process_serves_all_calls(self, shared, calls):
        pids = {drain(shared.run("who", calls.who)) for _ in range(3)}
        assert len(pids) == 1
        assert os.getpid() not in pids

    def test_it_tells_its_devices(self, shared, calls):
        drain(shared.run("who", calls.who))
        assert shared.devices[0] == "cpu"


class TestCancel:
    def test_a_call_that_says_nothing_is_let_go_of_within_a_second(self, shared, calls):
        run = shared.run("something stuck", calls.stuck, 2.0)
        until_event(run, "stuck")
        next(run)  # the same event again: by now it is stuck
        began = time.monotonic()
        run.close()
        assert time.monotonic() - began < 1
        seen = []
        assert drain(shared.run("counting", calls.count, 2), seen.append) == 2
        assert seen[0].message == "Waiting for something stuck"

    def test_it_ends_the_call_at_its_next_event(self, shared, calls, tmp_path):
        mark = tmp_path / "mark"
        run = shared.run("counting", calls.count, 1000, 0.01, str(mark))
        until_event(run, "count")
        run.close()
        reached = mark.read_text()
        drain(shared.run("who", calls.who))
        assert mark.read_text() == reached

    def test_a_call_that_never_ends_costs_the_process(self, own, calls, monkeypatch):
        monkeypatch.setattr(turns, "_GRACE", 0.3)
        monkeypatch.setattr(turns, "_ANSWER", 0.1)
        first = drain(own.run("who", calls.who))
        run = own.run("something stuck", calls.stuck, 600.0)
        until_event(run, "stuck")
        next(run)  # the same event again: by now it is stuck
        run.close()
        assert drain(own.run("who", calls.who)) != first

    def test_while_nothing_comes_the_last_event_is_repeated(self, shared, calls):
        run = shared.run("something stuck", calls.stuck, 0.7)
        until_event(run, "stuck")
        again = next(run)
        assert (again.stage, again.done, again.payload) == ("stuck", 0, None)
        drain(run)


def test_a_call_waits_while_its_events_are_not_taken(shared, calls, tmp_path):
    mark = tmp_path / "mark"
    run = shared.run("counting", calls.count, 100, 0.0, str(mark))
    until_event(run, "count")
    time.sleep(0.3)
    assert int(mark.read_text()) < 10
    assert drain(run) == 100


def test_calls_wait_for_one_another_and_say_for_whom(shared, calls):
    first = shared.run("the first", calls.count, 100, 0.01)
    until_event(first, "count")
    seen: dict[str, list] = {"second": [], "third": []}
    order = []

    def follow(name):
        drain(shared.run(f"the {name}", calls.who), seen[name].append)
        order.append(name)

    threads = [threading.Thread(target=follow, args=(name,)) for name in seen]
    for number, thread in enumerate(threads, start=2):
        thread.start()
        until(lambda number=number: len(shared.waiting) == number)
    assert shared.waiting == ("the first", "the second", "the third")
    until(lambda: seen["third"])
    drain(first)
    for thread in threads:
        thread.join()
    assert order == ["second", "third"]
    assert seen["second"][0].message == "Waiting for the first"
    assert seen["third"][0].message == "Waiting for the first and 1 more"
    assert shared.waiting == ()


class TestLoss:
    @pytest.mark.parametrize(
        ("number", "said"),
        [
            (signal.SIGKILL, r"SIGKILL.*memory ran out.*as they were; close other programs"),
            (signal.SIGSEGV, r"SIGSEGV.*driver.*crashed.*as they were; run again"),
            (signal.SIGABRT, r"SIGABRT.*as they were; run again"),
        ],
    )
    def test_a_process_that_dies_is_told_in_one_sentence_and_the_next_run_works(
        self, own, calls, number, said
    ):
        ended = []
        own.on_end.append(lambda: ended.append(1))
        with pytest.raises(ComputeLostError, match=said) as told:
            drain(own.run("a crash", calls.killed, int(number)))
        assert str(told.value).count("\n") == 0
        assert drain(own.run("counting", calls.count, 3)) == 3
        assert ended == [1]

    def test_unloading_ends_what_runs(self, own, calls):
        run = own.run("counting", calls.count, 1000, 0.01)
        until_event(run, "count")
        own.stop()
        with pytest.raises(ComputeLostError, match="unloaded"):
            drain(run)
        assert not own.running

    def test_a_process_that_cannot_be_started(self):
        process = ComputeProcess(("/no/such/python",))
        with pytest.raises(ComputeLostError, match=r"cannot be started .*napari-localdisc segment"):
            drain(process.run("anything", str))

    def test_a_process_that_ends_before_it_begins(self):
        process = ComputeProcess((sys.executable, "-c", "raise SystemExit('no torch here')"))
        with pytest.raises(ComputeLostError, match=r"before it could begin.*no torch here.*again"):
            drain(process.run("anything", str))

    def test_it_does_not_outlive_its_window(self):
        code = """
import sys
from napari_localdisc.base.progress import drain
from napari_localdisc.compute.client import ComputeProcess
import slow_calls
process = ComputeProcess()
print(drain(process.run("who", slow_calls.who)), flush=True)
import os; os._exit(9)
"""
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        pid = int(ended.stdout)
        until(lambda: not Path(f"/proc/{pid}").exists(), 20)


def test_the_client_imports_no_torch():
    code = "import sys, napari_localdisc.compute.jobs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
