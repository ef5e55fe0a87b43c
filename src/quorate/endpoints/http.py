"""Plain HTTP: any service that takes and gives JSON, as quorate.toml maps it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx

from quorate.asking.keys import secret
from quorate.asking.transport import reply_of, way_out
from quorate.errors import PluginError
from quorate.wire import Limits, Price, Question, Reply, Said, Send, Usage
from quorate.wires.request_template import RequestTemplate
from quorate.wires.trees import at, count_at, dicts_at, dotted, number_at

_USAGES = ("input", "output", "cached", "cache_write", "reasoning")
_REQUEST = {"instructions": "{{ instructions }}", "text": "{{ prompt }}", "labels": "{{ choices }}"}


@dataclass(frozen=True, kw_only=True)
class Http:
    """POSTs the `request` template as JSON to `url` and finds the label at the dotted path `answer` ("choices.0.text").

    Strings in `request` are Jinja templates over `prompt`, `instructions`, `choices`, `meanings`, `messages`, `schema`,
    `model` and `max_output_tokens`; one that is a single `{{ … }}` becomes that value, such as a list.
    `headers` whose value is "env:NAME", or holds "{env:NAME}", take it from the environment. `probabilities` is the
    path of a table {label: p}, or of a list of {label, probability}. `usage` has paths for the numbers of tokens,
    `stop` is the path of why the answer ended, and `stops` says what its values mean, as reason codes.
    """

    kind: ClassVar[str] = "endpoints"

    url: str
    request: Mapping[str, Any] = field(default_factory=lambda: _REQUEST)
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: str = "label"
    probabilities: str = ""
    usage: Mapping[str, str] = field(default_factory=dict)
    stop: str = ""
    stops: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    max_output_tokens: int = 64
    timeout_s: float = 60.0
    limits: Limits = field(default_factory=Limits)
    price: Price | None = None

    def __post_init__(self) -> None:
        if not urlsplit(self.url).hostname:
            raise PluginError(f"`url` {self.url!r} is no address; it starts with https:// or http://")
        unknown = set(self.usage) - set(_USAGES)
        if unknown:
            raise PluginError(f"`usage` has paths for {', '.join(_USAGES)}, not for {', '.join(sorted(unknown))}")
        _ = self._template

    @classmethod
    def example(cls) -> Http:
        return cls(url="http://127.0.0.1:9/closed", timeout_s=1.0)

    @property
    def wire(self) -> str:
        return "http"

    @property
    def base_url(self) -> str:
        return self.url

    @property
    def account(self) -> str:
        parts = urlsplit(self.url)
        return f"http {parts.scheme}://{parts.netloc} {sorted(self.headers.items())}"

    def check(self) -> None:
        _secrets(self.headers)

    def body(self, question: Question) -> dict[str, Any]:
        return self._template.filled(question)

    def read(self, raw: Any) -> Said:
        found, probabilities = at(raw, *dotted(self.answer)), _distribution(raw, self.probabilities)
        # A number or a table may be a label's name or JSON of a form that the answers are read in.
        text = found if isinstance(found, str) else "" if found is None else json.dumps(found)
        reason = self.stops.get(str(at(raw, *dotted(self.stop))), "") if self.stop else ""
        if not text.strip() and not probabilities and not reason:
            reason = "empty"
        return Said(text, reason, probabilities, usage=_usage(raw, self.usage))

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Send]:
        headers, keys = _secrets(self.headers)
        async with (
            way_out(self.url, self.timeout_s, httpx.Response) as way,
            httpx.AsyncClient(transport=way, timeout=self.timeout_s, headers=headers) as client,  # type: ignore[arg-type]
        ):
            yield _Sender(client, self.url, keys).send

    @cached_property
    def _template(self) -> RequestTemplate:
        return RequestTemplate(self.request, self.model, self.max_output_tokens)


def _distribution(raw: Any, path: str) -> dict[str, float] | None:
    if not path:
        return None
    table = at(raw, *dotted(path))
    if not isinstance(table, dict):
        table = {_name(one): _probability(one) for one in dicts_at(raw, *dotted(path))}
    read = {name: number_at(table, name) for name in table if isinstance(name, str)}
    return {name: p for name, p in read.items() if p is not None} if read and None not in read.values() else None


def _usage(raw: Any, paths: Mapping[str, str]) -> Usage | None:
    told = {name: count_at(raw, *dotted(path)) for name, path in paths.items()}
    if told.get("input") is None and told.get("output") is None:
        return None
    return Usage(**{name: count or 0 for name, count in told.items()})


def _secrets(told: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The headers as they are sent, and the keys in them."""
    headers, keys = {}, []
    for name, value in told.items():
        whole = f"{{{value}}}" if value.startswith("env:") else value
        before, opened, rest = whole.partition("{env:")
        variable, closed, after = rest.partition("}")
        if opened and closed:
            keys.append(secret(f"env:{variable}"))
            whole = before + keys[-1] + after
        headers[name] = whole
    return headers, tuple(keys)


def _name(one: Mapping[str, Any]) -> Any:
    return next((one[key] for key in ("label", "value", "name", "class") if key in one), None)


def _probability(one: Mapping[str, Any]) -> Any:
    return next((one[key] for key in ("probability", "score", "p", "confidence") if key in one), None)


@dataclass(frozen=True)
class _Sender:
    """One way out."""

    client: httpx.AsyncClient
    url: str
    keys: tuple[str, ...]

    async def send(self, body: Mapping[str, Any]) -> Reply:
        response = await self.client.post(self.url, json=body)
        return reply_of(response.status_code, response.headers, response.text, *self.keys)


plugin = Http
