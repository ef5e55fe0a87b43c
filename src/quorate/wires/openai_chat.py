"""OpenAI's chat completions on the wire, which most other servers speak too."""

from __future__ import annotations

from typing import Any

from quorate.wire import Question, Said, Token, Usage, answer_schema
from quorate.wires.messages import messages
from quorate.wires.trees import at, count_at, dicts_at, number_at, text_at

PATH = "/chat/completions"

_REASONS = {"length": "truncated", "content_filter": "filtered"}


def asked(question: Question, has_schema: bool) -> dict[str, Any]:
    """The part of the body that the question makes; `has_schema` holds the answer to the choices."""
    body: dict[str, Any] = {"messages": messages(question)}
    if has_schema:
        schema = {"name": "answer", "schema": answer_schema(question), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def said(raw: Any) -> Said:
    """What a chat completion says."""
    choice = at(raw, "choices", 0)
    text = _content(at(choice, "message", "content"))
    reason = _REASONS.get(text_at(choice, "finish_reason"), "")
    refusal = text_at(choice, "message", "refusal")
    if refusal:
        text, reason = refusal, "refused"
    elif not text.strip() and not reason:
        reason = "empty"
    return Said(
        text,
        reason,
        tokens=tokens(dicts_at(choice, "logprobs", "content")),
        usage=_usage(at(raw, "usage")),
        tier=text_at(raw, "service_tier"),
    )


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(text_at(part, "text") for part in dicts_at(content))


def tokens(pieces: list[dict[str, Any]]) -> tuple[Token, ...]:
    """The tokens of an answer; none where any is malformed, for half a path tells nothing."""
    read = []
    for piece in pieces:
        logprob = number_at(piece, "logprob")
        if logprob is None or not isinstance(piece.get("token"), str):
            return ()
        others = {text_at(one, "token"): number_at(one, "logprob") for one in dicts_at(piece, "top_logprobs")}
        read.append(Token(piece["token"], logprob, {text: p for text, p in others.items() if p is not None}))
    return tuple(read)


def _usage(usage: Any) -> Usage | None:
    given, made = count_at(usage, "prompt_tokens"), count_at(usage, "completion_tokens")
    if given is None:
        return None
    details = at(usage, "prompt_tokens_details")
    return Usage(
        given,
        made or 0,
        count_at(details, "cached_tokens") or 0,
        count_at(details, "cache_write_tokens") or 0,
        count_at(usage, "completion_tokens_details", "reasoning_tokens") or 0,
    )
