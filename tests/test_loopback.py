"""The loopback server, asked through the vendors' real SDKs: it says on every wire what the vendor would say."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import httpx
import pytest
from projects import needs
from vendor_calls import EVERY, LABELS, WORDY, Asks, asks_chat, asks_cohere, asks_decisions, asks_responses

from quorate.loopback.server import Asked, Fault, Loopback
from quorate.loopback.standins import letter_model, word_model

every_wire = pytest.mark.parametrize("asks", EVERY, ids=lambda asks: asks.__name__)


def answer(text: str, choices: Sequence[str]) -> dict[str, float]:
    """What speaks of a channel is SPAM, by 0.8."""
    spam = 0.8 if "channel" in text else 0.2
    return {"HAM": 1 - spam, "SPAM": spam} | {choice: 0.0 for choice in choices if choice not in LABELS}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback({"small": answer}) as server:
        yield server


@every_wire
def test_the_model_answers_and_the_bill_is_what_the_server_counted(asks: Asks, server: Loopback) -> None:
    for text, label in (("see my channel", "SPAM"), ("a lovely song", "HAM")):
        content, given, made, _ = asks(server.url, text)
        assert json.loads(content) == {"label": label}
        served = server.log[-1]
        assert (served.status, served.whole, served.input_tokens, served.output_tokens) == (200, True, given, made)
        assert given > 0
    assert server.tokens == (sum(s.input_tokens for s in server.log), sum(s.output_tokens for s in server.log))


def test_a_decision_has_a_probability_for_every_choice_of_every_question(server: Loopback) -> None:
    needs("openai")
    questions = [
        {"type": "choice", "name": "kind", "choices": [{"value": "HAM"}, {"value": "SPAM"}, {"value": "NEITHER"}]},
        {"type": "predicate", "name": "rude", "instructions": "Is it rude?"},
    ]
    *_, said = asks_decisions(server.url, "see my channel", questions=questions)
    kind, rude = said.answers
    assert (kind.name, kind.choice, kind.confidence) == ("kind", "SPAM", pytest.approx(0.8))
    assert {one.value: one.probability for one in kind.probabilities} == pytest.approx(
        {"HAM": 0.2, "SPAM": 0.8, "NEITHER": 0.0}
    )
    assert (rude.type, rude.name) == ("refusal", "rude")


def test_the_label_is_a_token_with_the_log_probability_of_every_choice(server: Loopback) -> None:
    *_, chat = asks_chat(server.url, "see my channel", logprobs=True, top_logprobs=5)
    include = ["message.output_text.logprobs"]
    *_, responses = asks_responses(server.url, "see my channel", top_logprobs=5, include=include)
    for tokens in (chat.choices[0].logprobs.content, responses.output[0].content[0].logprobs):
        assert "".join(token.token for token in tokens) == '{"label": "SPAM"}'
        (label,) = [token for token in tokens if token.token == "SPAM"]
        top = {one.token: math.exp(one.logprob) for one in label.top_logprobs}
        assert top == pytest.approx({"SPAM": 0.8, "HAM": 0.2})
    *_, cohere = asks_cohere(server.url, "see my channel", logprobs=True)
    told = {item.text: math.exp(item.logprobs[0]) for item in cohere.logprobs}
    assert told["SPAM"] == pytest.approx(0.8)


@pytest.mark.parametrize("asks", WORDY, ids=lambda asks: asks.__name__)
def test_rows_in_one_request_are_answered_by_their_ids(asks: Asks, server: Loopback) -> None:
    text = '<row id="1">\nsee my channel\n</row>\n<row id="b">\na song\n</row>'
    content, *_ = asks(server.url, text)
    assert json.loads(content) == {"answers": [{"id": "1", "label": "SPAM"}, {"id": "b", "label": "HAM"}]}


@pytest.mark.parametrize(
    ("asks", "cap", "told"),
    [
        (asks_chat, {"max_completion_tokens": 3}, lambda said: said.choices[0].finish_reason == "length"),
        (asks_responses, {"max_output_tokens": 3}, lambda said: said.incomplete_details.reason == "max_output_tokens"),
        (asks_cohere, {"max_tokens": 3}, lambda said: said.finish_reason == "MAX_TOKENS"),
    ],
    ids=["chat", "responses", "cohere"],
)
def test_an_answer_longer_than_allowed_is_cut_off_and_says_so(
    asks: Asks, cap: dict[str, int], told: Callable[[Any], bool], server: Loopback
) -> None:
    content, _, made, said = asks(server.url, "see my channel", **cap)
    assert (content, made) == ('{"labe', 3)
    assert told(said)


def test_a_schema_that_pydantic_wrote_is_read_too(server: Loopback) -> None:
    needs("openai")
    import openai
    from pydantic import BaseModel

    class Comment(BaseModel):
        id: Literal["7"]
        label: Literal["HAM", "SPAM"]

    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": "see my channel"}]
        raw = client.chat.completions.with_raw_response.parse(model="small", messages=messages, response_format=Comment)
    assert json.loads(raw.http_response.json()["choices"][0]["message"]["content"]) == {"label": "SPAM"}


@every_wire
def test_a_wrong_key_an_unknown_model_and_too_many_requests_are_told_as_the_vendor_does(asks: Asks) -> None:
    with Loopback({"small": answer}, keys=["right"]) as locked:
        status, error = _refused(asks, locked.url)
        assert (status, locked.log[-1].status) == (401, 401)
        assert "Incorrect API key" in error
    with Loopback({"other": answer}) as unknown:
        status, error = _refused(asks, unknown.url)
        assert (status, unknown.tokens) == (404, (0, 0))
        assert "small" in error
    with Loopback({"small": answer}, requests_per_s=0.5, retry_after=True) as slow:
        asks(slow.url, "one")
        paid = slow.tokens
        assert _refused(asks, slow.url)[0] == 429
        assert slow.tokens == paid


def _refused(asks: Asks, url: str) -> tuple[int, str]:
    """The status and the text of the error that the SDK raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        asks(url, "see my channel")
    error: Any = caught.value
    status = getattr(error, "status_code", None) or error.response.status_code
    response = getattr(error, "response", None)
    return status, str(error) if response is None else response.text


def test_the_room_of_a_rate_is_in_the_headers_and_the_wait_where_it_is_to_be_told() -> None:
    body = {"model": "small", "text": "see my channel", "labels": LABELS}
    with Loopback({"small": answer}, requests_per_s=0.5, retry_after=True) as server:
        first, second = (httpx.post(f"{server.url}/classify", json=body) for _ in range(2))
    assert (first.status_code, second.status_code, second.headers["retry-after"]) == (200, 429, "1")
    assert first.headers["x-ratelimit-limit-requests"] == "30"
    assert first.headers["x-ratelimit-remaining-requests"] == "29"
    assert first.headers["x-ratelimit-reset-requests"] == "2000ms"
    with Loopback({"small": answer}, requests_per_s=0.5) as server:
        assert "retry-after" not in [httpx.post(f"{server.url}/classify", json=body) for _ in range(2)][1].headers


@every_wire
@pytest.mark.parametrize("drop", ["before_reply", "mid_body", "mid_chunk"])
def test_a_reply_that_is_broken_off_is_no_reply_and_yet_was_worked_on(asks: Asks, drop: Any) -> None:
    def misbehave(asked: Asked) -> Fault | None:
        return Fault(drop=drop) if asked.attempt == 0 else None

    with Loopback({"small": answer}, misbehave=misbehave) as server:
        with pytest.raises(Exception, match=r"(?i)connection|disconnect|peer|incomplete"):
            asks(server.url, "see my channel")
        asks(server.url, "see my channel")
    assert [(served.whole, served.asked.attempt) for served in server.log] == [(False, 0), (True, 1)]
    assert server.log[0].asked.key == server.log[1].asked.key
    assert server.tokens[0] == 2 * server.log[0].input_tokens


@pytest.mark.parametrize(
    "fault", [Fault(hang=True), Fault(drip_s=4.0), Fault(delay_s=0.5)], ids=["hang", "drip", "late"]
)
def test_a_client_that_does_not_wait_is_not_answered_and_yet_was_worked_for(fault: Fault) -> None:
    body = {"model": "small", "text": "see my channel", "labels": LABELS}
    with Loopback({"small": answer}, misbehave=lambda _: fault) as server:
        with pytest.raises(httpx.TimeoutException):
            httpx.post(f"{server.url}/classify", json=body, timeout=0.2)
        patience_s = time.monotonic() + 5
        while not server.log and time.monotonic() < patience_s:
            time.sleep(0.02)
    assert [served.whole for served in server.log] == [False]
    assert min(server.tokens) > 0


def test_a_fault_may_change_the_right_answer_or_stand_in_its_place() -> None:
    faults = [
        Fault(edit=lambda raw: raw | {"label": "NEITHER"}),
        Fault(body=b"<html>", headers={"Content-Type": "text/html"}),
        Fault(status=503),
        Fault(drip_s=0.1),
    ]
    body = {"model": "small", "text": "see my channel", "labels": LABELS}
    with Loopback({"small": answer}, misbehave=lambda asked: faults[asked.attempt]) as server, httpx.Client() as client:
        edited, login, away, slow = (client.post(f"{server.url}/classify", json=body) for _ in faults)
    assert edited.json()["label"] == "NEITHER"
    assert (login.text, login.headers["content-type"]) == ("<html>", "text/html")
    assert (away.status_code, "error" in away.json()) == (503, True)
    assert slow.json()["label"] == "SPAM"
    assert [served.whole for served in server.log] == [True, True, False, True]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_waits_for_a_reply_to_nonsense_or_for_a_model_that_fails() -> None:
    def broken(text: str, choices: Sequence[str]) -> dict[str, float]:
        raise ZeroDivisionError

    with Loopback({"broken": broken}) as server:
        assert httpx.post(f"{server.url}/classify", content=b'{"mod').status_code == 400
        assert httpx.get(f"{server.url}/classify").status_code == 404
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(f"{server.url}/classify", json={"model": "broken", "text": "x"})


def test_hundreds_of_connections_are_served_at_once_and_each_goes_on() -> None:
    async def one(port: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        good = 0
        for i in range(3):
            body = json.dumps({"model": "small", "text": f"{port} {i}"}).encode()
            head = f"POST /classify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n"
            writer.write(head.encode() + body + b"\r\n0\r\n\r\n")
            length = int((await reader.readuntil(b"\r\n\r\n")).split(b"Content-Length: ")[1].split(b"\r\n")[0])
            good += json.loads(await reader.readexactly(length))["label"] == "HAM"
        writer.close()
        await writer.wait_closed()
        return good

    async def all_at_once(port: int) -> int:
        return sum(await asyncio.gather(*(one(port) for _ in range(300))))

    with Loopback({"small": answer}, latency_s=0.05) as server:
        assert asyncio.run(all_at_once(int(server.url.rpartition(":")[2]))) == 900
        assert len(server.log) == 900
        with (
            pytest.raises(OSError, match="address already in use"),
            Loopback({}, port=int(server.url.rpartition(":")[2])),
        ):
            pass


@pytest.mark.parametrize("make", [word_model, letter_model])
def test_a_stand_in_learns_and_never_chooses_what_it_has_not_seen(make: Any) -> None:
    texts = ["see my channel", "my new channel", "a lovely song", "this song is good"]
    model = make(texts, ["SPAM", "SPAM", "HAM", "HAM"])
    for text, label in (("the channel of mine", "SPAM"), ("what a song", "HAM")):
        told = model(text, ("SPAM", "CANNOT_TELL", "HAM"))
        assert max(told, key=told.get) == label
        assert told["CANNOT_TELL"] == 0.0
        assert sum(told.values()) == pytest.approx(1.0)
    assert set(model("漢字", ())) == {"HAM", "SPAM"}
