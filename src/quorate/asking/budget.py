"""What may be spent: the worst case is set aside before a request goes, the true cost is settled when it is back."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from quorate.asking.journal import Spent


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars and tokens; `usd` None where no price is known."""

    usd: float | None
    tokens: int


class Budget:
    """Caps on US dollars and tokens over the life of a project; None is no cap.

    An unknown price is never zero: it fits under no cap on dollars.
    """

    def __init__(self, max_usd: float | None, max_tokens: int | None, spent: Spent) -> None:
        self._max_usd, self._max_tokens = max_usd, max_tokens
        self._usd, self._tokens = spent.usd, spent.tokens
        self._aside_usd, self._aside_tokens, self._open = 0.0, 0, 0
        self._settled = asyncio.Event()

    async def set_aside(self, worst: Cost) -> bool:
        """Whether the worst case fits under the caps; waits while requests in flight may yet leave room for it."""
        while not self._fits(worst, self._aside_usd, self._aside_tokens):
            if not self._open or not self._fits(worst, 0.0, 0):
                return False
            self._settled.clear()
            await self._settled.wait()
        self._aside_usd += worst.usd or 0.0
        self._aside_tokens += worst.tokens
        self._open += 1
        return True

    def settle(self, worst: Cost, actual: Cost) -> None:
        """Frees what was set aside for a request and books what it cost."""
        self._usd += (worst.usd or 0.0) if actual.usd is None else actual.usd
        self._tokens += actual.tokens
        self._open -= 1
        # Nothing at all once nobody is out: sums of floats leave crumbs, and a crumb would shut out an exact fit.
        self._aside_usd = self._aside_usd - (worst.usd or 0.0) if self._open else 0.0
        self._aside_tokens -= worst.tokens
        self._settled.set()

    def book(self, actual: Cost) -> None:
        """Counts what was spent on something that an earlier process set aside for."""
        self._usd += math.inf if actual.usd is None else actual.usd
        self._tokens += actual.tokens

    def _fits(self, worst: Cost, aside_usd: float, aside_tokens: int) -> bool:
        usd = math.inf if worst.usd is None else self._usd + aside_usd + worst.usd
        tokens = self._tokens + aside_tokens + worst.tokens
        return (self._max_usd is None or usd <= self._max_usd) and (
            self._max_tokens is None or tokens <= self._max_tokens
        )
