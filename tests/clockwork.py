"""An event loop whose clock jumps: hours of waiting take no time, and to wait for nothing is an error."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_REAL_PATIENCE_S = 20.0


class _Clockwork(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now_s = 0.0
        self.holds = 0
        super().__init__(_Jumps(self))

    def time(self) -> float:
        return self.now_s


class _Jumps(selectors.DefaultSelector):
    def __init__(self, loop: _Clockwork) -> None:
        self._loop = loop
        super().__init__()

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and (timeout <= 0 or not self._loop.holds):
            ready = super().select(0)
            self._loop.now_s += 0.0 if ready else max(timeout, 0.0)
            return ready
        ready = super().select(_REAL_PATIENCE_S)
        assert ready, "everybody waits, and nothing is left that could wake them"
        return ready


def run(main: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns; its loop's clock begins at 0 and jumps to the next thing to do."""
    with asyncio.Runner(loop_factory=_Clockwork) as runner:
        return runner.run(main)


def now_s() -> float:
    """Seconds on the clock of the running loop."""
    return asyncio.get_running_loop().time()


@contextmanager
def standing_still() -> Iterator[None]:
    """The clock does not jump meanwhile: somebody waits for a thread, whose time is real."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, _Clockwork):
        loop.holds += 1
    try:
        yield
    finally:
        if isinstance(loop, _Clockwork):
            loop.holds -= 1
