"""What servers, gateways and models do wrong, on every wire: the fault table, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Any

from quorate.loopback.server import Asked, Fault

MARKER = "BAD ROW"
"""The text of the row that the fault befalls."""

PATHS = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/decisions": "decisions",
    "/v2/chat": "cohere",
    "/classify": "http",
}
EVERY = ("chat", "responses", "decisions", "cohere", "http")
WORDY = ("chat", "responses", "cohere", "http")

Misbehave = Callable[[str, Asked], Fault | None]


@dataclass(frozen=True)
class Case:
    """One fault and what must become of the row: its label or reason code, and how many requests it took.

    `stops` says that the run ends; `by_wire` holds what is different on some wires; `waits_s` is the least time between
    the first two requests; `is_soft` says whether a distribution comes with the vote (None: as the wire has it).
    """

    name: str
    fault: Misbehave
    ends: str = "SPAM"
    requests: int = 1
    stops: bool = False
    wires: tuple[str, ...] = EVERY
    by_wire: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    waits_s: float = 0.0
    is_soft: bool | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def expected(self, wire: str) -> tuple[str, int]:
        return self.by_wire.get(wire, (self.ends, self.requests))


def always(**fault: Any) -> Misbehave:
    return lambda wire, asked: Fault(**fault)


def at_first(**fault: Any) -> Misbehave:
    return lambda wire, asked: Fault(**fault) if asked.attempt == 0 else None


def refused(status: int, code: str = "", message: str = "no", **more: Any) -> Misbehave:
    """An error status with the body of the wire's vendor."""

    def fault(wire: str, asked: Asked) -> Fault:
        told = {"message": message, "code": code or None, "type": "error", "param": None}
        return Fault(status=status, body={"message": message} if wire == "cohere" else {"error": told}, **more)

    return fault


def first_refused(status: int, **more: Any) -> Misbehave:
    return lambda wire, asked: refused(status, **more)(wire, asked) if asked.attempt == 0 else None


def says(text: str | None, stop: str = "") -> Misbehave:
    """The right body with another text, and another reason to stop."""
    return lambda wire, asked: Fault(edit=lambda raw: _said(wire, raw, text, stop))


def edits(change: Callable[[str, dict[str, Any]], None]) -> Misbehave:
    def fault(wire: str, asked: Asked) -> Fault:
        def edit(raw: dict[str, Any]) -> dict[str, Any]:
            change(wire, raw)
            return raw

        return Fault(edit=edit)

    return fault


_STOPS = {
    "chat": {"length": "length", "filter": "content_filter"},
    "responses": {"length": "max_output_tokens", "filter": "content_filter"},
    "cohere": {"length": "MAX_TOKENS", "filter": "ERROR_TOXIC", "error": "ERROR"},
    "http": {"length": "length", "filter": "filter"},
}


def _said(wire: str, raw: dict[str, Any], text: str | None, stop: str) -> dict[str, Any]:
    why = _STOPS.get(wire, {}).get(stop, "")
    if wire == "chat":
        raw["choices"][0]["message"]["content"] = text
        raw["choices"][0]["logprobs"] = None
        raw["choices"][0]["finish_reason"] = why or "stop"
    elif wire == "responses":
        part = {"type": "output_text", "text": text or "", "annotations": [], "logprobs": []}
        raw["output"][0]["content"] = [] if text is None else [part]
        if why:
            raw |= {"status": "incomplete", "incomplete_details": {"reason": why}}
    elif wire == "cohere":
        raw["message"]["content"] = [{"type": "text", "text": text}] if text else []
        raw.pop("logprobs", None)
        raw["finish_reason"] = why or "COMPLETE"
    elif wire == "http":
        raw |= {"label": text, "stop": why}
        raw.pop("scores")
    else:
        raw["answers"][0] |= {"choice": text, "probabilities": []}
    return raw


def _no_choices(wire: str, raw: dict[str, Any]) -> None:
    empty: dict[str, dict[str, Any]] = {
        "chat": {"choices": []},
        "responses": {"output": []},
        "decisions": {"answers": []},
        "cohere": {"message": None},
        "http": {"label": None, "scores": {}},
    }
    raw |= empty[wire]


def _refusal(wire: str, raw: dict[str, Any]) -> None:
    if wire == "chat":
        raw["choices"][0]["message"] |= {"content": None, "refusal": "I cannot help with that."}
    elif wire == "responses":
        raw["output"][0]["content"] = [{"type": "refusal", "refusal": "I cannot help with that."}]
    elif wire == "decisions":
        raw["answers"] = [{"type": "refusal", "name": "label"}]
    else:
        _said(wire, raw, "I cannot help with that.", "")


def _no_usage(wire: str, raw: dict[str, Any]) -> None:
    del raw["usage"]


def _null_logprobs(wire: str, raw: dict[str, Any]) -> None:
    if wire == "chat":
        raw["choices"][0]["logprobs"] = None
    elif wire == "responses":
        raw["output"][0]["content"][0]["logprobs"] = None
    else:
        raw["logprobs"] = None


def _probabilities(*told: float) -> Callable[[str, dict[str, Any]], None]:
    def change(wire: str, raw: dict[str, Any]) -> None:
        names = ("HAM", "SPAM", "MAYBE")[: len(told)]
        if wire == "http":
            raw["scores"] = dict(zip(names, told, strict=True))
        else:
            pairs = zip(names, told, strict=True)
            raw["answers"][0]["probabilities"] = [{"value": name, "probability": p} for name, p in pairs]

    return change


def _first_answer_only(fault: Misbehave) -> Misbehave:
    """The fault, but not in the repair turn, which quotes the answer."""
    return lambda wire, asked: None if "not one of the labels" in str(asked.body) else fault(wire, asked)


def _late(wire: str, asked: Asked) -> Fault | None:
    told = {"Retry-After": formatdate(time() + 2, usegmt=True)}
    return refused(429, headers=told)(wire, asked) if asked.attempt == 0 else None


_HTML = b"<html><body><h1>Sign in to the network</h1></body></html>"
_FENCED = '```json\n{"label": "SPAM"}\n```'

CASES = (
    Case("429 with Retry-After, then 200", first_refused(429, headers={"Retry-After": "1"}), requests=2, waits_s=1.0),
    Case("429 with Retry-After as a date, then 200", _late, requests=2, waits_s=0.9),
    Case(
        "429 with retry-after-ms, then 200",
        first_refused(429, headers={"retry-after-ms": "300"}),
        requests=2,
        waits_s=0.3,
    ),
    Case("429 that asks to wait past all patience", refused(429, headers={"Retry-After": "300"}), stops=True),
    Case("429 slow_down, then 200", first_refused(429, code="slow_down"), requests=2),
    Case(
        "429 without quota",
        refused(429, "insufficient_quota"),
        stops=True,
        wires=("chat", "responses", "decisions", "http"),
    ),
    Case("500, then 200", first_refused(500), requests=2),
    Case("503 with HTML", always(status=503, body=_HTML, headers={"Content-Type": "text/html"}), "http_503", 5),
    Case("529, then x-should-retry: false", refused(529, headers={"x-should-retry": "false"}), "http_529", 1),
    Case("400 context length", refused(400, "context_length_exceeded"), "http_400"),
    Case("400 content filter", refused(400, "content_filter"), "filtered", by_wire={"cohere": ("http_400", 1)}),
    Case("401", refused(401, "invalid_api_key"), stops=True),
    Case("404 unknown model", refused(404, "model_not_found"), stops=True),
    Case("server hangs", always(hang=True), "timeout", 3),
    Case("body drips in", always(drip_s=2.0), "timeout", 3),
    Case("connection aborted before the reply", always(drop="before_reply"), "connection", 3),
    Case("body cut short", always(drop="mid_body"), "connection", 3),
    Case("chunk cut short", always(drop="mid_chunk"), "connection", 3),
    Case("connection aborted once", at_first(drop="before_reply"), requests=2),
    Case("200 with half a JSON", always(body=b'{"choices": [{"mess'), "unparsable", 3),
    Case("200 with an empty body", always(body=b""), "empty", 3),
    Case("200 with a login page", always(body=_HTML, headers={"Content-Type": "text/html"}), "unparsable", 3),
    Case(
        "200 with an error inside", always(body={"error": {"message": "upstream", "code": "overloaded"}}), "http_200", 5
    ),
    Case("200 with a 429 inside, once", at_first(body={"error": {"message": "slow", "code": 429}}), requests=2),
    Case("200 without choices", edits(_no_choices), "empty"),
    Case("unknown label", says("MAYBE"), "unknown_label", 2),
    Case("unknown label, mended when asked again", _first_answer_only(says("MAYBE")), "SPAM", 2),
    Case(
        "talk around the label",
        says("Well, to me this looks very much like SPAM, I think"),
        "unparsable",
        2,
        wires=WORDY,
    ),
    Case("empty content", says(""), "empty"),
    Case("null content", says(None), "empty"),
    Case("fenced JSON", says(_FENCED), wires=WORDY),
    Case("label in other letters and quotes", says(' "spam". '), wires=WORDY),
    Case("cannot tell", says("CANNOT_TELL"), ""),
    Case(
        "refusal",
        edits(_refusal),
        "refused",
        by_wire={"cohere": ("unknown_label", 2), "http": ("unknown_label", 2)},
    ),
    Case("cut off", says('{"lab', "length"), "truncated", wires=WORDY),
    Case("content filter", says("", "filter"), "filtered", wires=WORDY),
    Case("error as the reason to stop", says("", "error"), "error", wires=("cohere",)),
    Case("usage missing", edits(_no_usage)),
    Case("logprobs null", edits(_null_logprobs), wires=("chat", "responses", "cohere"), is_soft=False),
    Case(
        "probabilities that do not sum to one",
        edits(_probabilities(0.3, 0.9)),
        wires=("decisions", "http"),
        is_soft=False,
    ),
    Case(
        "probability of a choice outside the list",
        edits(_probabilities(0.1, 0.8, 0.1)),
        wires=("decisions", "http"),
        is_soft=False,
    ),
)
