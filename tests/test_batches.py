"""Questions in batches: each is handed in once and answered once, whoever dies when and whatever the vendor loses."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from batch_vendor import AWAY, BAD_KEY, Held, Vendor, answers_to, is_answered, key, process, reasons
from clockwork import run

from quorate.asking import batches
from quorate.asking.batches import BatchDesk, rows_ahead
from quorate.asking.journal import Journal
from quorate.errors import JournalError
from quorate.protocols import Endpoint
from quorate.wire import BatchLine, Unanswered


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Held(None) as journal:
        yield journal


def test_questions_that_come_together_are_one_batch_and_each_has_its_own_answer(journal: Journal) -> None:
    vendor = Vendor(comes_back=lambda lines: answers_to(lines)[::-1])
    assert is_answered(run(process(journal, vendor, *range(9))), *range(9))
    assert vendor.sizes == [9]
    assert journal.spent().attempts == 9
    assert journal.open_batches("account") == []


def test_a_question_that_two_ask_is_handed_in_once(journal: Journal) -> None:
    async def twice() -> list[BatchLine]:
        async def keep(line: BatchLine) -> None:
            pass

        desk = BatchDesk(journal, vendor, "account", 30.0, keep)
        assert not desk.is_under_way(key(1))
        asking = asyncio.gather(*(desk.ask(key(1), {"i": 1}) for _ in range(2)))
        await asyncio.sleep(0.1)
        assert not desk.is_under_way(key(1)), "it is gathered, and not handed in yet"
        await asyncio.sleep(60.0)
        assert desk.is_under_way(key(1))
        return await asking

    vendor = Vendor()
    first, second = run(twice())
    assert first == second
    assert vendor.sizes == [1]


def test_who_comes_late_is_in_the_next_batch(journal: Journal) -> None:
    async def late() -> None:
        async def keep(line: BatchLine) -> None:
            pass

        desk = BatchDesk(journal, vendor, "account", 30.0, keep)
        asking = []
        for i, pause_s in enumerate([0.1, 0.1, 5.0, 0.1, 5.0]):
            asking.append(asyncio.ensure_future(desk.ask(key(i), {"i": i})))
            await asyncio.sleep(pause_s)
        await asyncio.gather(*asking)

    vendor = Vendor()
    run(late())
    assert vendor.sizes == [3, 2]


@pytest.mark.parametrize(("limit", "most", "sizes"), [("MOST_LINES", 4, [4, 4, 2]), ("MOST_BYTES", 500, [3, 3, 3, 1])])
def test_a_batch_is_no_greater_than_the_vendor_takes(
    limit: str, most: int, sizes: list[int], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, limit, most)
    vendor = Vendor()
    assert is_answered(run(process(journal, vendor, *range(10))), *range(10))
    assert vendor.sizes == sizes


def test_a_great_batch_is_taken_home_in_time_that_grows_with_its_lines() -> None:
    """By their square these would take a minute."""

    async def great() -> int:
        async def keep(line: BatchLine) -> None:
            kept.append(line)

        desk = BatchDesk(journal, Vendor(), "account", 30.0, keep)
        await asyncio.gather(*(desk.ask(key(i), {"i": i}) for i in range(20_000)))
        return len(kept)

    kept: list[BatchLine] = []
    with Held(None) as journal:
        assert run(great()) == 20_000


# What an earlier process did not live to see, and whether the vendor has the batch.
MOMENTS = [("hand_in", False), ("late hand_in", True), ("look", True), ("", True)]


@pytest.mark.parametrize(("moment", "is_there"), MOMENTS, ids=[moment or "waiting" for moment, _ in MOMENTS])
def test_after_a_crash_nothing_is_asked_twice_and_nothing_is_lost(
    moment: str, is_there: bool, journal: Journal
) -> None:
    vendor = Vendor(hangs=moment)
    assert run(process(journal, vendor, *range(5), dies_s=600.0)) == {}
    assert len(journal.open_batches("account")) == 1
    vendor.hangs = ""
    told = run(process(journal, vendor, *range(8)))
    if is_there:
        assert is_answered(told, *range(8))
    else:
        assert reasons(told) == dict.fromkeys(range(5), "not_handed_in")
        assert is_answered(told, 5, 6, 7)
        told = run(process(journal, vendor, *range(5)))
        assert is_answered(told, *range(5))
    assert vendor.asked == Counter(key(i) for i in range(8))
    assert journal.spent().attempts == 8
    assert journal.open_batches("account") == []


def test_what_an_earlier_process_asked_is_taken_home_though_nobody_asks_again(journal: Journal) -> None:
    vendor = Vendor()
    run(process(journal, vendor, 0, 1, dies_s=60.0))
    vendor.takes_s = 0.0
    run(process(journal, vendor, 7))
    assert [journal.answer(key(i)) for i in (0, 1, 7)] == [{"i": 0}, {"i": 1}, {"i": 7}]


def test_batches_of_another_account_are_left_alone(journal: Journal) -> None:
    async def other() -> None:
        [batch] = journal.open_batches("account")
        await journal.put_batch(replace(batch, account="other"))

    vendor = Vendor()
    run(process(journal, vendor, 0, dies_s=60.0))
    asyncio.run(other())
    assert is_answered(run(process(journal, vendor, 1)), 1)
    assert journal.answer(key(0)) is None


@pytest.mark.parametrize(
    ("word", "reason"),
    [("expired", "expired"), ("cancelled", "cancelled"), ("completed", "no_answer"), ("", "no_answer")],
)
def test_a_line_that_does_not_come_back_is_told_and_those_that_do_are_kept(
    word: str, reason: str, journal: Journal
) -> None:
    vendor = Vendor(word=word, comes_back=lambda lines: answers_to(lines)[:2])
    told = run(process(journal, vendor, *range(4)))
    assert is_answered(told, 0, 1)
    assert reasons(told) == {2: reason, 3: reason}
    assert journal.spent().attempts == 2
    assert journal.open_batches("account") == []
    vendor.comes_back = answers_to
    assert is_answered(run(process(journal, vendor, 2, 3)), 2, 3)


def test_lines_that_nobody_asked_for_are_not_kept(journal: Journal) -> None:
    vendor = Vendor(comes_back=lambda lines: [*answers_to(lines), BatchLine(key(999), 200, {"i": 999})])
    assert is_answered(run(process(journal, vendor, 0)), 0)
    assert journal.spent().attempts == 1


def test_a_line_with_an_error_is_an_answer_too(journal: Journal) -> None:
    vendor = Vendor(comes_back=lambda lines: [BatchLine(lines[0][0], 400, error="too long"), *answers_to(lines[1:])])
    told = run(process(journal, vendor, 0, 1))
    assert cast(BatchLine, told[1]).status == 200
    assert cast(BatchLine, told[0]).error == "too long"


@pytest.mark.parametrize("moment", ["hand_in", "late hand_in"])
def test_a_connection_that_is_lost_on_the_way_makes_no_second_batch(moment: str, journal: Journal) -> None:
    vendor = Vendor(faults={moment: [AWAY]})
    assert is_answered(run(process(journal, vendor, *range(3))), *range(3))
    assert vendor.asked == Counter(key(i) for i in range(3))


@pytest.mark.parametrize(("faults", "reason"), [([BAD_KEY], "http_401"), ([AWAY] * 5, "connection")])
def test_a_batch_that_is_not_taken_is_told_to_everybody(
    faults: list[Unanswered], reason: str, journal: Journal
) -> None:
    vendor = Vendor(faults={"hand_in": list(faults)})
    assert reasons(run(process(journal, vendor, *range(3)))) == dict.fromkeys(range(3), reason)
    assert vendor.sizes == []


def test_a_vendor_that_is_away_for_a_while_costs_no_answer(journal: Journal) -> None:
    """The batch goes on without us: half an hour without a network is no reason to lose it."""
    vendor = Vendor(faults={"look": [AWAY] * 60})
    assert is_answered(run(process(journal, vendor, *range(3))), *range(3))


@pytest.mark.parametrize(("faults", "reason"), [([BAD_KEY], "http_401"), ([AWAY] * 1_000, "connection")])
def test_a_batch_that_cannot_be_looked_at_is_taken_home_later(
    faults: list[Unanswered], reason: str, journal: Journal
) -> None:
    vendor = Vendor(faults={"look": list(faults)})
    assert reasons(run(process(journal, vendor, 0, 1))) == {0: reason, 1: reason}
    vendor.faults.clear()
    vendor.takes_s = 0.0
    assert is_answered(run(process(journal, vendor, 0, 1)), 0, 1)
    assert vendor.sizes == [2]


def test_a_journal_that_fails_is_told_and_the_batch_stays_open(journal: Journal) -> None:
    async def fails() -> list[Any]:
        async def keep(line: BatchLine) -> None:
            raise JournalError("no room")

        desk = BatchDesk(journal, vendor, "account", 30.0, keep)
        return await asyncio.gather(*(desk.ask(key(i), {"i": i}) for i in range(3)), return_exceptions=True)

    vendor = Vendor()
    assert [type(told) for told in run(fails())] == [JournalError] * 3
    assert is_answered(run(process(journal, vendor, *range(3))), *range(3))
    assert vendor.sizes == [3]


def test_a_desk_that_is_closed_hands_nothing_in(journal: Journal) -> None:
    async def leaves() -> None:
        async def keep(line: BatchLine) -> None:
            pass

        desk = BatchDesk(journal, vendor, "account", 30.0, keep)
        asking = asyncio.ensure_future(desk.ask(key(0), {"i": 0}))
        await asyncio.sleep(0.1)
        asking.cancel()
        await desk.close()
        await asyncio.sleep(60.0)

    vendor = Vendor()
    run(leaves())
    assert vendor.sizes == []
    assert journal.open_batches("account") == []


@dataclass
class Batches:
    """As much of an endpoint as says whether it takes batches."""

    batch: bool
    poll_s: float = 30.0

    def connect_batches(self) -> Any: ...


def test_a_source_has_a_whole_batch_of_rows_under_way() -> None:
    assert rows_ahead(cast(Endpoint, Batches(True))) == batches.MOST_LINES
    assert rows_ahead(cast(Endpoint, Batches(False))) == rows_ahead(cast(Endpoint, object())) < 1_000
