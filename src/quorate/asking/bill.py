"""What an attempt may cost, what it did cost, and the line that the journal keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from quorate.asking.budget import Cost
from quorate.asking.journal import Attempt
from quorate.asking.letters import Letter
from quorate.asking.prices import cost_usd
from quorate.protocols import Endpoint
from quorate.wire import Price, Said, Unanswered, Usage

_TOKENS_PER_MESSAGE = 16
"""What vendors add around each message; a token of text has at least one byte, so bytes bound the rest."""
_BYTES_PER_TOKEN = 4
"""Of English and JSON, for estimates; the worst case does not rest on it."""


@dataclass(frozen=True)
class Bill:
    """The bill of one endpoint; `tier` is the service tier of all of it, where the replies do not tell."""

    endpoint: Endpoint
    price: Price | None
    tier: str = ""

    def worst_case(self, letter: Letter) -> Cost:
        """What a request costs at most: a token is at least a byte of the body, the answer is as long as allowed."""
        messages = letter.body.get("messages")
        extra = _TOKENS_PER_MESSAGE * (len(messages) if isinstance(messages, list) else 2)
        usage = Usage(letter.size_bytes + extra, self.endpoint.max_output_tokens * letter.answers)
        # Writing to a cache is the dearest that input can be.
        dearest = self.price and replace(self.price, input=max(self.price.input, self.price.cache_write or 0.0))
        return Cost(cost_usd(dearest, usage, self.tier), usage.input + usage.output)

    def likely_tokens(self, letter: Letter) -> int:
        """The tokens that a vendor counts against an account's limit when the request comes in."""
        return letter.size_bytes // _BYTES_PER_TOKEN + self.endpoint.max_output_tokens * letter.answers

    def of(self, said: Said, worst: Cost) -> Cost:
        """What the reply cost; the worst case where it does not tell."""
        if said.usage is None:
            return worst
        usd = cost_usd(self.price, said.usage, self.tier or said.tier)
        return Cost(usd, said.usage.input + said.usage.output)

    def answered(
        self, letter: Letter, number: int, raw: Any, *, said: Said, cost: Cost, took_s: float = 0.0
    ) -> Attempt:
        """The journal's line of an attempt that brought a reply."""
        return Attempt(
            letter.key,
            number,
            self.endpoint.wire,
            self.endpoint.model,
            reason=said.reason,
            raw=raw,
            latency_s=took_s,
            cost_usd=cost.usd,
            usage=said.usage or Usage(cost.tokens),
            sent_bytes=letter.size_bytes,
        )

    def failed(self, letter: Letter, number: int, fault: Unanswered, *, cost: Cost, took_s: float = 0.0) -> Attempt:
        """The journal's line of an attempt that brought none."""
        return Attempt(
            letter.key,
            number,
            self.endpoint.wire,
            self.endpoint.model,
            reason=fault.reason,
            message=str(fault),
            latency_s=took_s,
            cost_usd=cost.usd,
            usage=Usage(cost.tokens),
            sent_bytes=letter.size_bytes,
        )
