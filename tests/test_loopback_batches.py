"""OpenAI's files and batches at the loopback server, through the real SDK."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from projects import needs

from quorate.loopback.batches import BatchHabits
from quorate.loopback.server import Asked, Fault, Loopback

PATH = "/v1/chat/completions"
TEXTS = [f"{'see my channel' if i % 3 else 'a song'} {i}" for i in range(20)]
QUICK = BatchHabits(delay_s=0.02)


def answer(text: str, choices: Sequence[str]) -> dict[str, float]:
    spam = 0.8 if "channel" in text else 0.2
    return {"HAM": 1 - spam, "SPAM": spam}


@contextmanager
def serving(habits: BatchHabits = QUICK, **options: Any) -> Iterator[tuple[Loopback, Any]]:
    """A server, and the SDK's client that speaks to it."""
    needs("openai")
    import openai

    with (
        Loopback({"small": answer}, batches=habits, **options) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=5) as client,
    ):
        yield server, client


def lines_of(texts: Sequence[str], url: str = PATH) -> list[Any]:
    bodies = [{"model": "small", "messages": [{"role": "user", "content": text}]} for text in texts]
    return [{"custom_id": str(i), "method": "POST", "url": url, "body": body} for i, body in enumerate(bodies)]


def handed_in(client: Any, lines: Sequence[Any], **metadata: str) -> str:
    """The id of a batch of these lines."""
    written = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    file = client.files.create(file=("questions.jsonl", written), purpose="batch")
    assert client.files.retrieve(file.id).bytes == len(written)
    made = client.batches.create(
        input_file_id=file.id, endpoint=PATH, completion_window="24h", metadata=metadata or None
    )
    assert made.status == "validating"
    return str(made.id)


def ended(client: Any, id: str) -> Any:
    """The batch, once it is over."""
    patience_s = time.monotonic() + 5
    while time.monotonic() < patience_s:
        batch = client.batches.retrieve(id)
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            return batch
        time.sleep(0.01)
    raise TimeoutError


def results(client: Any, file: str | None) -> list[Any]:
    return [json.loads(line) for line in client.files.content(file).text.splitlines()] if file else []


def statuses(lines: Sequence[Any]) -> dict[str, Any]:
    return {line["custom_id"]: line["response"] and line["response"]["status_code"] for line in lines}


def test_every_line_comes_back_out_of_order_with_its_answer_and_the_bill() -> None:
    with serving() as (server, client):
        batch = ended(client, handed_in(client, lines_of(TEXTS), job="mine"))
        lines = results(client, batch.output_file_id)
    labels = {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines}
    assert labels == {str(i): "SPAM" if "channel" in text else "HAM" for i, text in enumerate(TEXTS)}
    assert list(labels) != sorted(labels, key=int)
    assert (batch.status, batch.error_file_id, batch.metadata) == ("completed", None, {"job": "mine"})
    counts = batch.request_counts
    assert (counts.total, counts.completed, counts.failed) == (20, 20, 0)
    assert (batch.usage.input_tokens, batch.usage.output_tokens) == server.tokens
    assert {(served.asked.path, served.whole) for served in server.log} == {(PATH, True)}


def test_lines_that_fail_stand_in_the_error_file() -> None:
    def misbehave(asked: Asked) -> Fault | None:
        asks = str(asked.body)
        return Fault(status=500) if "song 3" in asks else Fault(drop="before_reply") if "song 6" in asks else None

    with serving(BatchHabits(delay_s=0.02, lost=(1,)), misbehave=misbehave) as (_, client):
        batch = ended(client, handed_in(client, lines_of(TEXTS[:9])))
        good, bad = results(client, batch.output_file_id), results(client, batch.error_file_id)
    assert statuses(bad) == {"3": 500, "6": 0, "1": 0}
    assert set(statuses(good)) == {"0", "2", "4", "5", "7", "8"}
    assert (batch.status, batch.request_counts.failed) == ("completed", 3)


def test_an_expired_batch_gives_what_was_done_and_names_the_rest() -> None:
    with serving(BatchHabits(delay_s=0.02, expire_after=5)) as (server, client):
        batch = ended(client, handed_in(client, lines_of(TEXTS)))
        good, bad = results(client, batch.output_file_id), results(client, batch.error_file_id)
        assert len(server.log) == 5
    assert (batch.status, len(good), len(bad)) == ("expired", 5, 15)
    assert {line["error"]["code"] for line in bad} == {"batch_expired"}


def test_a_cancelled_batch_ends_and_nothing_more_of_it_is_asked() -> None:
    with serving(BatchHabits(delay_s=0.4)) as (server, client):
        id = handed_in(client, lines_of(TEXTS))
        assert client.batches.cancel(id).status == "cancelling"
        batch = ended(client, id)
        assert (batch.status, len(server.log)) == ("cancelled", 0)
        assert len(results(client, batch.error_file_id)) == len(TEXTS)
        assert client.batches.cancel(id).status == "cancelled"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (lines_of(["one"], url="/v1/responses"), "invalid_request"),
        (lines_of(["one"]) * 2, "duplicate_custom_id"),
        ([*lines_of(["one"]), "no object"], "invalid_request"),
    ],
)
def test_a_file_that_is_not_in_order_fails_as_a_whole(lines: list[Any], code: str) -> None:
    with serving() as (server, client):
        batch = ended(client, handed_in(client, lines))
        assert (batch.status, [one.code for one in batch.errors.data]) == ("failed", [code])
        assert not server.log


def test_batches_are_listed_newest_first_in_pages() -> None:
    with serving() as (_, client):
        ids = [handed_in(client, lines_of(["one"]), name=str(i)) for i in range(5)]
        page = client.batches.list(limit=2)
        assert ([batch.id for batch in page.data], page.has_more) == (ids[:2:-1], True)
        assert [batch.id for batch in page] == ids[::-1]
        assert [batch.metadata["name"] for batch in client.batches.list()] == ["4", "3", "2", "1", "0"]


def test_a_batch_of_no_file_or_for_no_known_path_is_refused() -> None:
    with serving(keys=["any"]) as (_, client):
        import openai

        with pytest.raises(openai.BadRequestError, match="input_file_id"):
            client.batches.create(input_file_id="file-9", endpoint=PATH, completion_window="24h")
        with pytest.raises(openai.NotFoundError):
            client.batches.retrieve("batch_9")
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="other").batches.list()


def test_a_batch_is_not_held_up_by_the_rate_of_single_requests() -> None:
    with serving(requests_per_s=0.1, latency_s=5.0) as (_, client):
        batch = ended(client, handed_in(client, lines_of(TEXTS)))
    assert batch.request_counts.completed == len(TEXTS)
