"""The way over HTTP that endpoints share: one transport beneath every client, and one reading of what comes back.

Beneath httpx and the vendors' SDKs the requests go through aiohttp: the pool of httpx 0.28 spends 18 ms on a request
at 256 in flight, and the parser of its heir still four times as long as this one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from quorate.asking.keys import scrubbed
from quorate.asking.verdicts import gateway_error, room_in, unanswered
from quorate.wire import Reply, Unanswered, Verdict


class Transport:
    """A transport for the client of httpx, or of its heir httpx2, whose `Response` it makes; faults are Unanswered."""

    def __init__(self, session: Any, response: Any, proxy: str | None) -> None:
        self._session, self._response, self._proxy = session, response, proxy

    async def __aenter__(self) -> Transport:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def handle_async_request(self, request: Any) -> Any:
        import aiohttp
        from yarl import URL

        sent = self._session.request(
            request.method,
            URL(str(request.url), encoded=True),
            data=await request.aread(),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
            allow_redirects=False,
            proxy=self._proxy,
        )
        try:
            async with sent as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _lost(error) from None
        # Told its encoding, it does not look for one each time that a header is read.
        headers = type(request.headers)(response.raw_headers, encoding="latin-1")
        return self._response(response.status, headers=headers, content=body, request=request)

    async def aclose(self) -> None:
        """Nothing: the session belongs to `way_out`."""


@asynccontextmanager
async def way_out(url: str, timeout_s: float, response: Any) -> AsyncIterator[Transport]:
    """The transport to a server, for a client that takes `response` objects; each request may take `timeout_s`."""
    import aiohttp
    import httpx

    connector = aiohttp.TCPConnector(limit=0, ssl=httpx.create_ssl_context())
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        yield Transport(session, response, _proxy_for(url))


def _proxy_for(url: str) -> str | None:
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
    except (ValueError, RecursionError):
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


def _without(fault: Unanswered, keys: tuple[str, ...]) -> Unanswered:
    said = scrubbed(str(fault), *keys)
    return Unanswered(fault.reason, said, fault.verdict, after_s=fault.after_s, billed=fault.billed)


def _lost(error: Exception) -> Unanswered:
    import aiohttp

    said = f"{type(error).__name__}: {error}".rstrip(": ")
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Unanswered("connection", said, Verdict.AGAIN)
        case TimeoutError():
            return Unanswered("timeout", "the server took too long to answer", Verdict.AGAIN, billed=True)
        case aiohttp.ClientSSLError() | aiohttp.InvalidURL() | ValueError():
            return Unanswered("connection", said, Verdict.RUN)
        case aiohttp.ClientConnectorError():
            return Unanswered("connection", said, Verdict.AGAIN)
    # The request was under way, and the vendor may have done the work.
    return Unanswered("connection", said, Verdict.AGAIN, billed=True)
