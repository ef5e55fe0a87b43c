"""A Dask cluster: one that is there, or processes of this machine (extra: `quorate[dask]`)."""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

from quorate.child import worked_beside
from quorate.errors import ClusterError
from quorate.protocols import WorkerDied
from quorate.registry import vendor
from quorate.shipping import ahead, folded, opened, packed, unless_empty, unlike

T = TypeVar("T")
R = TypeVar("R")

_LOOKS_EVERY_S = 5.0


@dataclass(frozen=True)
class Dask:
    """The cluster whose scheduler is at `address` ("tcp://host:8786"), or `workers` processes here (None: one a core).

    A cluster of our own listens on 127.0.0.1 alone and ends with this process, or by `close`. The work is done in
    children of Dask's workers, one a thread, in whose main threads the time limits of rules hold; what a worker that
    dies was working on is done by another, as Dask has it, and what kills two children comes back as `WorkerDied`.
    Who has no worker for `timeout_s` stops.
    """

    kind: ClassVar[str] = "executors"

    address: str = ""
    workers: int | None = None
    timeout_s: float = 30.0

    @classmethod
    def example(cls) -> Dask:
        vendor("distributed", "dask")
        return cls(workers=2)

    def map(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R | WorkerDied]:
        some = unless_empty(items)
        if some is None:
            return
        client, shipped = _client(self), packed(fn)
        # Two items a thread in flight keep them busy without a cluster that holds every partition in memory.
        threads = sum(client.nthreads().values())
        yield from ahead(some, partial(_send, self, client, shipped), max(2 * threads, 2))

    def fold(self, fn: Callable[[T], R], merge: Callable[[R, R], R], items: Iterable[T]) -> R | WorkerDied:
        return folded(self.map(fn, items), merge)

    def close(self) -> None:
        """Lets go of the cluster, and ends it where it is our own."""
        client = _CLIENTS.pop(self, None)
        if client is not None:
            _end(client)


_CLIENTS: dict[Dask, Any] = {}
"""Connected clients: starting a cluster takes seconds, and a run maps more than once."""


def _client(where: Dask) -> Any:
    client = _CLIENTS.get(where)
    if client is None or client.status != "running":
        client = _CLIENTS[where] = _connected(where) if where.address else _started(where)
        atexit.register(where.close)
    return client


def _connected(where: Dask) -> Any:
    distributed = vendor("distributed", "dask")
    try:
        client = distributed.Client(where.address, timeout=where.timeout_s, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {where.address} ({error}); is it running, and is this the address that "
            "`dask scheduler` printed?"
        ) from None
    try:
        client.wait_for_workers(1, timeout=where.timeout_s)
        _check(client)
    except TimeoutError:
        client.close()
        raise ClusterError(_no_worker(where)) from None
    except ClusterError:
        client.close()
        raise
    return client


def _started(where: Dask) -> Any:
    distributed = vendor("distributed", "dask")
    cluster = distributed.LocalCluster(
        n_workers=where.workers or os.cpu_count() or 1,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )
    return distributed.Client(cluster, timeout=where.timeout_s, set_as_default=False)


def _check(client: Any) -> None:
    for address, told in client.get_versions(packages=["quorate"])["workers"].items():
        problem = unlike(told["packages"]["python"], told["packages"]["quorate"])
        if problem:
            raise ClusterError(f"the Dask worker at {address} {problem}")


def _end(client: Any) -> None:
    cluster = client.cluster
    client.close()
    if cluster is not None:
        cluster.close()


def _send(where: Dask, client: Any, shipped: bytes, item: Any) -> Callable[[], Any]:
    import dask

    if client.status not in ("running", "connecting"):
        raise ClusterError(_gone(where))
    # A partition is large and is sent once: what Dask warns of, a large graph, is what is meant.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        future = client.submit(worked_beside, shipped, packed(item), pure=False)
    return partial(_result, where, client, future)


def _result(where: Dask, client: Any, future: Any) -> Any:
    distributed = vendor("distributed", "dask")
    seen = time.monotonic()
    while True:
        try:
            return opened(future.result(timeout=_LOOKS_EVERY_S))
        except distributed.scheduler.KilledWorker as error:
            return WorkerDied(f"{error.allowed_failures + 1} Dask workers died while they worked on it")
        except (distributed.CancelledError, distributed.comm.CommClosedError):
            raise ClusterError(_gone(where)) from None
        except distributed.TimeoutError:
            seen = time.monotonic() if client.nthreads() else seen
            if time.monotonic() - seen > where.timeout_s:
                raise ClusterError(_no_worker(where)) from None


def _gone(where: Dask) -> str:
    return (
        f"the Dask scheduler{' at ' + where.address if where.address else ''} is gone; finished votes are kept: run "
        "again when it is back"
    )


def _no_worker(where: Dask) -> str:
    return (
        f"the Dask cluster at {where.address or '127.0.0.1'} had no worker for {where.timeout_s:g} s; start some with "
        f"`dask worker {where.address}`, or give it more time by timeout_s"
    )


plugin = Dask
