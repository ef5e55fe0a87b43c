"""HTTP/1.1 by hand, for a server that must be quick and must be able to misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

_DRIPS = 8
_CUT_BYTES = 40
_PHRASES = {int(status): status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def _unheard(whole: bool) -> None:
    """Nobody asked what became of the response."""


@dataclass(frozen=True, slots=True)
class Response:
    """What to write. `drop` breaks off `before_reply`, `mid_body` or `mid_chunk`; `drip_s` is how long the body takes;
    `hang` never answers. `tell` hears once whether the whole of it could be written out."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: str = ""
    drip_s: float = 0.0
    hang: bool = False
    tell: Callable[[bool], None] = _unheard


Respond = Callable[[Request], Coroutine[Any, Any, Response]]


class Connection(asyncio.Protocol):
    """One connection: requests in, one after another, each answered by `respond`; `opened` holds it while it lasts."""

    def __init__(self, respond: Respond, opened: set[asyncio.WriteTransport]) -> None:
        self._respond, self._opened = respond, opened
        self._transport: Any = None
        self._got = bytearray()
        self._work: asyncio.Task[None] | None = None
        self._is_lost = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._opened.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        # The work goes on, as at a vendor, who charges for it too.
        self._is_lost = True
        self._opened.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._work is None:
            self._next()

    def _next(self) -> None:
        try:
            request = _taken(self._got)
        except ValueError:
            self._transport.write(_head(Response(400), "Content-Length: 0"))
            self._transport.close()
            return
        if request is not None:
            self._work = asyncio.get_running_loop().create_task(self._answered(request))

    async def _answered(self, request: Request) -> None:
        response = None
        try:
            response = await self._respond(request)
        finally:
            # Whoever asks must not wait for a reply that an exception has swallowed.
            if response is None:
                self._transport.abort()
        if response.hang or response.drop:
            response.tell(False)
            self._broken_off(response)
            return
        await self._written(response)
        if request.headers.get("connection", "").lower() == "close":
            self._transport.close()
            return
        self._work = None
        if self._got:
            self._next()

    async def _written(self, response: Response) -> None:
        data = _head(response, f"Content-Length: {len(response.body)}")
        *drips, last = _drips(response) if response.drip_s else [response.body]
        is_whole = False
        try:
            for drip in drips:
                self._transport.write(data + drip)
                data = b""
                await asyncio.sleep(response.drip_s / _DRIPS)
                if self._is_lost:
                    break
            is_whole = not self._is_lost
        finally:
            # Told before the last is written: who has read the reply finds it in the log.
            response.tell(is_whole)
        self._transport.write(data + last)

    def _broken_off(self, response: Response) -> None:
        body = response.body
        if response.drop == "mid_body":
            cut = body[: max(len(body) - _CUT_BYTES, 1)]
            self._transport.write(_head(response, f"Content-Length: {len(body)}") + cut)
            self._transport.close()
        elif response.drop == "mid_chunk":
            chunk = f"{len(body):x}\r\n".encode() + body[: len(body) // 2]
            self._transport.write(_head(response, "Transfer-Encoding: chunked") + chunk)
            self._transport.close()
        elif response.drop:
            self._transport.abort()


def _drips(response: Response) -> list[bytes]:
    step = -(-len(response.body) // _DRIPS) or 1
    return [response.body[start : start + step] for start in range(0, len(response.body) or 1, step)]


def _taken(got: bytearray) -> Request | None:
    """The first whole request of what came, taken out of it.

    Raises:
        ValueError: it is not HTTP.
    """
    end = got.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = got[:end].decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ", 2)
    start = end + 4
    if headers.get("transfer-encoding") == "chunked":
        body, stop = _unchunked(got, start)
    else:
        stop = start + int(headers.get("content-length", "0"))
        body = bytes(got[start:stop]) if len(got) >= stop else None
    if body is None:
        return None
    del got[:stop]
    return Request(method, path, headers, body)


def _unchunked(got: bytearray, at: int) -> tuple[bytes | None, int]:
    """The body whose chunks begin at `at`, None where some are still to come, and where it ends."""
    body = b""
    while (line := got.find(b"\r\n", at)) >= 0:
        size = int(got[at:line], 16)
        stop = line + 2 + size + 2
        if len(got) < stop:
            break
        if not size:
            return body, stop
        body += got[line + 2 : stop - 2]
        at = stop
    return None, at


def _head(response: Response, length: str) -> bytes:
    phrase = _PHRASES.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {phrase}", length]
    if response.headers:
        given = {"content-type": "application/json"} | {name.lower(): told for name, told in response.headers.items()}
        lines += [f"{name}: {told}" for name, told in given.items()]
    else:
        lines.append("content-type: application/json")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response that holds the value."""
    return Response(status, json.dumps(value).encode(), headers or {})
