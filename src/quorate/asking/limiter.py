"""How fast an account may be asked: learned from what the server does, within what the user knows."""

from __future__ import annotations

import asyncio
from collections import deque

from quorate.asking.pace import Pace
from quorate.wire import Limits, RateRoom

_START = 20
"""Requests in flight at the start; a steep ramp is answered with 429 even under the limit."""
_SHRINK = 0.8
_STEADY_GROWTH = 0.05
"""Slots per success: 5 % a round, where the start doubles."""
_HOLD_S = 0.3
_COOL_DOWN_S = 1.0
_IN_USE = 0.8
_CATCH_UP_S = 0.02
"""How far a pace may lag behind its clock before lost time is lost: a timer wakes late by milliseconds."""


class Limiter:
    """Slots for the requests of one account.

    The first 429 sets a pace, for accounts that allow so many requests a second and not so many in flight. The window
    (requests in flight) doubles every round, only while it is in use, until a 429 at that pace; that takes a fifth of
    it, at most once per cool-down, and slows its growth. Faults of the server stop growth for a while. Where a reply
    asks to wait, everybody waits.
    """

    def __init__(self, limits: Limits) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._window = float(min(limits.at_once, _START))
        self._growth = 1.0
        self._in_flight = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._next_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._pace = Pace(self._loop.time())
        self._calm_s = self._shrunk_s = self._loop.time()

    @property
    def at_once(self) -> int:
        """Requests that may be in flight now."""
        return max(int(self._window), 1)

    async def enter(self, tokens: int) -> None:
        """Waits for a slot; a request of so many tokens may go when this returns. Every `enter` needs a `leave`."""
        slot = self._loop.create_future()
        self._waiting.append((slot, tokens))
        self._admit()
        try:
            await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """The request is over, whatever became of it."""
        self._in_flight -= 1
        self._admit()

    def succeeded(self, room: RateRoom) -> None:
        """A reply came: there may be room for more."""
        now = self._loop.time()
        if now >= self._calm_s and self._in_flight >= _IN_USE * self._window:
            self._window = min(self._window + self._growth, self._limits.at_once)
        if room.reset_s and any(left is not None and left <= 0 for left in (room.requests_left, room.tokens_left)):
            self._next_s = max(self._next_s, now + room.reset_s)

    def faulted(self) -> None:
        """The server or the connection failed: no growth for a while."""
        self._calm_s = max(self._calm_s, self._loop.time() + _COOL_DOWN_S)

    def refused(self, after_s: float | None) -> None:
        """A 429: less at once, slower, and not before the server said."""
        now = self._loop.time()
        self._pace.refused(now)
        if after_s:
            self._next_s = max(self._next_s, now + after_s)
        if now < self._shrunk_s:
            return
        # A moment's hold brings in the other refusals under way, which tell how much was too much.
        resumed_s = now + max(_HOLD_S, after_s or 0.0)
        self._next_s = max(self._next_s, resumed_s)
        self._pace.slow_down(now, resumed_s)
        self._shrunk_s = self._calm_s = resumed_s + _COOL_DOWN_S
        # The first refusal may be one of pace alone; the window learns from the next, met at a pace.
        if self._pace.is_known:
            self._window = max(self._window * _SHRINK, 1.0)
            self._growth = _STEADY_GROWTH

    def _admit(self) -> None:
        while self._waiting and self._in_flight < self.at_once:
            now = self._loop.time()
            if now < self._next_s:
                self._wake_at(self._next_s)
                return
            slot, tokens = self._waiting.popleft()
            if slot.done():
                continue
            self._in_flight += 1
            self._next_s = max(self._next_s, now - _CATCH_UP_S) + self._gap_s(now, tokens)
            slot.set_result(None)

    def _gap_s(self, now: float, tokens: int) -> float:
        """Seconds until the next request may go after one of so many tokens."""
        gap = self._pace.gap_s(now)
        if self._limits.requests_per_minute:
            gap = max(gap, 60.0 / self._limits.requests_per_minute)
        if self._limits.tokens_per_minute:
            gap = max(gap, 60.0 * tokens / self._limits.tokens_per_minute)
        return gap

    def _wake_at(self, when_s: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_at(when_s, self._woken)

    def _woken(self) -> None:
        # A loop may wake a timer before its time, by as much as its clock cannot tell; then another one is set.
        self._timer = None
        self._admit()
