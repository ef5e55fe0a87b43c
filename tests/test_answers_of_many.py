"""Answers about several rows at once, and several answers about one row."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from quorate.prompts.answers import Heard, Reader, frequencies
from quorate.values import ABSTAIN, LabelSpace
from quorate.wire import Said

SPACE = LabelSpace(("HAM", "NOT_SPAM", "SPAM"), aliases={"junk": "SPAM"})
READER = Reader(SPACE, "CANNOT_TELL")
HAM, NOT_SPAM, SPAM = range(3)


def rows_of(*answers: tuple[Any, Any]) -> str:
    return json.dumps({"answers": [{"id": i, "label": name} for i, name in answers]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rows_of(("1", "HAM"), ("2", "SPAM")), [HAM, SPAM]),
        (rows_of(("2", "SPAM"), ("1", "HAM")), [HAM, SPAM]),
        (rows_of((1, "HAM"), (2, "junk")), [HAM, SPAM]),
        (rows_of(("1", "CANNOT_TELL"), ("2", "EGGS")), [ABSTAIN, "unknown_label"]),
        (rows_of(("1", None), ("2", "SPAM")), ["unknown_label", SPAM]),
        (f"```json\n{rows_of(('1', 'HAM'), ('2', 'SPAM'))}\n```", [HAM, SPAM]),
        (json.dumps([{"id": "1", "label": "HAM"}, {"id": "2", "label": "SPAM"}]), [HAM, SPAM]),
        (json.dumps([{"id": "1"}, {"id": "2", "label": "SPAM"}]), ["unknown_label", SPAM]),
        (rows_of(("1", "HAM")), None),
        (rows_of(("1", "HAM"), ("2", "SPAM"), ("3", "SPAM")), None),
        (rows_of(("1", "HAM"), ("1", "SPAM")), None),
        (rows_of(("1", "HAM"), (1, "SPAM")), None),
        (rows_of(("1", "HAM"), ("2", "SPAM"), ("2", "SPAM")), None),
        (rows_of(("1", "HAM"), ("two", "SPAM")), None),
        (rows_of(("1", "HAM"), (None, "SPAM")), None),
        ('{"answers": ["HAM", "SPAM"]}', None),
        ('{"answers": null}', None),
        ('{"label": "HAM"}', None),
        ("HAM, SPAM", None),
        ("", None),
    ],
)
def test_rows_are_heard_by_their_ids_or_not_at_all(text: str, expected: list[int | str] | None) -> None:
    heard = READER.read_rows(Said(text), ("1", "2"))
    assert (heard and [heard[i].reason or heard[i].label for i in ("1", "2")]) == expected


def test_no_label_of_a_pack_is_made_of_null() -> None:
    heard = Reader(LabelSpace(("none", "some"))).read_rows(Said(rows_of(("1", None))), ("1",))
    assert heard is not None
    assert heard["1"].reason == "unknown_label"


def test_rows_of_an_answer_that_is_not_whole_are_not_read() -> None:
    assert READER.read_rows(Said(rows_of(("1", "HAM")), "truncated"), ("1",)) is None


@pytest.mark.parametrize(
    ("samples", "expected", "distribution"),
    [
        ([SPAM], SPAM, [0.0, 0.0, 1.0]),
        ([SPAM, SPAM, HAM], SPAM, [1 / 3, 0.0, 2 / 3]),
        ([SPAM, HAM], ABSTAIN, None),
        ([ABSTAIN, ABSTAIN, SPAM], ABSTAIN, None),
        ([ABSTAIN, SPAM], ABSTAIN, None),
        ([ABSTAIN, SPAM, SPAM], SPAM, [0.0, 0.0, 1.0]),
        (["timeout", "refused", HAM], HAM, [1.0, 0.0, 0.0]),
    ],
)
def test_samples_vote_and_a_tie_abstains(
    samples: list[int | str], expected: int, distribution: list[float] | None
) -> None:
    heard = frequencies([Heard(one) if isinstance(one, int) else Heard(reason=one) for one in samples], 3)
    assert (heard.label, heard.reason) == (expected, "")
    assert (None if heard.distribution is None else heard.distribution.tolist()) == (
        distribution and pytest.approx(distribution)
    )


def test_samples_that_all_failed_fail_as_the_first() -> None:
    heard = frequencies([Heard(reason="timeout", message="too late"), Heard(reason="refused")], 3)
    assert (heard.reason, heard.message) == ("timeout", "too late")


def test_the_order_of_samples_is_of_no_account() -> None:
    samples = [Heard(SPAM), Heard(HAM), Heard(SPAM), Heard(), Heard(reason="timeout")]
    a, b = frequencies(samples, 3), frequencies(samples[::-1], 3)
    assert a.label == b.label == SPAM
    np.testing.assert_array_equal(a.distribution, b.distribution)
