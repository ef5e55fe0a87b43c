"""What vendors' servers say, for a server of our own: the wire forms of OpenAI, Cohere and a plain JSON service."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quorate.loopback.standins import Answerer
from quorate.wires.trees import at, count_at, dicts_at, text_at

_PIECE = re.compile(r"\w{1,4}|[^\w\s]")
_ROW = re.compile(r'<row id="([^"]*)">\n?(.*?)\n?</row>', re.DOTALL)
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Given:
    """An answer before it has a form: the content as a model would write it, its label and probabilities, tokens.

    `spelled` writes a label as the content does; `is_cut` says that it ends where no more tokens were allowed."""

    content: str = ""
    label: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    spelled: Callable[[str], str] = str
    is_cut: bool = False


NOTHING = Given()
"""What is given where nothing was worked out."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire form: what was asked, the body of the answer, and the body of an error (status, code, message)."""

    messages: Callable[[Mapping[str, Any]], list[Any]]
    choices: Callable[[Mapping[str, Any]], list[str]]
    most_output: Callable[[Mapping[str, Any]], int | None]
    body: Callable[[Mapping[str, Any], Given], dict[str, Any]]
    error: Callable[[int, str, str], dict[str, Any]]


def tokens_in(text: str) -> int:
    """The tokens of a text as this server counts them: four letters, or one sign."""
    return len(_PIECE.findall(text))


def given(wire: Wire, body: Mapping[str, Any], answerer: Answerer) -> Given:
    """The answer to a request: JSON where choices are given, the bare label elsewhere; one label per `<row>` block."""
    messages = wire.messages(body)
    texts = [_content(message) for message in messages]
    choices = wire.choices(body)
    text = _about(texts, choices)
    sent = sum(map(tokens_in, texts)) + 4 * len(texts) + (tokens_in(_json(choices)) if choices else 0)
    blocks = _ROW.findall(text)
    if blocks:
        answers = [{"id": id, "label": _best(answerer(row, choices))} for id, row in blocks]
        label, probabilities, whole = "", {}, _json({"answers": answers})
    else:
        probabilities = dict(answerer(text, choices))
        label = _best(probabilities)
        whole = _json({"label": label}) if choices else label
    content, made = _at_most(whole, wire.most_output(body))
    return Given(content, label, probabilities, sent, made, _in_json if choices else str, len(content) < len(whole))


def _about(texts: Sequence[str], choices: Sequence[str]) -> str:
    """The text to judge: the last, or the one that a bad answer before it was about."""
    if len(texts) > 2 and choices and not any(f'"{choice}"' in texts[-2] for choice in choices):
        return texts[-3]
    return texts[-1] if texts else ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _in_json(text: str) -> str:
    return _json(text)[1:-1]


def _at_most(text: str, most: int | None) -> tuple[str, int]:
    """The first so many tokens of a text, and their number."""
    ends = [piece.end() for piece in _PIECE.finditer(text)]
    if most is None or len(ends) <= most:
        return text, len(ends)
    return text[: ends[most - 1] if most else 0], most


def _best(probabilities: Mapping[str, float]) -> str:
    return max(probabilities, key=lambda name: probabilities[name])


def _content(message: Any) -> str:
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, str):
        return content
    return "".join(text_at(part, "text") for part in dicts_at(content))


def _labels_in(schema: Any) -> list[str]:
    """The first enum of a JSON schema, wherever it stands; those of an id are no labels."""
    if isinstance(schema, dict):
        enum = schema.get("enum")
        if isinstance(enum, list):
            return [str(name) for name in enum]
        parts: list[Any] = [part for name, part in schema.items() if name != "id"]
    else:
        parts = schema if isinstance(schema, list) else []
    return next((found for part in parts if (found := _labels_in(part))), [])


def pieces(answer: Given) -> list[tuple[str, float, dict[str, float]]]:
    """The content as tokens (text, log-probability, what else might have stood there); the label is one token."""
    spelled = answer.spelled(answer.label)
    before, found, after = answer.content.rpartition(spelled) if spelled else ("", "", answer.content)
    logs = {answer.spelled(name): math.log(max(p, _LEAST)) for name, p in answer.probabilities.items()}
    told = [(text, 0.0, {text: 0.0}) for text in (before, found, after)]
    if found:
        told[1] = (found, logs[found], logs)
    return [piece for piece in told if piece[0]]


def _top(answer: Given, most: int) -> list[dict[str, Any]]:
    return [
        {
            "token": text,
            "logprob": logprob,
            "bytes": list(text.encode()),
            "top_logprobs": [
                {"token": other, "logprob": p, "bytes": list(other.encode())}
                for other, p in sorted(others.items(), key=lambda item: -item[1])[:most]
            ],
        }
        for text, logprob, others in pieces(answer)
    ]


def _openai_error(status: int, code: str, message: str) -> dict[str, Any]:
    kind = "requests" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code or None}}


def _chat(body: Mapping[str, Any], answer: Given) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.content, "refusal": None}
    logprobs = (
        {"content": _top(answer, body.get("top_logprobs") or 0), "refusal": None} if body.get("logprobs") else None
    )
    finish = "length" if answer.is_cut else "stop"
    return {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}],
        "usage": {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        "service_tier": body.get("service_tier") or "default",
        "system_fingerprint": "loopback",
    }


def _openai_usage(answer: Given) -> dict[str, Any]:
    return {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }


def _responses(body: Mapping[str, Any], answer: Given) -> dict[str, Any]:
    logprobs = _top(answer, body.get("top_logprobs") or 0) if body.get("include") else []
    part = {"type": "output_text", "text": answer.content, "annotations": [], "logprobs": logprobs}
    status = "incomplete" if answer.is_cut else "completed"
    message = {"type": "message", "id": "msg_loopback", "role": "assistant", "status": status, "content": [part]}
    return {
        "id": "resp_loopback",
        "object": "response",
        "created_at": 0,
        "model": body["model"],
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if answer.is_cut else None,
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "service_tier": body.get("service_tier") or "default",
        "usage": _openai_usage(answer),
    }


def _decisions(body: Mapping[str, Any], answer: Given) -> dict[str, Any]:
    answers = [_decided(question, answer.probabilities) for question in dicts_at(body, "questions")]
    return {"model": body["model"], "answers": answers, "usage": _openai_usage(answer)}


def _decided(question: Mapping[str, Any], probabilities: Mapping[str, float]) -> dict[str, Any]:
    """The answer to one question; a question without choices is refused."""
    shares = [(one["value"], probabilities.get(str(one["value"]), 0.0)) for one in dicts_at(question, "choices")]
    name = question.get("name")
    if not shares:
        return {"type": "refusal", "name": name}
    total = sum(p for _, p in shares)
    told = [{"value": value, "probability": p / total if total else 1 / len(shares)} for value, p in shares]
    best = max(told, key=lambda one: one["probability"])
    sure = {"choice": best["value"], "confidence": best["probability"]}
    return {"type": "choice", "name": name, **sure, "probabilities": told}


def _cohere(body: Mapping[str, Any], answer: Given) -> dict[str, Any]:
    used = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    raw: dict[str, Any] = {
        "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
        "finish_reason": "MAX_TOKENS" if answer.is_cut else "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": answer.content}]},
        "usage": {"billed_units": used, "tokens": used, "cached_tokens": 0},
    }
    if body.get("logprobs"):
        raw["logprobs"] = [{"text": text, "token_ids": [1], "logprobs": [p]} for text, p, _ in pieces(answer)]
    return raw


def _cohere_error(status: int, code: str, message: str) -> dict[str, Any]:  # noqa: ARG001
    return {"id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4", "message": message}


def _plain(body: Mapping[str, Any], answer: Given) -> dict[str, Any]:  # noqa: ARG001
    usage = {"input": answer.input_tokens, "output": answer.output_tokens}
    return {"label": answer.label or answer.content, "scores": dict(answer.probabilities), "usage": usage}


def _plain_error(status: int, code: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "code": code or str(status)}}


def _listed(body: Mapping[str, Any], *path: str | int) -> list[Any]:
    found = at(body, *path)
    return found if isinstance(found, list) else [found] if found is not None else []


def _choices_of(body: Mapping[str, Any]) -> list[str]:
    questions = dicts_at(body, "questions")
    return list(dict.fromkeys(str(one["value"]) for question in questions for one in dicts_at(question, "choices")))


def _most(*names: str) -> Callable[[Mapping[str, Any]], int | None]:
    return lambda body: next((count for name in names if (count := count_at(body, name))), None)


def _schema_at(*path: str | int) -> Callable[[Mapping[str, Any]], list[str]]:
    return lambda body: _labels_in(at(body, *path))


def _messages_at(*names: str) -> Callable[[Mapping[str, Any]], list[Any]]:
    return lambda body: [message for name in names for message in _listed(body, name)]


WIRES: Mapping[str, Wire] = {
    "/v1/chat/completions": Wire(
        _messages_at("messages"),
        _schema_at("response_format"),
        _most("max_completion_tokens", "max_tokens"),
        _chat,
        _openai_error,
    ),
    "/v1/responses": Wire(
        _messages_at("instructions", "input"),
        _schema_at("text"),
        _most("max_output_tokens"),
        _responses,
        _openai_error,
    ),
    "/v1/decisions": Wire(_messages_at("input"), _choices_of, lambda _: 0, _decisions, _openai_error),
    "/v2/chat": Wire(
        _messages_at("messages"), _schema_at("response_format"), _most("max_tokens"), _cohere, _cohere_error
    ),
    "/classify": Wire(
        _messages_at("text"),
        lambda body: [str(name) for name in _listed(body, "labels")],
        _most(),
        _plain,
        _plain_error,
    ),
}
"""By path."""
