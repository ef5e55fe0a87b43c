"""OpenAI's responses on the wire."""

from __future__ import annotations

from typing import Any

from quorate.wire import Question, Said, Usage, answer_schema
from quorate.wires.messages import messages
from quorate.wires.openai_chat import tokens
from quorate.wires.trees import at, count_at, dicts_at, text_at

PATH = "/responses"

_REASONS = {"max_output_tokens": "truncated", "content_filter": "filtered"}


def asked(question: Question, has_schema: bool) -> dict[str, Any]:
    """The part of the body that the question makes; nothing of it is stored at the vendor."""
    body: dict[str, Any] = {"input": messages(question), "store": False}
    if has_schema:
        answer = {"type": "json_schema", "name": "answer", "schema": answer_schema(question), "strict": True}
        body["text"] = {"format": answer}
    return body


def said(raw: Any) -> Said:
    """What a response says."""
    parts = [part for item in dicts_at(raw, "output") for part in dicts_at(item, "content")]
    spoken = [part for part in parts if part.get("type") == "output_text"]
    text = "".join(text_at(part, "text") for part in spoken)
    refusals = [text_at(part, "refusal") for part in parts if part.get("type") == "refusal"]
    reason = ""
    if text_at(raw, "status") == "incomplete":
        reason = _REASONS.get(text_at(raw, "incomplete_details", "reason"), "truncated")
    if refusals:
        text, reason = refusals[0], "refused"
    elif not text.strip() and not reason:
        reason = "empty"
    pieces = [piece for part in spoken for piece in dicts_at(part, "logprobs")]
    return Said(text, reason, tokens=tokens(pieces), usage=usage(at(raw, "usage")), tier=text_at(raw, "service_tier"))


def usage(told: Any) -> Usage | None:
    """Tokens as the responses and decisions wires tell them; None where they do not."""
    given = count_at(told, "input_tokens")
    if given is None:
        return None
    return Usage(
        given,
        count_at(told, "output_tokens") or 0,
        count_at(told, "input_tokens_details", "cached_tokens") or 0,
        count_at(told, "input_tokens_details", "cache_write_tokens") or 0,
        count_at(told, "output_tokens_details", "reasoning_tokens") or 0,
    )
