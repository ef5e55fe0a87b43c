"""What an attempt may cost, what it did cost, and the line that the journal keeps of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from quorate.budget import Cost
from quorate.journal import Attempt
from quorate.prices import cost_usd
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

    def worst_case(self, body: Mapping[str, Any]) -> Cost:
        """What a request costs at most: a token is at least a byte of the body, the answer is as long as allowed."""
        messages = body.get("messages")
        extra = _TOKENS_PER_MESSAGE * (len(messages) if isinstance(messages, list) else 2)
        usage = Usage(sent_bytes(body) + extra, self.endpoint.max_output_tokens)
        # Writing to a cache is the dearest that input can be.
        dearest = self.price and replace(self.price, input=max(self.price.input, self.price.cache_write or 0.0))
        return Cost(cost_usd(dearest, usage, self.tier), usage.input + usage.output)

    def likely_tokens(self, body: Mapping[str, Any]) -> int:
        """The tokens that a vendor counts against an account's limit when the request comes in."""
        return sent_bytes(body) // _BYTES_PER_TOKEN + self.endpoint.max_output_tokens

    def of(self, said: Said, worst: Cost) -> Cost:
        """What the reply cost; the worst case where it does not tell."""
        if said.usage is None:
            return worst
        usd = cost_usd(self.price, said.usage, self.tier or said.tier)
        return Cost(usd, said.usage.input + said.usage.output)

    def answered(self, key: bytes, number: int, raw: Any, said: Said, cost: Cost) -> Attempt:
        """The journal's line of an attempt that brought a reply."""
        usage = said.usage or Usage(cost.tokens)
        note = self._note(key, number)
        return replace(note, raw=raw, reason=said.reason, cost_usd=cost.usd, usage=usage)

    def failed(self, key: bytes, number: int, fault: Unanswered, cost: Cost) -> Attempt:
        """The journal's line of an attempt that brought none."""
        note = self._note(key, number)
        return replace(note, reason=fault.reason, message=str(fault), cost_usd=cost.usd, usage=Usage(cost.tokens))

    def _note(self, key: bytes, number: int) -> Attempt:
        return Attempt(key, number, self.endpoint.wire, self.endpoint.model)


def sent(note: Attempt, body: Mapping[str, Any], start_s: float) -> Attempt:
    """The line with what was sent, and how long it took since `start_s` of the monotonic clock."""
    return replace(note, latency_s=time.monotonic() - start_s, sent_bytes=sent_bytes(body))


def sent_bytes(body: Mapping[str, Any]) -> int:
    """The length of a body on the wire."""
    return len(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))
