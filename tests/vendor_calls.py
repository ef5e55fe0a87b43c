"""One question to a server on each wire, through the vendors' real SDKs with their retries off."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from projects import needs

LABELS = ("HAM", "SPAM")
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": list(LABELS)}},
    "required": ["label"],
    "additionalProperties": False,
}
CHAT_SCHEMA: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
COHERE_SCHEMA: Any = {"type": "json_object", "json_schema": SCHEMA}

Said = tuple[str, int, int, Any]
"""The content, its input and output tokens, and the answer as the SDK has it."""


def asks_chat(url: str, text: str, **more: Any) -> Said:
    needs("openai")
    import openai

    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=2) as client:
        asked: dict[str, Any] = {"model": "small", "messages": [{"role": "user", "content": text}]} | more
        said = client.chat.completions.create(response_format=CHAT_SCHEMA, **asked)
    assert said.usage is not None
    return said.choices[0].message.content or "", said.usage.prompt_tokens, said.usage.completion_tokens, said


def asks_responses(url: str, text: str, **more: Any) -> Said:
    needs("openai")
    import openai

    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=2) as client:
        form: Any = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}
        asked: dict[str, Any] = {"model": "small", "input": text} | more
        said = client.responses.create(text=form, **asked)
    assert said.usage is not None
    return said.output_text, said.usage.input_tokens, said.usage.output_tokens, said


def asks_decisions(url: str, text: str, **more: Any) -> Said:
    needs("openai")
    import openai

    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=2) as client:
        question: Any = {"type": "choice", "name": "what", "choices": [{"value": label} for label in LABELS]}
        asked: dict[str, Any] = {"model": "small", "input": text, "questions": [question]} | more
        said = client.decisions.create(**asked)
    first: Any = said.answers[0]
    told = json.dumps({"label": first.choice}) if first.type == "choice" else ""
    return told, said.usage.input_tokens, said.usage.output_tokens, said


def asks_cohere(url: str, text: str, **more: Any) -> Said:
    needs("cohere")
    import cohere

    # A client of ours: the SDK's own is closed when it is collected, which is too late.
    with httpx.Client(timeout=2) as http:
        client = cohere.ClientV2(api_key="any", base_url=url, httpx_client=http)
        asked: dict[str, Any] = {"model": "small", "messages": [{"role": "user", "content": text}]} | more
        said = client.chat(response_format=COHERE_SCHEMA, request_options={"max_retries": 0}, **asked)
    block: Any = said.message.content and said.message.content[0]
    billed: Any = said.usage and said.usage.billed_units
    return block.text, int(billed.input_tokens), int(billed.output_tokens), said


def asks_http(url: str, text: str, **more: Any) -> Said:
    body = {"model": "small", "text": text, "labels": list(LABELS)} | more
    said = httpx.post(f"{url}/classify", json=body, timeout=2).raise_for_status().json()
    return json.dumps({"label": said["label"]}), said["usage"]["input"], said["usage"]["output"], said


Asks = Callable[..., Said]
EVERY: tuple[Asks, ...] = (asks_chat, asks_responses, asks_decisions, asks_cohere, asks_http)
WORDY: tuple[Asks, ...] = (asks_chat, asks_responses, asks_cohere)
