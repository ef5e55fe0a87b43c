"""What a reply's status, headers and error body mean, and the schema of an answer."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.asking.verdicts import duration_s, error_in, gateway_error, retry_after_s, room_in, unanswered
from quorate.wire import Question, RateRoom, Unanswered, Usage, Verdict, answer_schema

AGAIN, SHRINK, ROW, RUN = Verdict.AGAIN, Verdict.SHRINK, Verdict.ROW, Verdict.RUN


def body(code: Any = "", message: str = "it went wrong") -> str:
    return json.dumps({"error": {"code": code, "message": message}})


STATUSES = [(status, AGAIN) for status in (408, 409, 425, 500, 502, 503, 504, 507, 520, 522, 524, 529, 599)]
STATUSES += [(429, SHRINK), (498, SHRINK)]
STATUSES += [(status, RUN) for status in (401, 402, 403, 404, 405)]
STATUSES += [(status, ROW) for status in (400, 406, 410, 413, 414, 415, 418, 422)]


@pytest.mark.parametrize(("status", "verdict"), STATUSES)
def test_a_status_has_one_meaning(status: int, verdict: Verdict) -> None:
    fault = unanswered(status, {}, body())
    assert (fault.verdict, fault.reason) == (verdict, f"http_{status}")
    assert str(fault) == f"HTTP {status}: it went wrong"


@pytest.mark.parametrize(
    ("status", "code", "verdict", "reason"),
    [
        (429, "rate_limit_exceeded", SHRINK, "http_429"),
        (429, "insufficient_quota", RUN, "http_429"),
        (400, "billing_hard_limit_reached", RUN, "http_400"),
        (400, "model_not_found", RUN, "http_400"),
        (500, "invalid_api_key", RUN, "http_500"),
        (400, "context_length_exceeded", ROW, "http_400"),
        (400, "content_filter", ROW, "filtered"),
        (400, "content_policy_violation", ROW, "filtered"),
        (500, "string_above_max_length", ROW, "http_500"),
    ],
)
def test_what_the_server_names_tells_more_than_its_status(
    status: int, code: str, verdict: Verdict, reason: str
) -> None:
    fault = unanswered(status, {}, body(code))
    assert (fault.verdict, fault.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("status", "told", "verdict"),
    [
        (400, "true", AGAIN),
        (500, "false", ROW),
        (500, "perhaps", AGAIN),
        (429, "false", SHRINK),
        (401, "true", RUN),
        (413, "true", ROW),
    ],
)
def test_a_server_may_say_whether_to_ask_again(status: int, told: str, verdict: Verdict) -> None:
    assert unanswered(status, {"x-should-retry": told}, "").verdict is verdict


def test_only_a_gateway_that_gave_up_waiting_may_have_to_be_paid() -> None:
    """Behind it the model may have done its work, as after a timeout of our own."""
    assert [status for status in range(400, 600) if unanswered(status, {}, "").billed] == [504, 524]


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ({"error": {"code": "a", "type": "b", "message": "m"}}, "a", "m"),
        ({"error": {"code": None, "type": "b", "message": "m"}}, "b", "m"),
        ({"error": {"code": 429, "message": "m"}}, "429", "m"),
        ({"error": "model 'x' not found"}, "", "model 'x' not found"),
        ({"error": {}, "message": "m"}, "", "m"),
        ({"error": None, "message": "m"}, "", "m"),
        ({"error": None}, "", ""),
        ({"message": "invalid api token"}, "", "invalid api token"),
        ({"detail": "Not Found"}, "", "Not Found"),
        ({"detail": [{"loc": ["body"]}]}, "", "[{'loc': ['body']}]"),
        ({"object": "error", "message": "m", "type": "BadRequestError", "code": 400}, "400", "m"),
        ([{"error": {"code": 400}}], "", '[{"error": {"code": 400}}]'),
        ({}, "", ""),
    ],
)
def test_the_error_is_found_in_every_form_in_use(said: Any, code: str, message: str) -> None:
    assert error_in(json.dumps(said)) == (code, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ""),
        ("upstream  timed\n out", "upstream timed out"),
        ("<html><h1>502</h1>\n<p>Bad Gateway</p></html>", "502 Bad Gateway"),
        ("x" * 5_000, "x" * 300),
        ("[" * 200_000, "[" * 300),
    ],
)
def test_a_body_that_is_not_json_is_shown_in_short(text: str, message: str) -> None:
    assert error_in(text) == ("", message)


@pytest.mark.parametrize(
    ("raw", "verdict", "reason"),
    [
        ({"error": {"code": 429, "message": "slow"}}, SHRINK, "http_429"),
        ({"error": {"code": "503"}}, AGAIN, "http_503"),
        ({"error": {"code": 401}}, RUN, "http_401"),
        ({"error": {"code": "insufficient_quota"}}, RUN, "http_200"),
        ({"error": {"code": "server_error"}, "status": "failed"}, AGAIN, "http_200"),
        ({"error": {"code": "context_length_exceeded"}}, ROW, "http_200"),
        ({"error": {"code": "content_filter"}}, ROW, "filtered"),
        ({"error": "overloaded"}, AGAIN, "http_200"),
        ({"error": {"code": "²"}}, AGAIN, "http_200"),
        ({"error": {"code": "4" * 5_000}}, AGAIN, "http_200"),
        ({"error": {"code": 200, "message": "odd"}}, AGAIN, "http_200"),
    ],
)
def test_an_error_inside_a_good_status_is_an_error(raw: Any, verdict: Verdict, reason: str) -> None:
    fault = gateway_error(raw)
    assert fault is not None
    assert (fault.verdict, fault.reason) == (verdict, reason)


@pytest.mark.parametrize("raw", [{}, {"error": None}, {"error": {}}, {"error": ""}, [], "error", None, 5])
def test_a_reply_without_an_error_is_none(raw: Any) -> None:
    assert gateway_error(raw) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "type", "message", "detail"]), inner, max_size=4)
    ),
    max_leaves=8,
)
NAMES = "retry-after retry-after-ms x-should-retry x-ratelimit-remaining-requests x-ratelimit-remaining-tokens"
NAMES += " x-ratelimit-reset-requests x-ratelimit-reset-tokens"
ODD = ["nan", "inf", "-inf", "-1", "1e999", "0", "Mon, 01 Jan 0001 00:00:00 -0000"]
HEADERS = st.dictionaries(st.sampled_from(NAMES.split()), st.text(max_size=12) | st.sampled_from(ODD))


@settings(deadline=None)
@given(st.integers(400, 599), HEADERS, st.text(max_size=30) | JSON.map(json.dumps), JSON)
def test_whatever_a_server_sends_it_is_understood_in_some_way(
    status: int, headers: dict[str, str], text: str, raw: Any
) -> None:
    fault = unanswered(status, headers, text)
    assert len(str(fault)) < 400
    assert "\n" not in str(fault)
    assert fault.after_s is None or 0.0 <= fault.after_s < float("inf")
    room = room_in(headers)
    assert room.reset_s is None or abs(room.reset_s) < float("inf")
    assert isinstance(gateway_error(raw), Unanswered | None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "-5"}, 0.0),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": formatdate(1_000_060, usegmt=True)}, 60.0),
        ({"retry-after": formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry-after": "Wed, 99 Foo 2026 07:28:00 GMT"}, None),
    ],
)
def test_how_long_to_wait_is_told_in_three_ways(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, now_s=1_000_000.0) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0),
        ("1h30m", 5_400.0),
        ("120ms", 0.12),
        ("2m59.56s", 179.56),
        ("7.66s", 7.66),
        ("500us", 0.0005),
        ("500µs", 0.0005),
        ("12", 12.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("5 s", None),
        ("1m and 5s", None),
        ("nan", None),
    ],
)
def test_durations_are_read_as_go_prints_them(text: str, seconds: float | None) -> None:
    assert duration_s(text) == (None if seconds is None else pytest.approx(seconds))


def rate(left: str | None, left_tokens: str | None, **resets: str) -> dict[str, str]:
    told = {"x-ratelimit-remaining-requests": left, "x-ratelimit-remaining-tokens": left_tokens}
    return {k: v for k, v in told.items() if v is not None} | {f"x-ratelimit-reset-{k}": v for k, v in resets.items()}


@pytest.mark.parametrize(
    ("headers", "room"),
    [
        ({}, RateRoom()),
        (rate(None, None, requests="1s"), RateRoom()),
        (rate("5", None, requests="1s"), RateRoom(5, None, 1.0)),
        (rate("0", "90", requests="1s", tokens="6m0s"), RateRoom(0, 90, 1.0)),
        (rate("5", "0", requests="1s", tokens="6m0s"), RateRoom(5, 0, 360.0)),
        (rate("0", "0", requests="9s", tokens="6s"), RateRoom(0, 0, 9.0)),
        (rate("0", None), RateRoom(0, None, None)),
        (rate("many", "0", tokens="2s"), RateRoom(None, 0, 2.0)),
        (rate("inf", "nan", tokens="2s"), RateRoom()),
        (rate("5", None) | {"x-ratelimit-limit-requests": "60"}, RateRoom(5, None, None, 60)),
    ],
)
def test_the_room_is_that_of_what_is_short(headers: dict[str, str], room: RateRoom) -> None:
    assert room_in(headers) == room


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every schema of an object inside a schema."""
    if isinstance(schema, list):
        return [found for one in schema for found in objects(one)]
    if not isinstance(schema, dict):
        return []
    return [schema] * (schema.get("type") == "object") + objects(list(schema.values()))


@pytest.mark.parametrize("rows", [(), ("1",), ("1", "2", "3")])
def test_a_schema_is_strict(rows: tuple[str, ...]) -> None:
    """As vendors want it: every object is closed, and every property required."""
    schema = answer_schema(Question("", "", ("HAM", "SPAM"), rows=rows))
    assert json.loads(json.dumps(schema)) == schema
    assert objects(schema)
    for one in objects(schema):
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])


def test_a_schema_allows_the_choices_and_nothing_else() -> None:
    question = Question("", "", ("HAM", "SPAM", "CANNOT_TELL"))
    assert answer_schema(question)["properties"] == {
        "label": {"type": "string", "enum": ["HAM", "SPAM", "CANNOT_TELL"]}
    }


def test_a_schema_of_several_rows_has_their_ids() -> None:
    answers = answer_schema(Question("", "", ("HAM", "SPAM"), rows=("1", "2")))["properties"]["answers"]
    assert answers["type"] == "array"
    assert answers["items"]["properties"] == {
        "id": {"type": "string", "enum": ["1", "2"]},
        "label": {"type": "string", "enum": ["HAM", "SPAM"]},
    }


USAGES = st.builds(Usage, *[st.integers(0, 1_000)] * 5)


@given(USAGES, USAGES, USAGES)
def test_usage_adds_up_in_any_order(a: Usage, b: Usage, c: Usage) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Usage() == a
    assert (a + b).input == a.input + b.input
