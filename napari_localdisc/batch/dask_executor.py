"""An executor of processes, on this machine or on others: files are handed to a Dask cluster.

All machines see images and results at the same paths. Only the process that runs keeps the journal;
workers write masks. What a worker that dies had in hand is given to another one.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakSet

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.computing import SerialCompute, Work
from napari_localdisc.batch.executor import ExecutorFactory, Outcome, StoppedError, Task, attempt
from napari_localdisc.reports.report import FileResult

try:
    import distributed
    from distributed import KilledWorker, WorkerPlugin
    from distributed.client import ClosedClientError, FutureCancelledError, FuturesCancelledError
    from distributed.comm.core import CommClosedError, connect
except ImportError as error:
    raise LocaldiscError(
        "--workers and --scheduler need dask.distributed; install it with"
        " pip install 'napari-localdisc[cluster]'."
    ) from error

if TYPE_CHECKING:
    from distributed import Client

_GONE = (ClosedClientError, CommClosedError, FutureCancelledError, FuturesCancelledError)
"""What is raised where the scheduler has ended."""

_PATIENCE = 10
"""Seconds in which a scheduler must answer."""

_COMING_BACK = 90.0
"""Seconds in which a process of ours that ended should be back."""

_LOOK_AGAIN = 5.0
"""Seconds after which it is asked for the number of its workers again."""


def local_cluster(workers: int) -> ExecutorFactory:
    """Start processes of this machine, for the time of a run.

    Parameters
    ----------
    workers : int
        How many; each computes on one core, and reads and writes meanwhile.
    """

    @contextmanager
    def make_executor(work: Work[Any]) -> Iterator[DaskExecutor]:
        with (
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=2,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            distributed.Client(cluster) as client,
            DaskExecutor(work, client, is_ours=True).working() as executor,
        ):
            yield executor

    return make_executor


def existing_cluster(address: str) -> ExecutorFactory:
    """Use the workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        For example ``"tcp://10.0.0.1:8786"``.

    Raises
    ------
    LocaldiscError
        If none answers there.
    """
    _check_scheduler(address)

    @contextmanager
    def make_executor(work: Work[Any]) -> Iterator[DaskExecutor]:
        with _connected(address) as client, DaskExecutor(work, client).working() as executor:
            yield executor

    return make_executor


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    _check_scheduler(address)
    with distributed.Client(address, timeout=_PATIENCE, set_as_default=False) as client:
        yield client


def _check_scheduler(address: str) -> None:
    """Ask for a scheduler first: a client that finds none leaves threads behind."""

    async def ask() -> None:
        found = await connect(address, timeout=_PATIENCE)
        await found.close()

    try:
        asyncio.run(ask())
    except (OSError, ValueError) as error:
        raise LocaldiscError(
            f"no Dask scheduler answers at {address}; start one with `dask scheduler` or check the"
            " address."
        ) from error


class _Holder(WorkerPlugin):
    """Holds the work on every worker, those among them that join late or come back."""

    def __init__(self, work: Work[Any], is_ours: bool) -> None:
        self.work, self.is_ours = work, is_ours
        self.is_stopped = False

    def setup(self, worker: object) -> None:  # noqa: ARG002
        """Leave an interrupt from the keyboard to the process that started this one."""
        if self.is_ours and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def check(self) -> None:
        """Raise if nothing more is to be begun."""
        if self.is_stopped:
            raise StoppedError


@dataclass
class DaskExecutor:
    """Hands tasks to the workers of a cluster.

    Attributes
    ----------
    work : Work
        Sent once to each worker.
    client : distributed.Client
    is_ours : bool
        Whether the workers were started for this run.
    """

    work: Work[Any]
    client: Client
    is_ours: bool = False

    def __post_init__(self) -> None:
        self._handed: WeakSet[Any] = WeakSet()
        self._name = f"localdisc-{uuid4().hex}"
        self._threads, self._looked = 1, -_LOOK_AGAIN
        self._seen = time.monotonic()

    @contextmanager
    def working(self) -> Iterator[DaskExecutor]:
        """Bring the work to the workers, and take it from them in the end."""
        try:
            self.client.register_plugin(_Holder(self.work, self.is_ours), name=self._name)
        except Exception as error:  # whatever a worker raises where it cannot take the work in
            detail = " ".join(str(error).split())
            raise LocaldiscError(
                f"the Dask workers cannot take the work ({type(error).__name__}: {detail}); install"
                " the same napari-localdisc on them."
            ) from error
        try:
            yield self
        finally:
            if self.client.status == "running":
                self.client.unregister_worker_plugin(self._name)

    @property
    def queue_depth(self) -> int:
        """A task for each thread of the workers that there are now, and some to go on with."""
        if time.monotonic() - self._looked >= _LOOK_AGAIN:
            self._looked = time.monotonic()
            self._threads = max(1, sum(self.client.nthreads().values()))
        return self._threads * 3 // 2 + 1

    def submit(self, task: Task) -> Future[Outcome]:
        """Hand a task to the cluster."""
        told: Future[Outcome] = Future()
        there = Task(task.path.absolute(), task.name, task.place.absolute())
        key = f"{self._name}-{uuid4().hex}"
        future = self.client.submit(_do, self._name, there, key=key, pure=False)
        future.add_done_callback(lambda ended: _tell(task, ended, told))
        self._handed.add(future)
        told.handed = future  # type: ignore[attr-defined]  # Dask drops what nobody holds
        return told

    def check_workers(self) -> None:
        """See whether there are workers; those of others may come when they like."""
        if self.client.nthreads():
            self._seen = time.monotonic()
        elif self.is_ours and time.monotonic() - self._seen > _COMING_BACK:
            raise LocaldiscError(
                "all worker processes ended and none came back; run it again to go on, with fewer"
                " --workers if memory is short."
            )

    def stop(self) -> None:
        """Take back what is not being computed yet."""
        if self.client.status == "running":
            self.client.run(_stop, self._name, on_error="ignore")
            if not self.client.nthreads():  # nobody is left to end what was begun
                self.client.cancel(list(self._handed))


def _do(name: str, task: Task) -> Outcome:
    """Do a task; runs on a worker."""
    holder: Any = distributed.get_worker().plugins[name]
    return attempt(task, holder.work, SerialCompute(holder.work, holder.check), holder.check)


def _stop(name: str, dask_worker: Any) -> None:
    """Have a worker begin nothing more; runs on it."""
    if name in dask_worker.plugins:
        dask_worker.plugins[name].is_stopped = True


def _tell(task: Task, ended: Any, told: Future[Outcome]) -> None:
    """Pass on what became of a task."""
    try:
        outcome = ended.result()
    except KilledWorker as error:
        text = (
            f"{task.path} could not be processed ({error.allowed_failures + 1} workers ended over"
            " it); check the image, or give the workers more memory."
        )
        told.set_result(Outcome(task, FileResult(task.path, None, "failed", 0.0, error=text)))
    except _GONE:
        told.set_exception(
            LocaldiscError("the Dask scheduler is gone; run it again to go on where it stopped.")
        )
    except Exception as error:
        told.set_exception(error)
    else:
        told.set_result(_as_seen_here(outcome, task))


def _as_seen_here(outcome: Outcome, task: Task) -> Outcome:
    """Tell files as they were given here, not as workers were told them."""
    result: FileResult = outcome.result
    output = None if result.output is None else task.place.with_name(result.output.name)
    error = result.error.replace(str(task.path.absolute()), str(task.path))
    return Outcome(task, replace(result, path=task.path, output=output, error=error), outcome.mark)
