"""Plain HTTP: any service that takes and gives JSON."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx

from quorate.errors import PluginError
from quorate.protocols import Answer, Request

_RETRYABLE = (408, 409, 425, 429, 500, 502, 503, 504, 529)


@dataclass(frozen=True)
class Http:
    """POSTs each request's body as JSON and reads the answer at the dotted path `answer` ("choices.0.label").

    A header value `env:NAME` is read from the environment when a request is sent, so that no secret is ever part of
    this value. `at_once` requests are in flight; each may take `timeout_s` seconds.
    """

    kind: ClassVar[str] = "endpoints"

    url: str
    answer: str = "label"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0
    at_once: int = 8
    usd_per_request: float | None = None

    @classmethod
    def example(cls) -> Http:
        return cls("http://127.0.0.1:9/closed", timeout_s=1.0)

    async def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order; a fault is an answer with a reason code.

        Raises:
            PluginError: a header names an environment variable that is not set.
        """
        gate = asyncio.Semaphore(self.at_once)
        async with httpx.AsyncClient(headers=self._secrets(), timeout=self.timeout_s) as client:

            async def one(request: Request) -> Answer:
                async with gate:
                    return await self._post(client, request)

            return list(await asyncio.gather(*map(one, requests)))

    def price_usd(self, usage: Mapping[str, int]) -> float | None:
        """The price of answers with this usage (`requests`), None where it is not known."""
        return None if self.usd_per_request is None else self.usd_per_request * usage.get("requests", 0)

    def _secrets(self) -> dict[str, str]:
        found = {}
        for name, value in self.headers.items():
            variable = value.removeprefix("env:")
            if value.startswith("env:") and variable not in os.environ:
                raise PluginError(f"header {name!r} takes its value from the environment variable {variable}, not set")
            found[name] = os.environ[variable] if value.startswith("env:") else value
        return found

    async def _post(self, client: httpx.AsyncClient, request: Request) -> Answer:
        start = time.monotonic()

        def fault(reason: str, message: str, retryable: bool, sent: int = 1) -> Answer:
            return Answer(
                request.row_id, None, reason, message, retryable, {"requests": sent}, time.monotonic() - start
            )

        try:
            response = await client.post(self.url, json=dict(request.body))
        except httpx.TimeoutException:
            return fault("timeout", f"no answer within {self.timeout_s:g} s", retryable=True)
        except httpx.TransportError as error:
            return fault("connection", f"{type(error).__name__}: {error}", retryable=True, sent=0)
        if response.is_error:
            status = response.status_code
            return fault(f"http_{status}", response.text[:200], retryable=status in _RETRYABLE)
        try:
            raw = _at(response.json(), self.answer)
        except ValueError as error:
            return fault("unparsable", str(error), retryable=False)
        return Answer(request.row_id, raw, usage={"requests": 1}, latency_s=time.monotonic() - start)


def _at(tree: Any, path: str) -> Any:
    for part in path.split("."):
        try:
            tree = tree[int(part)] if isinstance(tree, list) else tree[part]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ValueError(f"the answer has nothing at {path!r} (no {part!r})") from None
    return tree


plugin = Http
