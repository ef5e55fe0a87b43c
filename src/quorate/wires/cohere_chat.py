"""Cohere's v2 chat on the wire."""

from __future__ import annotations

from typing import Any

from quorate.wire import Question, Said, Token, Usage, answer_schema
from quorate.wires.messages import messages
from quorate.wires.trees import at, count_at, dicts_at, number_at, text_at

_REASONS = {"MAX_TOKENS": "truncated", "ERROR": "error", "ERROR_TOXIC": "filtered", "TIMEOUT": "timeout"}


def asked(question: Question, has_schema: bool) -> dict[str, Any]:
    """The part of the body that the question makes; the instructions ask for JSON too, or a model may run on."""
    body: dict[str, Any] = {"messages": messages(question)}
    if has_schema:
        body["response_format"] = {"type": "json_object", "json_schema": answer_schema(question)}
    return body


def said(raw: Any) -> Said:
    """What a chat says; there is no sign of a refusal but its words."""
    text = "".join(text_at(block, "text") for block in dicts_at(raw, "message", "content"))
    reason = _REASONS.get(text_at(raw, "finish_reason"), "")
    if not text.strip() and not reason:
        reason = "empty"
    return Said(text, reason, tokens=_tokens(dicts_at(raw, "logprobs")), usage=_usage(at(raw, "usage")))


def _tokens(pieces: list[dict[str, Any]]) -> tuple[Token, ...]:
    """The tokens with the log-probability of each; this wire does not tell what else might have stood there."""
    read = []
    for piece in pieces:
        logprobs = [p for p in piece.get("logprobs") or [] if isinstance(p, int | float)]
        if not logprobs or not isinstance(piece.get("text"), str):
            return ()
        read.append(Token(piece["text"], float(number_at(logprobs, 0) or 0.0)))
    return tuple(read)


def _usage(usage: Any) -> Usage | None:
    """What is billed, which is less than what was read where the vendor adds words of its own."""
    given = count_at(usage, "billed_units", "input_tokens")
    made = count_at(usage, "billed_units", "output_tokens")
    if given is None:
        given, made = count_at(usage, "tokens", "input_tokens"), count_at(usage, "tokens", "output_tokens")
    if given is None:
        return None
    return Usage(given, made or 0, min(count_at(usage, "cached_tokens") or 0, given))
