"""An executor of other machines: files are handed to a Dask cluster.

All machines see images and results at the same paths. Only the process that runs keeps the journal;
workers write masks. What a worker that dies had in hand is given to another one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakSet

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

try:
    import distributed
    from distributed import KilledWorker, WorkerPlugin
    from distributed.client import ClosedClientError, FutureCancelledError, FuturesCancelledError
    from distributed.comm.core import CommClosedError, connect
except ImportError as error:
    raise LocaldiscError(
        "--scheduler needs dask.distributed; install it with"
        " pip install 'napari-localdisc[cluster]'."
    ) from error

if TYPE_CHECKING:
    from distributed import Client

_GONE = (ClosedClientError, CommClosedError, FutureCancelledError, FuturesCancelledError)
"""What is raised where the scheduler has ended."""

_PATIENCE = 10
"""Seconds in which a scheduler must answer."""

_LOOK_AGAIN = 5.0
"""Seconds after which it is asked for the number of its workers again."""


def existing_cluster(address: str) -> ExecutorFactory:
    """Use the workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        For example ``"tcp://10.0.0.1:8786"``; of ``"tls://..."`` the certificates are those that
        Dask's configuration names.

    Raises
    ------
    LocaldiscError
        If none answers there, or Dask's configuration has no certificates for it.
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
    options = _connection_options(address)

    async def ask() -> None:
        found = await connect(address, timeout=_PATIENCE, **options)
        await found.close()

    try:
        asyncio.run(ask())
    except (OSError, ValueError) as error:
        raise LocaldiscError(
            f"no Dask scheduler answers at {address}; start one with `dask scheduler` or check the"
            " address and, of tls://, the certificates."
        ) from error


def _connection_options(address: str) -> dict[str, Any]:
    """Give the certificates for an encrypted connection."""
    try:
        options: dict[str, Any] = distributed.Security().get_connection_args("client")
    except (OSError, ValueError) as error:
        raise LocaldiscError(
            f"the certificates in Dask's configuration cannot be read ({error}); correct"
            " distributed.comm.tls there."
        ) from error
    if address.startswith("tls://") and options.get("ssl_context") is None:
        raise LocaldiscError(
            f"{address} needs certificates; name them in Dask's configuration, or set"
            " DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..__CLIENT__CERT and ..__CLIENT__KEY."
        )
    return options


class _Holder(WorkerPlugin):
    """A worker plugin that holds the work, also on workers that join late or come back."""

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.is_stopped = False

    def check(self) -> None:
        """Raise if nothing more is to be begun."""
        if self.is_stopped:
            raise StoppedError


@dataclass
class DaskExecutor:
    """Executor that submits tasks to the workers of a Dask cluster.

    Attributes
    ----------
    work : Work
        Sent once to each worker.
    client : distributed.Client
    """

    work: Work[Any]
    client: Client

    def __post_init__(self) -> None:
        self._handed: WeakSet[Any] = WeakSet()
        self._name = f"localdisc-{uuid4().hex}"
        self._threads, self._looked = 1, -_LOOK_AGAIN

    @contextmanager
    def working(self) -> Iterator[DaskExecutor]:
        """Register the work on the workers, and remove it in the end."""
        try:
            self.client.register_plugin(_Holder(self.work), name=self._name)
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
        """Submit a task to the cluster."""
        reported: Future[Outcome] = Future()
        key = f"{self._name}-{uuid4().hex}"
        future = self.client.submit(_do, self._name, absolute(task), key=key, pure=False)
        future.add_done_callback(lambda ended: _report(task, ended, reported))
        self._handed.add(future)
        reported.handed = future  # type: ignore[attr-defined]  # Dask drops what nobody holds
        return reported

    def check_workers(self) -> None:
        """Wait for workers, if there are none: they may join later."""

    def stop(self) -> None:
        """Cancel tasks that are not being computed yet."""
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


def _report(task: Task, ended: Any, reported: Future[Outcome]) -> None:
    """Pass on the outcome of a task."""
    try:
        outcome = ended.result()
    except KilledWorker as error:
        reported.set_result(gave_up(task, error.allowed_failures + 1))
    except _GONE:
        reported.set_exception(
            LocaldiscError("the Dask scheduler is gone; run it again to go on where it stopped.")
        )
    except Exception as error:
        reported.set_exception(error)
    else:
        reported.set_result(as_seen_here(outcome, task))
