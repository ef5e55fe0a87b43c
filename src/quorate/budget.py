"""What may be spent: the worst case is set aside before a request goes, the true cost is settled when it is back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from quorate.journal import Spent


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars and tokens; `usd` None where no price is known."""

    usd: float | None
    tokens: int


class Budget:
    """Caps on US dollars and tokens over the life of a project; None is no cap."""

    def __init__(self, max_usd: float | None, max_tokens: int | None, spent: Spent) -> None:
        self._max_usd, self._max_tokens = max_usd, max_tokens
        self._usd, self._tokens = spent.usd, spent.tokens
        self._aside_usd, self._aside_tokens, self._open = 0.0, 0, 0
        self._settled = asyncio.Event()

    async def set_aside(self, worst: Cost) -> bool:
        """Whether the worst case fits under the caps; waits while requests in flight may yet leave room for it."""
        while not self._fits(worst):
            if not self._open:
                return False
            self._settled.clear()
            await self._settled.wait()
        self._aside_usd += worst.usd or 0.0
        self._aside_tokens += worst.tokens
        self._open += 1
        return True

    def settle(self, worst: Cost, actual: Cost) -> None:
        """Frees what was set aside for a request and books what it cost."""
        self._aside_usd -= worst.usd or 0.0
        self._aside_tokens -= worst.tokens
        self._usd += actual.usd or 0.0
        self._tokens += actual.tokens
        self._open -= 1
        self._settled.set()

    def book(self, actual: Cost) -> None:
        """Counts what was spent on something that an earlier process set aside for."""
        self._usd += actual.usd or 0.0
        self._tokens += actual.tokens

    def _fits(self, worst: Cost) -> bool:
        usd, tokens = self._usd + self._aside_usd, self._tokens + self._aside_tokens
        return (self._max_usd is None or usd + (worst.usd or 0.0) <= self._max_usd) and (
            self._max_tokens is None or tokens + worst.tokens <= self._max_tokens
        )

    def __str__(self) -> str:
        caps = [f"${self._max_usd:g}"] * (self._max_usd is not None)
        caps += [f"{self._max_tokens:,} tokens"] * (self._max_tokens is not None)
        return " or ".join(caps)
