"""Every fault of the table, on every wire, through the vendors' real SDKs: the right vote or the right reason code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asked_rows import answer, asked, endpoint, served, spent_in
from faults import CASES, MARKER, PATHS, Case
from projects import needs

from quorate.asking import counter
from quorate.errors import EndpointStopped
from quorate.loopback.server import Asked, Fault, Loopback
from quorate.sources.prompt import Prompt

TEXTS = {"good": "a lovely song", "bad": f"{MARKER}: see my channel", "last": "my channel, again"}
TABLE = [(case, wire) for case in CASES for wire in case.wires]


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter, "_BACKOFF_S", 0.01)
    monkeypatch.setattr(counter, "_PATIENCE_S", 30.0)


def befalls(case: Case) -> Any:
    def misbehave(request: Asked) -> Fault | None:
        return case.fault(PATHS[request.path], request) if MARKER in str(request.body) else None

    return misbehave


@pytest.mark.parametrize(("case", "wire"), TABLE, ids=[f"{case.name}-{wire}" for case, wire in TABLE])
def test_the_row_ends_as_it_should(case: Case, wire: str, tmp_path: Path) -> None:
    if wire != "http":
        needs("cohere" if wire == "cohere" else "openai")
    with Loopback({"model": answer}, misbehave=befalls(case)) as server:
        source = Prompt(name="asks", endpoint=endpoint(wire, server.url, timeout_s=0.25))
        if case.stops:
            with pytest.raises(EndpointStopped, match="model 'model'"):
                asked(TEXTS, source, tmp_path)
            assert len(served(server, MARKER)) == 1
            return
        outcome = asked(TEXTS, source, tmp_path)
    ends, requests = case.expected(wire)
    assert outcome.of("bad") == ends
    assert {row: outcome.of(row) for row in GOOD} == GOOD
    seen = served(server, MARKER)
    assert len(seen) == requests
    if case.waits_s:
        assert seen[1].asked.at_s - seen[0].asked.at_s >= case.waits_s
    assert outcome.spent.attempts == len(server.log)
    assert outcome.spent.tokens >= sum(server.tokens), "what the server worked on is never missing from the bill"
    if case.is_soft is not None:
        soft = outcome.votes.distributions.get("asks")
        assert (soft is not None and not (soft[1] != soft[1]).any()) is case.is_soft


GOOD = {"good": "HAM", "last": "SPAM"}


@pytest.mark.parametrize("wire", ["chat", "responses", "decisions", "cohere", "http"])
def test_without_a_fault_the_bill_is_exact_and_a_second_run_is_free(wire: str, tmp_path: Path) -> None:
    if wire != "http":
        needs("cohere" if wire == "cohere" else "openai")
    with Loopback({"model": answer}) as server:
        source = Prompt(name="asks", endpoint=endpoint(wire, server.url))
        first = asked(TEXTS, source, tmp_path)
        again = asked(TEXTS, source, tmp_path)
        assert len(server.log) == len(TEXTS)
        given, made = server.tokens
    assert first.spent.tokens == given + made
    assert first.spent.usd == pytest.approx((given * 1.0 + made * 2.0) / 1e6)
    assert again.spent == first.spent
    assert again.votes.matrix.tolist() == first.votes.matrix.tolist()
    soft = first.votes.distributions["asks"]
    assert soft.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("wire", ["chat", "cohere", "http"])
@pytest.mark.parametrize("ids", [["1", "1", "3"], ["1", "2"], ["1", "2", "4"], ["3", "2", "1"]])
def test_rows_of_one_request_are_told_apart_by_their_ids(wire: str, ids: list[str], tmp_path: Path) -> None:
    if wire != "http":
        needs("cohere" if wire == "cohere" else "openai")
    labels = {"1": "HAM", "2": "SPAM", "3": "SPAM"}
    answers = [f'{{"id": "{i}", "label": "{labels.get(i, "HAM")}"}}' for i in ids]
    text = f'{{"answers": [{", ".join(answers)}]}}'

    def misbehave(request: Asked) -> Fault | None:
        from faults import says

        return says(text)(PATHS[request.path], request) if '<row id="1">' in str(request.body) else None

    with Loopback({"model": answer}, misbehave=misbehave) as server:
        source = Prompt(name="asks", endpoint=endpoint(wire, server.url), rows_per_request=3)
        outcome = asked(TEXTS, source, tmp_path)
        assert len(server.log) == (1 if sorted(ids) == ["1", "2", "3"] else 4)
    assert [outcome.of(row) for row in TEXTS] == ["HAM", "SPAM", "SPAM"]


def test_a_server_that_answers_nobody_ends_the_run_and_not_after_the_last_row(tmp_path: Path) -> None:
    with Loopback({"model": answer}, misbehave=lambda _: Fault(status=400, body={"error": "no such field"})) as server:
        source = Prompt(name="asks", endpoint=endpoint("http", server.url))
        with pytest.raises(EndpointStopped, match=r"answered none of the last 30 questions.*no such field"):
            asked({str(i): f"comment {i}" for i in range(2_000)}, source, tmp_path)
        assert len(server.log) < 150
    assert spent_in(tmp_path).tokens == 0


@pytest.mark.parametrize("wire", ["chat", "responses", "cohere", "http"])
def test_many_rows_in_one_request_have_room_for_their_answers(wire: str, tmp_path: Path) -> None:
    if wire != "http":
        needs("cohere" if wire == "cohere" else "openai")
    texts = {str(i): f"comment {i}" + " on my channel" * (i % 2) for i in range(40)}
    with Loopback({"model": answer}) as server:
        source = Prompt(name="asks", endpoint=endpoint(wire, server.url), rows_per_request=10)
        outcome = asked(texts, source, tmp_path)
        assert len(server.log) == 4
    assert [outcome.of(row) for row in texts] == ["HAM", "SPAM"] * 20
