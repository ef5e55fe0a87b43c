"""Work that travels to other processes: functions and items by value, and what came of them, as bytes."""

from __future__ import annotations

import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from functools import lru_cache, reduce
from itertools import chain
from pickle import PicklingError
from types import TracebackType
from typing import Any, TypeVar

from quorate.errors import ClusterError
from quorate.protocols import WorkerDied

T = TypeVar("T")
R = TypeVar("R")


def ahead(items: Iterable[T], send: Callable[[T], Callable[[], R]], most: int) -> Iterator[R]:
    """Results in the order of the items, of which at most so many are taken and not yet given back.

    `send` hands an item on and returns what waits for its result.
    """
    waiting: deque[Callable[[], R]] = deque()
    for item in items:
        waiting.append(send(item))
        if len(waiting) >= most:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


def unless_empty(items: Iterable[T]) -> Iterator[T] | None:
    """The items, or None where there is not one: no cluster has to be there for nothing."""
    rest = iter(items)
    for first in rest:
        return chain([first], rest)
    return None


def folded(results: Iterable[R | WorkerDied], merge: Callable[[R, R], R]) -> R | WorkerDied:
    """The results reduced in their order, or the first that a worker died for."""

    def step(left: R | WorkerDied, right: R | WorkerDied) -> R | WorkerDied:
        return left if isinstance(left, WorkerDied) else right if isinstance(right, WorkerDied) else merge(left, right)

    return reduce(step, results)


def packed(thing: Any) -> bytes:
    """The thing by value: functions of notebooks, scripts and rules travel with their code and helpers."""
    from cloudpickle import dumps

    # The annotation: cloudpickle has no types.
    shipped: bytes = dumps(thing)
    return shipped


def unlike(python: str, quorate: str | None) -> str:
    """What sets a worker apart from this process so that rules cannot travel there, or "".

    Args:
        python: the version of Python there, "3.12.1" or longer.
        quorate: the version of quorate there; None: none.
    """
    from quorate import __version__

    here = sys.version_info[:2]
    if tuple(python.split(".")[:2]) != tuple(map(str, here)):
        return f"runs Python {python} and this is {here[0]}.{here[1]}; rules travel as byte code, so give both the same"
    if quorate != __version__:
        there = f"has quorate {quorate}" if quorate else "has no quorate"
        return f"{there} and this is {__version__}; give both the same: pip install quorate=={__version__}"
    return ""


def called(shipped: bytes, item: Any) -> Any:
    """What the shipped function gives for an item, in the process that was handed both."""
    # Standard output belongs to the command; what a function prints goes where progress goes.
    with redirect_stdout(sys.stderr):
        return _unpacked(shipped)(item)


def worked(shipped: bytes, item: bytes) -> bytes:
    """What came of the shipped function with a packed item, for `opened`: a result, or what was raised."""
    from cloudpickle import loads

    with _Kept() as kept:
        kept.result = called(shipped, loads(item))
    return kept.packed()


def opened(came: bytes) -> Any:
    """The result, raising here what was raised there."""
    from cloudpickle import loads

    result, error = loads(came)
    if error is not None:
        raise error
    return result


@lru_cache(maxsize=2)
def _unpacked(shipped: bytes) -> Any:
    # Once per worker and not per item, so that what functions load once per process stays loaded.
    from cloudpickle import loads

    try:
        return loads(shipped)
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"a worker cannot import {error.name!r}, which the rules or sources use; install it where the workers run, "
            "or put the module beside quorate.toml, from where it travels with the rules"
        ) from None


class _Kept:
    """Keeps an exception instead of letting it end the worker, which could only tell its text."""

    result: Any = None
    error: BaseException | None = None

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> bool:
        self.error = error
        return isinstance(error, Exception)

    def packed(self) -> bytes:
        if self.error is None:
            return packed((self.result, None))
        told = "".join(traceback.format_exception(self.error))
        self.error.add_note(f"in a worker process:\n{told}")
        try:
            came = packed((None, self.error.with_traceback(None)))
            _opens(came)
        except (PicklingError, TypeError, AttributeError, ValueError):
            # Some exceptions cannot travel: those that need more than a message, or hold an open file.
            came = packed((None, RuntimeError(told)))
        return came


def _opens(came: bytes) -> None:
    from cloudpickle import loads

    loads(came)
