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


@dataclass(frozen=True, slots=True)
class Response:
    """What to write. `drop` breaks off `before_reply`, `mid_body` or `mid_chunk`; `drip_s` is how long the body takes;
    `hang` never answers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: str = ""
    drip_s: float = 0.0
    hang: bool = False


Respond = Callable[[Request], Coroutine[Any, Any, Response]]


class Connection(asyncio.Protocol):
    """One connection: requests in, one after another, each answered by `respond`."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._transport: Any = None
        self._got = bytearray()
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._work is not None:
            self._work.cancel()

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._work is None:
            self._next()

    def _next(self) -> None:
        request = _taken(self._got)
        if request is not None:
            self._work = asyncio.get_running_loop().create_task(self._answered(request))

    async def _answered(self, request: Request) -> None:
        response = await self._respond(request)
        if response.hang:
            await asyncio.get_running_loop().create_future()
        if response.drop:
            self._broken_off(response)
            return
        head = _head(response, f"Content-Length: {len(response.body)}")
        if response.drip_s:
            await self._dripped(head, response)
        else:
            self._transport.write(head + response.body)
        self._work = None
        if self._got:
            self._next()

    async def _dripped(self, head: bytes, response: Response) -> None:
        self._transport.write(head)
        step = max(len(response.body) // _DRIPS, 1)
        for start in range(0, len(response.body), step):
            await asyncio.sleep(response.drip_s / _DRIPS)
            self._transport.write(response.body[start : start + step])

    def _broken_off(self, response: Response) -> None:
        body = response.body
        if response.drop == "mid_body":
            self._transport.write(
                _head(response, f"Content-Length: {len(body)}") + body[: max(len(body) - _CUT_BYTES, 1)]
            )
            self._transport.close()
        elif response.drop == "mid_chunk":
            chunk = f"{len(body):x}\r\n".encode() + body[: len(body) // 2]
            self._transport.write(_head(response, "Transfer-Encoding: chunked") + chunk)
            self._transport.close()
        else:
            self._transport.abort()


def _taken(got: bytearray) -> Request | None:
    """The first whole request of what came, taken out of it."""
    end = got.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = got[:end].decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ", 2)
    start = end + 4
    if headers.get("transfer-encoding") == "chunked":
        stop = got.find(b"0\r\n\r\n", start)
        if stop < 0:
            return None
        body, stop = _unchunked(bytes(got[start : stop + 5])), stop + 5
    else:
        stop = start + int(headers.get("content-length", "0"))
        if len(got) < stop:
            return None
        body = bytes(got[start:stop])
    del got[:stop]
    return Request(method, path, headers, body)


def _unchunked(data: bytes) -> bytes:
    body, at = b"", 0
    while True:
        line = data.index(b"\r\n", at)
        size = int(data[at:line], 16)
        if not size:
            return body
        body += data[line + 2 : line + 2 + size]
        at = line + 2 + size + 2


def _head(response: Response, length: str) -> bytes:
    phrase = _PHRASES.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {phrase}", length]
    given = {"Content-Type": "application/json"} | dict(response.headers)
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in given.items()), "", ""]).encode("latin-1")


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response that holds the value."""
    return Response(status, json.dumps(value).encode(), headers or {})
