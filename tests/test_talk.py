"""The conversation about a row: what is asked, how often, and what becomes of answers that cannot be used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from quorate.asking.together import in_turn, together
from quorate.errors import EndpointStopped
from quorate.prompts.answers import Heard, Reader
from quorate.prompts.shots import Shot
from quorate.prompts.talk import SKIPPED, Talk
from quorate.protocols import Endpoint
from quorate.values import ABSTAIN, LabelSpace
from quorate.wire import Answer, NotAsked, Question, Said

SPACE = LabelSpace(("HAM", "SPAM"), {"SPAM": "unwanted"})
HAM, SPAM = range(2)
NOWHERE = cast(Endpoint, None)

Says = Callable[[Question], str | Answer]


@dataclass
class Desk:
    """Answers as told, and writes down what it was asked; an exception among the answers is raised."""

    says: Says | Iterator[Any]
    asks_again: bool = False
    asked: list[Question] = field(default_factory=list)
    again: list[Question] = field(default_factory=list)

    async def ask(self, endpoint: Endpoint, question: Question, again: bool = False) -> Answer:
        self.asked.append(question)
        self.again += [question] * again
        await asyncio.sleep(0)
        said = self.says(question) if callable(self.says) else next(self.says)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Answer) else Answer(Said(said))


def in_order(*said: Any, **kept: Any) -> Desk:
    return Desk(iter(said), **kept)


def talk(desk: Desk, **options: Any) -> Talk:
    return Talk(desk, NOWHERE, Reader(SPACE, "CANNOT_TELL"), **options)


def row(desk: Desk, prompt: str = "free money", shots: tuple[Shot, ...] = (), **options: Any) -> Heard:
    return asyncio.run(talk(desk, **options).row(prompt, shots))


def pack(desk: Desk, *prompts: str, **options: Any) -> list[Heard]:
    return asyncio.run(talk(desk, **options).pack(prompts))


def what(heard: Heard) -> int | str:
    return heard.reason or heard.label


def test_a_question_has_the_same_instructions_for_every_row_and_the_row_last() -> None:
    desk = in_order("HAM", "SPAM")
    shots = (Shot("a song", "HAM", "a song"), Shot("a channel", "SPAM", "a channel"))
    row(desk, "first", shots, instructions="Is it wanted?")
    row(desk, "second", shots, instructions="Is it wanted?")
    first, second = desk.asked
    assert first == replace(second, prompt="first")
    assert first.instructions.startswith("Is it wanted?\n\n")
    assert "- HAM\n- SPAM: unwanted\n- CANNOT_TELL: " in first.instructions
    assert first.choices == ("HAM", "SPAM", "CANNOT_TELL")
    assert [role for role, _ in first.turns] == ["user", "assistant", "user", "assistant"]


@pytest.mark.parametrize("name", ["SPAM", 'say "no"', "back\\slash", "zażółć"])
def test_examples_answer_in_the_form_that_is_asked_for(name: str) -> None:
    desk = in_order("HAM")
    row(desk, shots=(Shot("a channel", name, "a channel"),))
    assert json.loads(desk.asked[0].turns[1][1]) == {"label": name}


@pytest.mark.parametrize(
    ("said", "expected", "questions"),
    [
        (["SPAM"], SPAM, 1),
        (["CANNOT_TELL"], ABSTAIN, 1),
        (["EGGS", "SPAM"], SPAM, 2),
        (['{"answer": 1}', "SPAM"], SPAM, 2),
        (["EGGS", "CANNOT_TELL"], ABSTAIN, 2),
        (["EGGS", "BACON"], "unknown_label", 2),
        (["EGGS", "{}"], "unparsable", 2),
        (["EGGS", Answer(Said(reason="timeout"), "too late")], "timeout", 2),
        ([""], "empty", 1),
        ([Answer(Said("no", "refused"))], "refused", 1),
        ([Answer(Said("SPA", "truncated"))], "truncated", 1),
        ([Answer(Said(reason="http_400"), "HTTP 400")], "http_400", 1),
    ],
)
def test_an_answer_that_cannot_be_read_is_asked_about_once_more(
    said: list[str | Answer], expected: int | str, questions: int
) -> None:
    desk = in_order(*said)
    assert what(row(desk)) == expected
    assert len(desk.asked) == questions


def test_a_repair_shows_what_was_asked_and_answered() -> None:
    desk = in_order("EGGS", "SPAM")
    row(desk, "free money", (Shot("a song", "HAM", "a song"),))
    first, repair = desk.asked
    assert repair.turns == (*first.turns, ("user", "free money"), ("assistant", "EGGS"))
    assert "HAM, SPAM, CANNOT_TELL" in repair.prompt
    assert (repair.instructions, repair.choices) == (first.instructions, first.choices)


def test_without_repairs_a_bad_answer_is_a_failure_at_once() -> None:
    desk = in_order("EGGS")
    assert what(row(desk, repairs=False)) == "unknown_label"


def test_a_failure_tells_what_went_wrong() -> None:
    assert "EGGS" in row(in_order("EGGS"), repairs=False).message
    assert row(in_order(Answer(Said(reason="timeout"), "no answer within 60 s"))).message == "no answer within 60 s"


@pytest.mark.parametrize(
    ("is_kept", "asks_again", "expected", "questions"),
    [(True, True, SPAM, 2), (True, False, "unknown_label", 1), (False, True, "unknown_label", 1)],
)
def test_a_kept_answer_that_cannot_be_used_is_asked_again_where_that_is_wanted(
    is_kept: bool, asks_again: bool, expected: int | str, questions: int
) -> None:
    desk = in_order(Answer(Said("EGGS"), is_kept=is_kept), "SPAM", asks_again=asks_again)
    assert what(row(desk, repairs=False)) == expected
    assert len(desk.asked) == questions
    assert len(desk.again) == questions - 1


def test_samples_are_different_questions_and_vote() -> None:
    desk = in_order("SPAM", "HAM", "SPAM", "CANNOT_TELL")
    heard = row(desk, samples=4)
    assert [question.sample for question in desk.asked] == [0, 1, 2, 3]
    assert heard.label == SPAM
    assert heard.distribution is not None
    assert heard.distribution.tolist() == pytest.approx([1 / 3, 2 / 3])


def test_every_sample_has_a_repair_of_its_own() -> None:
    desk = Desk(lambda question: "SPAM" if "not one of" in question.prompt else "EGGS")
    assert row(desk, samples=3).label == SPAM
    assert sorted(question.sample for question in desk.asked) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("reason", ["offline", "budget"])
@pytest.mark.parametrize(
    "said", [[None], ["EGGS", None], ["SPAM", None, "SPAM"]], ids=["the row", "its repair", "a sample of it"]
)
def test_a_row_that_was_not_asked_about_is_skipped_and_not_failed(said: list[str | None], reason: str) -> None:
    desk = in_order(*(NotAsked(reason) if one is None else one for one in said))
    assert row(desk, samples=max(len(said) - 1, 1)) is SKIPPED


def test_samples_that_are_paid_for_are_waited_for_when_one_is_not_asked() -> None:
    done = []

    def says(question: Question) -> Any:
        done.append(question.sample)
        return NotAsked("budget") if question.sample == 0 else "SPAM"

    assert row(Desk(says), samples=5) is SKIPPED
    assert sorted(done) == [0, 1, 2, 3, 4]


def test_an_endpoint_that_stopped_ends_it_all() -> None:
    with pytest.raises(EndpointStopped, match="no quota"):
        row(in_order("SPAM", EndpointStopped("no quota"), "SPAM"), samples=3)


def rows_of(*answers: tuple[str, str]) -> str:
    return json.dumps({"answers": [{"id": i, "label": name} for i, name in answers]})


def test_a_pack_is_one_question_and_its_rows_are_told_apart() -> None:
    desk = in_order(rows_of(("2", "SPAM"), ("1", "HAM"), ("3", "CANNOT_TELL")))
    assert [what(one) for one in pack(desk, "a song", "a channel", "a word")] == [HAM, SPAM, ABSTAIN]
    [question] = desk.asked
    assert question.rows == ("1", "2", "3")
    assert '<row id="2">\na channel\n</row>' in question.prompt


@pytest.mark.parametrize(
    "said",
    [
        rows_of(("1", "HAM")),
        rows_of(("1", "HAM"), ("1", "SPAM")),
        rows_of(("1", "HAM"), ("2", "SPAM"), ("3", "SPAM")),
        "HAM, SPAM",
        Answer(Said(rows_of(("1", "HAM"), ("2", "SPAM")), "truncated")),
        Answer(Said(reason="http_400"), "too long"),
    ],
)
def test_a_pack_that_does_not_match_is_asked_row_by_row(said: str | Answer) -> None:
    desk = Desk(lambda question: said if question.rows else "SPAM" if "channel" in question.prompt else "HAM")
    assert [what(one) for one in pack(desk, "a song", "a channel")] == [HAM, SPAM]
    assert [question.prompt for question in desk.asked[1:]] == ["a song", "a channel"]
    assert not any(question.rows for question in desk.asked[1:])


def test_one_bad_label_spoils_no_other_row_of_its_pack() -> None:
    desk = in_order(rows_of(("1", "EGGS"), ("2", "SPAM")))
    assert [what(one) for one in pack(desk, "a song", "a channel")] == ["unknown_label", SPAM]


def test_a_pack_that_was_not_asked_is_skipped_row_by_row() -> None:
    assert all(one is SKIPPED for one in pack(in_order(NotAsked("budget")), "a", "b"))


def test_rows_of_a_broken_pack_are_each_asked_or_skipped() -> None:
    def says(question: Question) -> Any:
        return "nonsense" if question.rows else NotAsked("budget") if question.prompt == "b" else "SPAM"

    first, second = pack(Desk(says), "a", "b")
    assert what(first) == SPAM
    assert second is SKIPPED


def test_the_first_error_of_many_is_the_one_that_is_raised_and_the_others_are_ended() -> None:
    ended = []

    async def waits(i: int) -> None:
        try:
            await asyncio.sleep(60.0)
        finally:
            ended.append(i)

    async def fails() -> None:
        await asyncio.sleep(0)
        raise EndpointStopped("no quota")

    async def all_of_them() -> None:
        await together([waits(0), together([waits(1), fails()]), waits(2)])

    with pytest.raises(EndpointStopped, match="no quota"):
        asyncio.run(all_of_them())
    assert sorted(ended) == [0, 1, 2]


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_every_item_is_worked_on_once_and_so_many_at_a_time(workers: int) -> None:
    done, now, most = [], 0, 0

    async def work(i: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        done.append(i)

    asyncio.run(in_turn(range(20), work, workers))
    assert sorted(done) == list(range(20))
    assert most == min(workers, 20)
