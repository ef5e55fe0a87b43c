"""A model server on this machine, for tests and demos: vendors' wire forms, real small models, scripted faults."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from quorate.loopback.batches import Batches, BatchHabits
from quorate.loopback.http import Connection, Request, Response, as_json
from quorate.loopback.standins import Answerer
from quorate.loopback.wires import WIRES, Given, Wire, given


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it; `attempt` is how many times this very body came before."""

    path: str
    model: str
    body: Mapping[str, Any]
    attempt: int
    key: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do in place of the right answer; `body` None is the right answer's, `edit` changes it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Mapping[str, Any] | None = None
    edit: Callable[[dict[str, Any]], Any] | None = None
    delay_s: float = 0.0
    hang: bool = False
    drop: str = ""
    drip_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Served:
    """What became of a request: `whole` when an undisturbed reply of status 200 was written out."""

    asked: Asked
    status: int
    input_tokens: int
    output_tokens: int
    whole: bool
    s: float


Misbehave = Callable[[Asked], Fault | None]


class Loopback:
    """Serves the models in `answerers`, by name, at 127.0.0.1 from a thread of its own; use it as a context manager.

    `misbehave` may give a fault for a request. Each answer takes `latency_s`; past `requests_per_s` comes a 429, with a
    Retry-After header where `retry_after` says so. `keys` are the bearer keys that are let in (None: any). `log` holds
    every request served, unless `is_logging` is False.
    """

    def __init__(
        self,
        answerers: Mapping[str, Answerer],
        *,
        misbehave: Misbehave | None = None,
        latency_s: float = 0.0,
        requests_per_s: float | None = None,
        retry_after: bool = False,
        keys: Collection[str] | None = None,
        batches: BatchHabits | None = None,
        port: int = 0,
        is_logging: bool = True,
    ) -> None:
        self.log: list[Served] = []
        self._answerers, self._misbehave, self._latency_s = dict(answerers), misbehave, latency_s
        self._bucket = _Bucket(requests_per_s, retry_after)
        self._keys, self._port, self._is_logging = keys, port, is_logging
        self._seen: Counter[str] = Counter()
        self._input = self._output = 0
        self._batches = Batches(self._line, batches or BatchHabits())
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failed: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="quorate-loopback", daemon=True)

    def __enter__(self) -> Loopback:
        """
        Raises:
            OSError: the port is taken.
        """
        self._thread.start()
        self._ready.wait()
        if self._failed:
            raise self._failed
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """ "http://127.0.0.1:PORT"; OpenAI's base_url is this and /v1."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def tokens(self) -> tuple[int, int]:
        """Input and output tokens of every request that the server worked on, also where the reply was lost."""
        return self._input, self._output

    @property
    def batches(self) -> list[dict[str, Any]]:
        """Every batch that was handed in, oldest first."""
        return self._batches.every

    def close(self) -> None:
        """Ends the service."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            making = self._loop.create_server(lambda: Connection(self._respond), "127.0.0.1", self._port, backlog=1024)
            server = self._loop.run_until_complete(making)
        except OSError as error:
            self._failed = error
            self._ready.set()
            self._loop.close()
            return
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _respond(self, request: Request) -> Response:
        path = request.path.partition("?")[0]
        wire = WIRES.get(path)
        if self._keys is not None and _bearer(request) not in self._keys:
            error = (wire or WIRES["/v1/chat/completions"]).error
            return as_json(error(401, "invalid_api_key", f"Incorrect API key provided: {_bearer(request)}"), 401)
        if wire is None:
            return self._batches.respond(request)
        start_s = time.monotonic()
        body = json.loads(request.body)
        asked = self._asked(path, body, request.body, start_s)
        response, answer = await self._answered(wire, asked)
        whole = response.status == 200 and not (response.drop or response.hang)
        if self._is_logging:
            used = (answer.input_tokens, answer.output_tokens) if answer else (0, 0)
            took_s = time.monotonic() - start_s
            self.log.append(Served(asked, response.status, *used, whole, took_s))
        return response

    def _asked(self, path: str, body: Mapping[str, Any], sent: bytes, at_s: float) -> Asked:
        key = sha256(path.encode() + sent).hexdigest()[:32]
        self._seen[key] += 1
        return Asked(path, str(body.get("model", "")), body, self._seen[key] - 1, key, at_s)

    async def _answered(self, wire: Wire, asked: Asked) -> tuple[Response, Given | None]:
        room = self._bucket.headers()
        if not self._bucket.take():
            body = wire.error(429, "rate_limit_exceeded", "Rate limit reached for requests")
            return as_json(body, 429, room | self._bucket.refusal()), None
        fault = (self._misbehave(asked) if self._misbehave else None) or Fault()
        if self._latency_s or fault.delay_s:
            await asyncio.sleep(self._latency_s + fault.delay_s)
        answerer = self._answerers.get(asked.model)
        if answerer is None and fault.body is None:
            message = f"The model `{asked.model}` does not exist or you do not have access to it."
            return as_json(wire.error(404, "model_not_found", message), 404), None
        if fault.status != 200:
            told = fault.body if fault.body is not None else wire.error(fault.status, "", "scripted fault")
            return _faulty(fault, told, room), None
        if fault.body is not None or answerer is None:
            # A proxy or a gateway spoke; no model did any work.
            return _faulty(fault, fault.body, room), None
        answer = given(wire, asked.body, answerer)
        self._input += answer.input_tokens
        self._output += answer.output_tokens
        raw = wire.body(asked.body, answer)
        return _faulty(fault, fault.edit(raw) if fault.edit else raw, room), answer

    async def _line(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """The status and body of one line of a batch."""
        asked = self._asked(path, body, json.dumps(body, sort_keys=True).encode(), time.monotonic())
        response, answer = await self._answered(WIRES[path], asked)
        if self._is_logging and answer:
            self.log.append(Served(asked, response.status, answer.input_tokens, answer.output_tokens, True, 0.0))
        return response.status, json.loads(response.body)


def _faulty(fault: Fault, body: Any, room: Mapping[str, str]) -> Response:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(fault.status, sent, dict(room) | dict(fault.headers), fault.drop, fault.drip_s, fault.hang)


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip()


class _Bucket:
    """Lets in so many requests a second, a tenth of a second's worth at once."""

    def __init__(self, per_s: float | None, retry_after: bool) -> None:
        self._per_s, self._retry_after = per_s, retry_after
        self._most = max((per_s or 0.0) / 10, 1.0)
        self._left, self._at_s = self._most, time.monotonic()

    def take(self) -> bool:
        if self._per_s is None:
            return True
        now = time.monotonic()
        self._left, self._at_s = min(self._left + (now - self._at_s) * self._per_s, self._most), now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def headers(self) -> dict[str, str]:
        if self._per_s is None:
            return {}
        return {"x-ratelimit-limit-requests": str(round(self._per_s * 60))}

    def refusal(self) -> dict[str, str]:
        return {"Retry-After": "1"} if self._retry_after else {}
