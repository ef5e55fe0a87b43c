"""OpenAI, and every server that speaks its wire, through the official SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

from quorate.asking.keys import secret
from quorate.asking.transport import refusal, reply_of, way_out
from quorate.protocols import BatchPost
from quorate.registry import vendor
from quorate.wire import CAPABILITIES, Limits, Price, Question, Reply, Said, Send, Unanswered
from quorate.wires import openai_chat, openai_decisions, openai_responses
from quorate.wires.openai_batches import OpenAIBatches

_PATHS = {"chat": openai_chat.PATH, "responses": openai_responses.PATH, "decisions": openai_decisions.PATH}
_READERS = {"chat": openai_chat.said, "responses": openai_responses.said, "decisions": openai_decisions.said}

_TOP = 5


@dataclass(frozen=True, kw_only=True)
class OpenAI:
    """Asks by `api`: chat completions with a strict schema of the labels, responses, or decisions, which answer with
    a probability per label.

    `base_url` may be any compatible server. `key` names where the key is: "env:NAME", "keyring:SERVICE/USER", or ""
    for none. `top_logprobs` (1 to 20) asks for the probabilities of the answer's tokens. `supports` says what the
    model does not take (`schema`, `temperature`, `logprobs`); `quorate doctor` finds it out. `batch` hands questions
    in as batches, at half the price, and looks every `poll_s` seconds. `extra_body` goes into every request.
    """

    kind: ClassVar[str] = "endpoints"

    model: str
    base_url: str = "https://api.openai.com/v1"
    key: str = "env:OPENAI_API_KEY"
    api: Literal["chat", "responses", "decisions"] = "chat"
    temperature: float | None = 0.0
    seed: int | None = None
    top_logprobs: int = 0
    max_output_tokens: int = 64
    tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    reasoning_effort: str = ""
    service_tier: str = ""
    timeout_s: float = 60.0
    limits: Limits = field(default_factory=Limits)
    price: Price | None = None
    supports: Mapping[str, bool] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    batch: bool = False
    poll_s: float = 30.0

    @classmethod
    def example(cls) -> OpenAI:
        return cls(model="example", base_url="http://127.0.0.1:9/v1", key="", timeout_s=1.0)

    @property
    def wire(self) -> str:
        return f"openai.{self.api}"

    @property
    def account(self) -> str:
        return f"openai {self.base_url} {self.key}"

    def check(self) -> None:
        secret(self.key)

    @property
    def optional(self) -> tuple[str, ...]:
        return () if self.api == "decisions" else CAPABILITIES

    def using(self, *what: str) -> OpenAI:
        supports = {name: name in what for name in CAPABILITIES}
        top = self.top_logprobs or _TOP if "logprobs" in what else self.top_logprobs
        return replace(self, supports=supports, top_logprobs=top)

    def body(self, question: Question) -> dict[str, Any]:
        """The JSON body of a question.

        Raises:
            PluginError: the wire cannot hold the question.
        """
        if self.api == "decisions":
            return {"model": self.model} | openai_decisions.asked(question) | dict(self.extra_body)
        form = openai_chat if self.api == "chat" else openai_responses
        asked: dict[str, Any] = form.asked(question, _does(self, "schema"))
        return {"model": self.model} | asked | _settings(self, question.answers) | dict(self.extra_body)

    def read(self, raw: Any) -> Said:
        return _READERS[self.api](raw)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Send]:
        key = secret(self.key)
        async with _client(self, key) as client:
            yield _Sender(client, _PATHS[self.api], key).send

    @asynccontextmanager
    async def connect_batches(self) -> AsyncIterator[BatchPost]:
        key = secret(self.key)
        async with _client(self, key) as client:
            yield OpenAIBatches(client, f"/v1{_PATHS[self.api]}", partial(_told, key=key))


def _settings(endpoint: OpenAI, answers: int) -> dict[str, Any]:
    """The part of a body that the text of a question does not change."""
    is_chat = endpoint.api == "chat"
    most = endpoint.max_output_tokens * answers
    settings: dict[str, Any] = {endpoint.tokens_field if is_chat else "max_output_tokens": most}
    if endpoint.temperature is not None and _does(endpoint, "temperature"):
        settings["temperature"] = endpoint.temperature
    if endpoint.seed is not None and is_chat:
        settings["seed"] = endpoint.seed
    if endpoint.service_tier:
        settings["service_tier"] = endpoint.service_tier
    if endpoint.reasoning_effort:
        effort = endpoint.reasoning_effort
        settings |= {"reasoning_effort": effort} if is_chat else {"reasoning": {"effort": effort}}
    if endpoint.top_logprobs and _does(endpoint, "logprobs"):
        settings["top_logprobs"] = endpoint.top_logprobs
        settings |= {"logprobs": True} if is_chat else {"include": ["message.output_text.logprobs"]}
    return settings


def _does(endpoint: OpenAI, what: str) -> bool:
    return endpoint.supports.get(what, True)


@asynccontextmanager
async def _client(endpoint: OpenAI, key: str) -> AsyncIterator[Any]:
    sdk, httpx2 = vendor("openai", "openai"), vendor("httpx2", "openai")
    async with (
        way_out(endpoint.base_url, endpoint.timeout_s, httpx2.Response) as way,
        httpx2.AsyncClient(transport=way, timeout=endpoint.timeout_s) as http,
        sdk.AsyncOpenAI(
            api_key=key or "none",
            base_url=endpoint.base_url,
            timeout=endpoint.timeout_s,
            max_retries=0,
            http_client=http,
        ) as client,
    ):
        yield client


@dataclass(frozen=True)
class _Sender:
    """One way out. The reply is asked for raw: it is kept as it came, and read by us."""

    client: Any
    path: str
    key: str

    async def send(self, body: Mapping[str, Any]) -> Reply:
        raw = vendor("httpx2", "openai").Response
        response = await _told(self.client.post(self.path, cast_to=raw, body=dict(body)), self.key)
        return reply_of(response.status_code, response.headers, response.text, self.key)


async def _told(call: Awaitable[Any], key: str) -> Any:
    """What a call of the SDK gives; its faults in our words, without the key.

    Raises:
        Unanswered
    """
    try:
        return await call
    except vendor("openai", "openai").APIStatusError as error:
        response = error.response
        raise refusal(response.status_code, response.headers, response.text, key) from None
    except vendor("openai", "openai").APIConnectionError as error:
        if isinstance(error.__cause__, Unanswered):
            raise error.__cause__ from None
        raise


plugin = OpenAI
