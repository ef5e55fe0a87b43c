"""This machine: in this process, or in spawned worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

from quorate.protocols import WorkerDied
from quorate.shipping import ahead, called, folded, packed

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Local:
    """`workers` processes; with 1 everything runs in this process, one item after another.

    Workers are spawned, so functions of notebooks and scripts travel by value and nothing is inherited. When a worker
    dies, what it and its neighbours were working on is tried again, one item at a time; an item whose worker dies
    again comes back as `WorkerDied`.
    """

    kind: ClassVar[str] = "executors"

    workers: int = 1

    @classmethod
    def example(cls) -> Local:
        return cls()

    def map(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R | WorkerDied]:
        return map(fn, items) if self.workers <= 1 else self._spread(fn, items)

    def fold(self, fn: Callable[[T], R], merge: Callable[[R, R], R], items: Iterable[T]) -> R | WorkerDied:
        return folded(self.map(fn, items), merge)

    def _spread(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R | WorkerDied]:
        shipped = packed(fn)

        def send(item: T) -> Callable[[], Any]:
            return partial(self._result, shipped, item, self._submit(shipped, item))

        # Two items a worker in flight keep them busy without holding every partition in memory.
        return ahead(items, send, 2 * self.workers)

    def _submit(self, shipped: bytes, item: Any) -> Future[Any]:
        try:
            future: Future[Any] = _pool(self.workers).submit(called, shipped, item)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        return future

    def _result(self, shipped: bytes, item: Any, future: Future[Any]) -> Any:
        try:
            return future.result()
        except BrokenProcessPool:
            return self._alone(shipped, item)

    def _alone(self, shipped: bytes, item: Any) -> Any:
        from loky import ProcessPoolExecutor

        with ProcessPoolExecutor(1) as pool:
            try:
                return pool.submit(called, shipped, item).result()
            except BrokenProcessPool as error:
                return WorkerDied(
                    str(error).strip().splitlines()[0] if str(error).strip() else "the process was killed"
                )


def _pool(workers: int) -> Any:
    from loky import get_reusable_executor

    return get_reusable_executor(max_workers=workers, timeout=60)


plugin = Local
