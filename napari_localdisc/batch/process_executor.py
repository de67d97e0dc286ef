"""An executor of processes of this machine.

They talk to the process that started them through pipes that nobody else can open. Only that one
keeps the journal; workers write masks. What a worker that dies had in hand is given to another one.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.computing import SerialCompute, Work
from napari_localdisc.batch.executor import (
    ExecutorFactory,
    Outcome,
    StoppedError,
    Task,
    absolute,
    as_seen_here,
    attempt,
    gave_up,
)

_SPAWN = multiprocessing.get_context("spawn")

_LIVES = 4
"""Workers that a file may end before it counts as failed."""

_PATIENCE = 5.0
"""Seconds that an idle worker is given to end by itself."""

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables by which libraries count their threads."""


def worker_processes(workers: int) -> ExecutorFactory:
    """Start processes of this machine, for the time of a run.

    Parameters
    ----------
    workers : int
        How many; each computes on one core.
    """

    @contextmanager
    def make_executor(work: Work[Any]) -> Iterator[ProcessExecutor]:
        executor = ProcessExecutor(work, workers)
        try:
            yield executor
        finally:
            executor.close()

    return make_executor


class ProcessExecutor:
    """An executor that gives each task to a process that has none.

    Parameters
    ----------
    work : Work
        Sent once to each process.
    workers : int
        Processes at most; they start when there is something to do.
    """

    def __init__(self, work: Work[Any], workers: int) -> None:
        self.queue_depth = workers * 3 // 2 + 1
        self._content = pickle.dumps(work)
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._threads = ThreadPoolExecutor(workers, "localdisc-worker")
        self._stopped = threading.Event()

    def submit(self, task: Task) -> Future[Outcome]:
        """Submit a task."""
        return self._threads.submit(self._do, task)

    def check_workers(self) -> None:
        """Need no check: a process that ends is missed at once."""

    def stop(self) -> None:
        """Cancel tasks that are not in the hands of a process yet."""
        self._stopped.set()

    def close(self) -> None:
        """End the processes, each after the task that it has in hand."""
        self.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()

    def _do(self, task: Task) -> Outcome:
        for _ in range(_LIVES):
            if self._stopped.is_set():
                raise StoppedError
            worker = self._take()
            try:
                outcome = worker.do(absolute(task))
            except (EOFError, OSError):
                worker.close()
                continue
            except LocaldiscError:
                self._idle.put(worker)
                raise
            self._idle.put(worker)
            return as_seen_here(outcome, task)
        return gave_up(task, _LIVES)

    def _take(self) -> _Worker:
        """Take a process that has no task, or start one."""
        try:
            return self._idle.get_nowait()
        except Empty:
            return _Worker(self._content)


class _Worker:
    """A process, and the pipe to it.

    Parameters
    ----------
    content : bytes
        The work, pickled.

    Raises
    ------
    LocaldiscError
        If the process cannot take it.
    """

    def __init__(self, content: bytes) -> None:
        self._pipe, there = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()
        try:
            self._pipe.send_bytes(content)
            problem = str(self._pipe.recv())
        except (EOFError, OSError):
            problem = "it ended at once"
        if problem:
            self.close()
            raise LocaldiscError(
                f"a worker process cannot take the work ({problem}); run it again with fewer"
                " --workers if memory is short, or with none."
            )

    def do(self, task: Task) -> Outcome:
        """Have a task done.

        Raises
        ------
        LocaldiscError
            If the whole run has to stop.
        EOFError, OSError
            If the process has ended.
        """
        self._pipe.send(task)
        answer: Outcome | LocaldiscError = self._pipe.recv()
        if isinstance(answer, LocaldiscError):
            raise answer
        return answer

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _serve(pipe: Connection) -> None:
    """Do tasks until nobody is there to give any; runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # before the work imports what counts cores
    try:
        work: Work[Any] = pickle.loads(pipe.recv_bytes())
    except EOFError:
        return
    except Exception as error:  # whatever this process lacks
        pipe.send(f"{type(error).__name__}: {' '.join(str(error).split())}")
        return
    compute: SerialCompute[Any] = SerialCompute(work, _go_on)
    try:
        pipe.send("")
        while True:
            pipe.send(_answer(pipe.recv(), work, compute))
    except (EOFError, OSError):  # the process that started this one is gone
        return


def _answer(task: Task, work: Work[Any], compute: SerialCompute[Any]) -> Outcome | LocaldiscError:
    try:
        return attempt(task, work, compute, _go_on)
    except LocaldiscError as error:
        return error


def _go_on() -> None:
    """Let a task be done: what is not to be begun is not sent."""
