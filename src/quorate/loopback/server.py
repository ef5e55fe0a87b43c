"""A model server on this machine, for tests and demos: vendors' wire forms, real small models, scripted faults."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

from quorate.loopback.batches import Batches, BatchHabits
from quorate.loopback.bucket import Bucket
from quorate.loopback.http import Connection, Request, Response, as_json
from quorate.loopback.standins import Answerer
from quorate.loopback.wires import NOTHING, WIRES, Given, Wire, given


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
    Retry-After header where `retry_after` says so. `keys` are the bearer keys that are let in (None: any). The log
    stays empty where `is_logging` is False.
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
        bucket = Bucket(requests_per_s, retry_after)
        self._service = _Service(dict(answerers), misbehave, latency_s, bucket, is_logging=is_logging)
        self._batches = Batches(self._service.line, batches or BatchHabits())
        self._keys, self._port = keys, port
        self._loop = asyncio.new_event_loop()
        self._opened: set[asyncio.WriteTransport] = set()
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
    def log(self) -> list[Served]:
        """Every request that was answered, or whose answer was lost on the way, in the order of their ends."""
        return self._service.log

    @property
    def tokens(self) -> tuple[int, int]:
        """Input and output tokens of every request that the server worked on, also where the reply was lost."""
        return self._service.input_tokens, self._service.output_tokens

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
            connect = partial(Connection, self._respond, self._opened)
            making = self._loop.create_server(connect, "127.0.0.1", self._port, backlog=1024)
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
        self._loop.run_until_complete(self._ended())
        self._loop.close()

    async def _ended(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for transport in [*self._opened]:
            transport.abort()
        # An aborted connection is closed on the loop's next round.
        await asyncio.sleep(0)

    async def _respond(self, request: Request) -> Response:
        wire = WIRES.get(request.path.partition("?")[0])
        refusal = self._refusal(request, wire or WIRES["/v1/chat/completions"])
        if wire is None or request.method != "POST":
            return refusal or self._batches.respond(request)
        return await self._service.respond(wire, request, refusal)

    def _refusal(self, request: Request, wire: Wire) -> Response | None:
        key = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if self._keys is None or key in self._keys:
            return None
        return as_json(wire.error(401, "invalid_api_key", f"Incorrect API key provided: {key}"), 401)


@dataclass(eq=False)
class _Service:
    """The models at work, what goes wrong with them, and the account of it."""

    answerers: Mapping[str, Answerer]
    misbehave: Misbehave | None
    latency_s: float
    bucket: Bucket
    is_logging: bool
    log: list[Served] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    input_tokens: int = 0
    output_tokens: int = 0

    async def respond(self, wire: Wire, request: Request, refusal: Response | None) -> Response:
        """The answer to a request, which is logged once it is written; the refusal where there is one."""
        start_s = time.monotonic()
        body = _object(request.body)
        if body is None:
            return as_json(wire.error(400, "", "The body of the request is not a JSON object."), 400)
        asked = self._asked(request.path.partition("?")[0], body, request.body, start_s)
        response, answer = (refusal, NOTHING) if refusal else await self._answered(wire, asked)
        return replace(response, tell=partial(self._note, asked, response, answer)) if self.is_logging else response

    def line(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """The status and body of one line of a batch; status 0 where the reply would have been lost."""
        asked = self._asked(path, body, json.dumps(body, sort_keys=True).encode(), time.monotonic())
        response, answer = self._worked(WIRES[path], asked, self._fault(asked) or _NO_FAULT)
        is_lost = bool(response.drop or response.hang)
        if self.is_logging:
            self._note(asked, response, answer, not is_lost)
        if is_lost:
            return 0, None
        try:
            return response.status, json.loads(response.body)
        except ValueError:
            return response.status, response.body.decode(errors="replace")

    def _asked(self, path: str, body: Mapping[str, Any], sent: bytes, at_s: float) -> Asked:
        key = sha256(path.encode() + sent).hexdigest()[:32]
        self.seen[key] += 1
        return Asked(path, str(body.get("model", "")), body, self.seen[key] - 1, key, at_s)

    def _note(self, asked: Asked, response: Response, answer: Given, is_written: bool) -> None:
        whole = response.status == 200 and is_written
        took_s = time.monotonic() - asked.at_s
        self.log.append(Served(asked, response.status, answer.input_tokens, answer.output_tokens, whole, took_s))

    def _fault(self, asked: Asked) -> Fault | None:
        return self.misbehave(asked) if self.misbehave else None

    async def _answered(self, wire: Wire, asked: Asked) -> tuple[Response, Given]:
        fault = self._fault(asked)
        if fault is None and not self.bucket.take():
            body = wire.error(429, "rate_limit_exceeded", f"Rate limit reached for {asked.model} on requests per min")
            return as_json(body, 429, self.bucket.headers() | self.bucket.refusal()), NOTHING
        wait_s = self.latency_s + (fault.delay_s if fault else 0.0)
        if wait_s:
            await asyncio.sleep(wait_s)
        response, answer = self._worked(wire, asked, fault or _NO_FAULT)
        return replace(response, headers=self.bucket.headers() | dict(response.headers)), answer

    def _worked(self, wire: Wire, asked: Asked, fault: Fault) -> tuple[Response, Given]:
        """The right answer or the wrong one, and the work that went into it."""
        if fault.status != 200:
            told = fault.body if fault.body is not None else wire.error(fault.status, "", "scripted fault")
            return _faulty(fault, told), NOTHING
        if fault.body is not None:
            # A proxy or a gateway spoke; no model did any work.
            return _faulty(fault, fault.body), NOTHING
        answerer = self.answerers.get(asked.model)
        if answerer is None:
            message = f"The model `{asked.model}` does not exist or you do not have access to it."
            return as_json(wire.error(404, "model_not_found", message), 404), NOTHING
        answer = given(wire, asked.body, answerer)
        self.input_tokens += answer.input_tokens
        self.output_tokens += answer.output_tokens
        raw = wire.body(asked.body, answer)
        return _faulty(fault, fault.edit(raw) if fault.edit else raw), answer


_NO_FAULT = Fault()


def _object(sent: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(sent)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _faulty(fault: Fault, body: Any) -> Response:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(fault.status, sent, fault.headers, fault.drop, fault.drip_s, fault.hang)
