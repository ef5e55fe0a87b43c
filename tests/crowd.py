"""Many who ask through one limiter, on the clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from clockwork import now_s

from quorate.asking.limiter import Limiter
from quorate.wire import Limits, RateRoom

ROOM = RateRoom()


@dataclass
class Crowd:
    """Many who ask through one limiter; writes down when each was let in, and how many were in at most."""

    limiter: Limiter
    server: Callable[[int], Awaitable[None]]
    tokens: int = 1
    in_flight: int = 0
    most: int = 0
    entered_s: list[float] = field(default_factory=list)
    order: list[int] = field(default_factory=list)

    async def one(self, i: int) -> None:
        await self.limiter.enter(self.tokens)
        try:
            self.entered_s.append(now_s())
            self.order.append(i)
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            await self.server(i)
        finally:
            self.in_flight -= 1
            self.limiter.leave()

    async def all(self, n: int) -> Crowd:
        await asyncio.gather(*(self.one(i) for i in range(n)))
        return self


def good_server(limiter: Limiter, answer_s: float = 0.5, room: RateRoom = ROOM) -> Callable[[int], Awaitable[None]]:
    async def serve(_: int) -> None:
        await asyncio.sleep(answer_s)
        limiter.succeeded(room)

    return serve


async def crowd(limits: Limits, n: int, answer_s: float = 0.5, tokens: int = 1) -> Crowd:
    """So many requests, let in by a fresh limiter and all answered well."""
    limiter = Limiter(limits)
    return await Crowd(limiter, good_server(limiter, answer_s), tokens).all(n)


async def passed(limiter: Limiter) -> float:
    """When the next request is let in."""
    await limiter.enter(1)
    limiter.leave()
    return now_s()


async def refused(limiter: Limiter, at_s: float) -> None:
    """Lets one in at a time of the clock, whom the server refuses."""
    await asyncio.sleep(max(at_s - now_s(), 0.0))
    await passed(limiter)
    limiter.refused(None)
