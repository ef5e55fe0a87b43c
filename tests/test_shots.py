"""Few-shot examples: which are shown, in which order, and never the row that is asked about."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.prompts.shots import Shot, Shots

Choice = Literal["fixed", "similar"]


def shots(known: list[tuple[str, str]], count: int, choice: Choice = "fixed") -> Shots:
    return Shots(tuple(Shot(f"Comment: {text}", answer, text) for text, answer in known), count, choice)


def texts(found: tuple[Shot, ...]) -> list[str]:
    return [shot.text for shot in found]


SONGS = [(f"song {word}", "HAM") for word in ("one", "two", "three", "four")]
SPAMS = [(f"channel {word}", "SPAM") for word in ("one", "two")]


def test_fixed_examples_take_the_answers_in_turn() -> None:
    [found] = shots(SONGS + SPAMS, 5).of(["new"])
    assert [shot.answer for shot in found] == ["HAM", "SPAM", "HAM", "SPAM", "HAM"]


def test_fixed_examples_are_the_same_for_every_row_in_every_partition() -> None:
    few = shots(SONGS + SPAMS, 3)
    assert few.of(["a", "b", "c"]) == [few.of([""])[0]] * 3


def test_similar_examples_are_the_nearest_with_the_most_telling_last() -> None:
    known = [("a lovely song", "HAM"), ("check out my channel", "SPAM"), ("my lovely channel", "SPAM")]
    [found] = shots(known, 2, "similar").of(["please check out my new channel"])
    assert texts(found) == ["my lovely channel", "check out my channel"]


KNOWN = st.lists(st.tuples(st.sampled_from(["a", "b", "a b", "c d", "", "é"]), st.sampled_from("XY")), max_size=8)


@settings(deadline=None, max_examples=60)
@given(KNOWN, st.integers(0, 5), st.sampled_from(["fixed", "similar"]), st.lists(st.sampled_from(["a", "b", "z", ""])))
def test_as_many_examples_as_there_are_and_never_the_text_itself(
    known: list[tuple[str, str]], count: int, choice: Choice, asked: list[str]
) -> None:
    """However often the text stands in gold, and though it may be blank."""
    few = shots(known, count, choice)
    found = few.of(asked)
    assert len(found) == len(asked)
    for text, some in zip(asked, found, strict=True):
        others = [other for other, _ in known if other != text]
        assert text not in texts(some)
        assert len(some) == min(count, len(others))
    assert found == [few.of([text])[0] for text in asked], "a row's examples do not depend on the rows beside it"


@pytest.mark.parametrize("choice", ["fixed", "similar"])
def test_without_gold_there_is_nothing_to_show(choice: Choice) -> None:
    assert shots([], 3, choice).of(["a", "b"]) == [(), ()]


@pytest.mark.parametrize(
    "other",
    [
        shots([*SONGS, ("more", "HAM")], 2),
        shots([*SONGS[:3], ("song four", "SPAM")], 2),
        shots(SONGS[::-1], 2),
        shots(SONGS, 3),
        shots(SONGS, 2, "similar"),
        Shots(tuple(Shot(f"Comment: {text}", answer, text.upper()) for text, answer in SONGS), 2, "fixed"),
    ],
)
def test_whatever_changes_the_examples_changes_the_fingerprint(other: Shots) -> None:
    assert other.fingerprint() != shots(SONGS, 2).fingerprint()
    assert shots(SONGS, 2).fingerprint() == shots(list(SONGS), 2).fingerprint()
