from __future__ import annotations

import threading

import pytest
from napari.utils.notifications import notification_manager

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.widgets.jobs import pool
from napari_localdisc.widgets.jobs.latest import Latest


@pytest.fixture
def notes():
    notification_manager.records.clear()
    return notification_manager.records


@pytest.fixture
def latest(qtbot):
    latest = Latest()
    latest.answers = []
    latest.answered.connect(latest.answers.append)
    yield latest
    pool.threads().waitForDone()


def test_an_answer_comes_in_the_main_thread(latest, qtbot):
    threads = []
    latest.answered.connect(lambda _: threads.append(threading.current_thread()))
    latest.ask(lambda: threads.append(threading.current_thread()) or 42)
    qtbot.waitUntil(lambda: latest.answers == [42])
    assert threads[0] is not threading.main_thread()
    assert threads[1] is threading.main_thread()


def test_only_the_newest_of_the_waiting_questions_is_answered(latest, qtbot):
    go = threading.Event()
    latest.ask(lambda: go.wait(5) and "first")
    for number in range(10):
        latest.ask(lambda number=number: number)
    go.set()
    qtbot.waitUntil(lambda: latest.answers == ["first", 9])


def test_a_forgotten_question_gets_no_answer(latest, qtbot):
    go = threading.Event()
    latest.ask(lambda: go.wait(5))
    latest.ask(lambda: "second")
    latest.forget()
    latest.ask(lambda: "third")
    go.set()
    qtbot.waitUntil(lambda: latest.answers == ["third"])


def test_an_error_is_told_and_the_next_question_answered(latest, qtbot, notes):
    def fail():
        raise LocaldiscError("no such pixel; take another.")

    latest.ask(fail)
    latest.ask(lambda: 1)
    qtbot.waitUntil(lambda: latest.answers == [1])
    assert "no such pixel" in notes[-1].message
