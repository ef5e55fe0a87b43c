"""The laws of endpoints, over every one that there is; no service is needed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from discovered import every, example
from projects import needs

from quorate.asking.prices import price_of
from quorate.wire import Question, Said, Unanswered, Verdict

QUESTIONS = [
    Question("Choose.", "a lovely song", ("HAM", "SPAM"), {"HAM": "", "SPAM": "unwanted"}),
    Question("", "zażółć 🎉 \x00", ("HAM", "SPAM"), turns=(("user", "free"), ("assistant", "SPAM"))),
    Question("Choose.", '<row id="1">\na\n</row>', ("HAM", "SPAM"), rows=("1",)),
]
JUNK: list[Any] = [None, "", "text", 5, [], {}, {"choices": []}, {"choices": [None]}, {"choices": [{"message": None}]}]
JUNK += [{"choices": [{"message": {"content": 7}, "finish_reason": [], "logprobs": {"content": [{"token": 1}]}}]}]
JUNK += [{"message": {"content": "x"}, "usage": {"billed_units": None}, "logprobs": "no"}, {"output": [{"content": 3}]}]
JUNK += [{"label": None, "usage": []}, {"label": {"a": [1]}}, {"usage": {"prompt_tokens": -1, "input_tokens": "many"}}]


@every("endpoints")
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_body_is_json_and_the_same_each_time(name: str, question: Question) -> None:
    endpoint = example("endpoints", name)
    body = endpoint.body(question)
    assert json.loads(json.dumps(body)) == body == endpoint.body(question)


@every("endpoints")
@pytest.mark.parametrize("raw", JUNK)
def test_whatever_came_it_is_read_without_an_exception(name: str, raw: Any) -> None:
    said = example("endpoints", name).read(raw)
    assert isinstance(said, Said)
    assert said.text or said.distribution or said.reason, "what says nothing has a reason"


@every("endpoints")
def test_without_a_service_a_body_meets_a_passing_fault_that_was_not_billed(name: str) -> None:
    endpoint = example("endpoints", name)
    if name != "http":
        needs(name)

    async def ask() -> None:
        async with endpoint.connect() as send:
            await send(endpoint.body(QUESTIONS[0]))

    with pytest.raises(Unanswered) as caught:
        asyncio.run(ask())
    assert (caught.value.reason, caught.value.verdict, caught.value.billed) == ("connection", Verdict.AGAIN, False)


@every("endpoints")
def test_who_is_asked_where_is_said_without_a_key(name: str) -> None:
    endpoint = example("endpoints", name)
    assert endpoint.wire.startswith(name)
    assert endpoint.base_url.startswith("http://127.0.0.1")
    assert name in endpoint.account
    assert endpoint.timeout_s > 0
    assert endpoint.max_output_tokens > 0
    assert endpoint.limits.at_once > 0


@every("endpoints")
def test_a_price_is_unknown_or_above_zero(name: str) -> None:
    price = price_of(example("endpoints", name))
    assert price is None or price.input > 0
