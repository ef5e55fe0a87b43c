"""The way over HTTP that endpoints share: many small pools, and one reading of what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from quorate.keys import scrubbed
from quorate.verdicts import gateway_error, room_in, unanswered
from quorate.wire import Reply, Unanswered, Verdict

_IN_FLIGHT = 8
"""Requests per pool. The work that httpx's pool does for a request grows with the connections that it holds: at 256
in flight a single pool spends 18 ms on each."""

_BEFORE_SENDING = ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")


class Sharded:
    """A transport of httpx (or its heir httpx2) that spreads requests over pools with few connections each."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._pools: list[Any] = []
        self._in_flight: list[int] = []

    async def __aenter__(self) -> Sharded:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def handle_async_request(self, request: Any) -> Any:
        at = self._least_busy()
        self._in_flight[at] += 1
        try:
            return await self._pools[at].handle_async_request(request)
        finally:
            self._in_flight[at] -= 1

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()

    def _least_busy(self) -> int:
        # The first with room, so that few connections are held open where few are needed.
        for at, busy in enumerate(self._in_flight):
            if busy < _IN_FLIGHT:
                return at
        self._pools.append(self._make())
        self._in_flight.append(0)
        return len(self._pools) - 1


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for this address, as every other program of the user takes it."""
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def reply_of(status: int, headers: Mapping[str, str], body: str, *keys: str) -> Reply:
    """The reply, or why it is none; `keys` are taken out of every message.

    Raises:
        Unanswered: an error status, a body that is not JSON, or an error inside a body of status 200.
    """
    if status >= 400:
        raise refusal(status, headers, body, *keys)
    if not body.strip():
        raise Unanswered("empty", f"HTTP {status} with an empty body", Verdict.AGAIN, billed=True)
    try:
        raw = json.loads(body)
    except ValueError:
        shown = scrubbed(" ".join(body.split())[:120], *keys)
        message = f"HTTP {status} with a body that is not JSON: {shown!r}"
        raise Unanswered("unparsable", message, Verdict.AGAIN, billed=True) from None
    fault = gateway_error(raw)
    if fault is not None:
        raise _without(fault, keys)
    return Reply(raw, room_in(headers))


def refusal(status: int, headers: Mapping[str, str], body: str, *keys: str) -> Unanswered:
    """What an error status means, without the keys."""
    return _without(unanswered(status, headers, body), keys)


def lost(error: BaseException, *keys: str) -> Unanswered:
    """What an exception of an HTTP client means, told by the names that httpx and its heir share."""
    names = {kind.__name__ for kind in type(error).__mro__}
    before = bool(names.intersection(_BEFORE_SENDING))
    if "TimeoutException" in names and not before:
        return Unanswered("timeout", "the server took too long to answer", Verdict.AGAIN, billed=True)
    said = scrubbed(str(error), *keys) or "the connection was lost"
    verdict = Verdict.RUN if names.intersection(("UnsupportedProtocol", "InvalidURL")) else Verdict.AGAIN
    return Unanswered("connection", f"{type(error).__name__}: {said}", verdict, billed=not before)


def _without(fault: Unanswered, keys: tuple[str, ...]) -> Unanswered:
    said = scrubbed(str(fault), *keys)
    return Unanswered(fault.reason, said, fault.verdict, after_s=fault.after_s, billed=fault.billed)
