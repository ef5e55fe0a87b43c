"""Cohere, through its official SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import httpx

from quorate.asking.keys import secret
from quorate.asking.transport import reply_of, way_out
from quorate.registry import vendor
from quorate.wire import CAPABILITIES, Limits, Price, Question, Reply, Said, Send
from quorate.wires import cohere_chat

_NAMED = ("model", "messages", "response_format", "temperature", "seed", "max_tokens", "logprobs")
"""Fields that the SDK takes by name; the rest of a body goes along as it is."""


@dataclass(frozen=True, kw_only=True)
class Cohere:
    """Asks by v2 chat with a JSON schema of the labels.

    `base_url` may be any compatible server. `key` names where the key is: "env:NAME", "keyring:SERVICE/USER", or ""
    for none. `logprobs` asks for the probability of the answer. `supports` says what the model does not take
    (`schema`, `temperature`, `logprobs`); `quorate doctor` finds it out. `extra_body` goes into every request.
    """

    kind: ClassVar[str] = "endpoints"

    model: str
    base_url: str = "https://api.cohere.com"
    key: str = "env:CO_API_KEY"
    temperature: float | None = 0.0
    seed: int | None = None
    logprobs: bool = False
    max_output_tokens: int = 64
    timeout_s: float = 60.0
    limits: Limits = field(default_factory=Limits)
    price: Price | None = None
    supports: Mapping[str, bool] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def example(cls) -> Cohere:
        return cls(model="example", base_url="http://127.0.0.1:9", key="", timeout_s=1.0)

    @property
    def wire(self) -> str:
        return "cohere.chat"

    @property
    def account(self) -> str:
        return f"cohere {self.base_url} {self.key}"

    def check(self) -> None:
        secret(self.key)

    @property
    def optional(self) -> tuple[str, ...]:
        return CAPABILITIES

    def using(self, *what: str) -> Cohere:
        supports = {name: name in what for name in CAPABILITIES}
        return replace(self, supports=supports, logprobs=self.logprobs or "logprobs" in what)

    def body(self, question: Question) -> dict[str, Any]:
        body = {"model": self.model, "stream": False} | cohere_chat.asked(question, self._does("schema"))
        body["max_tokens"] = self.max_output_tokens * question.answers
        if self.temperature is not None and self._does("temperature"):
            body["temperature"] = self.temperature
        if self.seed is not None:
            body["seed"] = self.seed
        if self.logprobs and self._does("logprobs"):
            body["logprobs"] = True
        return body | dict(self.extra_body)

    def read(self, raw: Any) -> Said:
        return cohere_chat.said(raw)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Send]:
        key = secret(self.key)
        async with (
            way_out(self.base_url, self.timeout_s, httpx.Response) as way,
            httpx.AsyncClient(transport=way, timeout=self.timeout_s, event_hooks={"response": [_remember]}) as http,  # type: ignore[arg-type]
        ):
            sdk = vendor("cohere", "cohere").AsyncClientV2(
                api_key=key or "none", base_url=self.base_url, timeout=self.timeout_s, httpx_client=http
            )
            yield _Sender(sdk, key).send

    def _does(self, what: str) -> bool:
        return self.supports.get(what, True)


_response: ContextVar[list[httpx.Response]] = ContextVar("_response")


async def _remember(response: httpx.Response) -> None:
    """Keeps the response for the one who asked: the SDK hands out what it made of it, not what came."""
    await response.aread()
    _response.get([]).append(response)


@dataclass(frozen=True)
class _Sender:
    """One way out."""

    client: Any
    key: str

    async def send(self, body: Mapping[str, Any]) -> Reply:
        came: list[httpx.Response] = []
        _response.set(came)
        rest = {name: value for name, value in body.items() if name not in (*_NAMED, "stream")}
        options = {"max_retries": 0, "additional_body_parameters": rest}
        named = {name: body[name] for name in _NAMED if name in body}
        core = vendor("cohere.core", "cohere")
        try:
            await self.client.chat(**named, request_options=options)
        except (core.ApiError, core.ParsingError, json.JSONDecodeError, TypeError, ValueError):
            # A status of fault, or a body that the SDK cannot make its own sense of: what came is read below.
            if not came:
                raise
        response = came[-1]
        return reply_of(response.status_code, response.headers, response.text, self.key)


plugin = Cohere
