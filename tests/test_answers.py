"""What a model's words say about labels: what is read, what is refused, and that nothing is ever guessed."""

from __future__ import annotations

import json
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.prompts.answers import Reader, describe
from quorate.values import ABSTAIN, LabelSpace
from quorate.wire import Said, Token

SPACE = LabelSpace(
    ("HAM", "NOT_SPAM", "SPAM"), {"SPAM": "unwanted"}, {"junk": "SPAM", "fine": "HAM", "not spam": "NOT_SPAM"}
)
READER = Reader(SPACE, "CANNOT_TELL")
HAM, NOT_SPAM, SPAM = range(3)
LONG = "a name with more words in it than most answers have"


def label(text: str, reader: Reader = READER) -> int | str:
    """The label int of an answer, or the reason why it has none."""
    heard = reader.read(Said(text))
    assert not heard.reason or heard.label == ABSTAIN
    assert bool(heard.reason) == bool(heard.message)
    return heard.reason or heard.label


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SPAM", SPAM),
        ("spam", SPAM),
        ("  Spam\n", SPAM),
        ('"SPAM"', SPAM),
        ("'spam'.", SPAM),
        ("“SPAM”", SPAM),
        ("**SPAM**", SPAM),
        ("`not  spam`", NOT_SPAM),
        ("NOT_SPAM", NOT_SPAM),
        ('{"label": "SPAM"}', SPAM),
        ('{"label": " spam "}', SPAM),
        ('{"label": "SPAM", "why": "it says HAM"}', SPAM),
        ('```json\n{"label": "SPAM"}\n```', SPAM),
        ('```\n{"label": "SPAM"}```', SPAM),
        ('Here you are:\n```JSON\n{"label": "SPAM"}\n```\nI hope that it helps.', SPAM),
        ("junk", SPAM),
        ("Fine.", HAM),
        ('{"label": "junk"}', SPAM),
    ],
)
def test_a_label_is_read_in_every_form_it_comes_in(text: str, expected: int) -> None:
    assert label(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("EGGS", "unknown_label"),
        ("SPAM or HAM", "unknown_label"),
        ("SPAMMY", "unknown_label"),
        ("not SPAM", NOT_SPAM),  # an alias, not a SPAM with a word before it
        ("It is SPAM", "unknown_label"),
        ('{"label": "EGGS"}', "unknown_label"),
        ('{"label": ""}', "unknown_label"),
        ('""', "unknown_label"),
        ('{"label": null}', "unparsable"),
        ('{"label": ["SPAM"]}', "unparsable"),
        ('{"label": {"name": "SPAM"}}', "unparsable"),
        ('{"answer": "SPAM"}', "unparsable"),
        ("{}", "unparsable"),
        ("[]", "unparsable"),
        ('["SPAM"]', "unparsable"),
        ('{"label": "SPAM"', "unknown_label"),
        ("I think that this comment is most likely to be SPAM", "unparsable"),
        ("", "empty"),
        (" \n\t", "empty"),
        ("[" * 100_000, "unknown_label"),
        ('{"label":' * 100_000, "unknown_label"),
    ],
)
def test_what_names_no_label_is_no_vote(text: str, reason: str | int) -> None:
    assert label(text) == reason


@pytest.mark.parametrize(
    "text", ["CANNOT_TELL", "cannot_tell", '"CANNOT_TELL"', " cannot_tell. ", '{"label": "Cannot_Tell"}']
)
def test_cannot_tell_abstains_and_is_no_failure(text: str) -> None:
    heard = READER.read(Said(text))
    assert (heard.label, heard.reason, heard.distribution) == (ABSTAIN, "", None)


@pytest.mark.parametrize("words", ["I don't know", "_unsure_", "n/a.", "*", "none  of these"])
def test_cannot_tell_may_be_any_words(words: str) -> None:
    reader = Reader(SPACE, words)
    assert label(words, reader) == label(json.dumps({"label": words.upper()}), reader) == ABSTAIN
    assert label(words) == "unknown_label"


def test_without_words_for_it_nobody_may_say_that_they_cannot_tell() -> None:
    assert label("CANNOT_TELL", Reader(SPACE)) == "unknown_label"


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (("1", "2", "10"), "10", 2),
        (("1", "2", "10"), '{"label": 1}', 0),
        (("1", "2", "10"), '{"label": 1.5}', "unparsable"),
        (("true", "false"), '{"label": false}', 1),
        (("true", "false"), "true", 0),
        (("yes", "no"), '{"label": true}', "unknown_label"),
        (("none", "some"), '{"label": null}', "unparsable"),
        (("null", "some"), '{"label": null}', "unparsable"),
        (("none", "some"), "None", 0),
        (('a "b" c', "d"), json.dumps({"label": 'a "b" c'}), 0),
        (("_x_", "x"), "_x_", 0),
        (("_x_", "x"), "x", 1),
        (("Größe", "ß"), "GRÖSSE", 0),
        (("A.", "B."), "a.", 0),
        ((LONG, "b"), LONG, 0),
        ((LONG, "b"), f"{LONG} or not", "unparsable"),
        ((LONG, "b"), json.dumps({"label": LONG}), 0),
    ],
)
def test_labels_may_have_odd_names(names: tuple[str, ...], text: str, expected: int | str) -> None:
    assert label(text, Reader(LabelSpace(names))) == expected


@pytest.mark.parametrize("reason", ["refused", "truncated", "filtered", "empty", "timeout"])
def test_an_answer_that_is_not_whole_is_not_read(reason: str) -> None:
    heard = READER.read(Said('{"label": "SPAM"}', reason, {"SPAM": 1.0}))
    assert (heard.label, heard.reason) == (ABSTAIN, reason)


def test_a_message_shows_what_was_said_in_short() -> None:
    heard = READER.read(Said("EGGS\n" + "and bacon " * 200))
    assert "EGGS and bacon" in heard.message
    assert len(heard.message) < 250


MARKS = ["\n", " ", ":", "[", "]", "null", "1", "\ud83d", '"', "{", "}", '{"label":', "label", "```", "json"]
WORDS = st.sampled_from([*MARKS, "SPAM", "ham", "junk", "NOT_SPAM", "CANNOT_TELL", "EGGS"])
TEXTS = st.lists(WORDS, max_size=12).map("".join) | st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=40)
DISTRIBUTIONS = st.none() | st.dictionaries(
    st.sampled_from([*SPACE.names, "junk", "CANNOT_TELL", "EGGS", ""]), st.floats(), max_size=5
)
LOGPROBS = st.floats() | st.sampled_from([0.0, -0.1, -9999.0, 1e6])


@st.composite
def sayings(draw: st.DrawFn) -> Said:
    """Anything that a model might say, with tokens that may or may not be those of the text."""
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    others = st.dictionaries(WORDS, LOGPROBS, max_size=3)
    tokens = tuple(Token(piece, draw(LOGPROBS), draw(others)) for piece in pieces)
    return Said(text, distribution=draw(DISTRIBUTIONS), tokens=tokens if draw(st.booleans()) else ())


@settings(deadline=None, max_examples=400)
@given(sayings())
def test_whatever_is_said_a_label_is_one_that_was_named(said: Said) -> None:
    heard = READER.read(said)
    assert heard.label == ABSTAIN or not heard.reason
    if heard.label != ABSTAIN:
        meant = [
            SPACE.names[heard.label],
            *(a for a, name in SPACE.aliases.items() if SPACE.index(name) == heard.label),
        ]
        named = said.text if said.text.strip() else " ".join(said.distribution or {})
        assert any(name.casefold() in named.casefold() for name in meant)
    if heard.distribution is not None:
        assert heard.distribution.sum() == pytest.approx(1.0)
        assert (heard.distribution >= 0).all()
        assert heard.distribution[heard.label] == pytest.approx(heard.distribution.max())


def certainty(distribution: dict[str, float], text: str = "SPAM") -> list[float] | None:
    found = READER.read(Said(text, distribution=distribution)).distribution
    return None if found is None else found.round(6).tolist()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"HAM": 0.1, "NOT_SPAM": 0.1, "SPAM": 0.8}, [0.1, 0.1, 0.8]),
        ({"SPAM": 1.0}, [0.0, 0.0, 1.0]),
        ({"HAM": 0.25, "junk": 0.75}, [0.25, 0.0, 0.75]),
        ({"HAM": 0.2, "SPAM": 0.6, "CANNOT_TELL": 0.2}, [0.25, 0.0, 0.75]),
        ({"HAM": 0.2, "SPAM": 0.79}, [0.20202, 0.0, 0.79798]),
        ({"HAM": 0.2, "SPAM": 0.6}, None),
        ({"HAM": 2.0, "SPAM": 8.0}, None),
        ({"HAM": -0.5, "SPAM": 1.5}, None),
        ({"EGGS": 0.1, "SPAM": 0.9}, None),
        ({"HAM": 0.9, "SPAM": 0.1}, None),
        ({"CANNOT_TELL": 1.0}, None),
        ({"SPAM": float("nan"), "HAM": 0.5}, None),
        ({"SPAM": float("inf")}, None),
        ({}, None),
    ],
)
def test_a_distribution_that_cannot_be_trusted_is_left_out_and_the_label_stays(
    given: dict[str, float], expected: list[float] | None
) -> None:
    assert certainty(given) == expected
    assert READER.read(Said("SPAM", distribution=given)).label == SPAM


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"HAM": 0.1, "SPAM": 0.9}, SPAM),
        ({"HAM": 3.0, "SPAM": 9.0}, SPAM),  # scores, not probabilities: the best is still the best
        ({"HAM": 0.5, "SPAM": 0.5}, ABSTAIN),
        ({"HAM": 0.3, "CANNOT_TELL": 0.7}, ABSTAIN),
        ({"HAM": 0.1, "EGGS": 0.9}, "unknown_label"),
        ({"HAM": 0.0, "SPAM": 0.0}, "empty"),
        ({"HAM": float("nan"), "SPAM": 0.9}, "empty"),
        ({}, "empty"),
    ],
)
def test_a_reply_without_words_says_its_likeliest_label_and_never_breaks_a_tie(
    given: dict[str, float], expected: int | str
) -> None:
    heard = READER.read(Said("", distribution=given))
    assert (heard.reason or heard.label) == expected


def test_the_reader_takes_the_probabilities_of_tokens_over_the_labels_alone() -> None:
    tokens = (Token("SPAM", log(0.6), {"HAM": log(0.2), "CANNOT": log(0.2)}),)
    heard = READER.read(Said("SPAM", tokens=tokens))
    assert heard.distribution is not None
    assert heard.distribution.round(6).tolist() == [0.25, 0.0, 0.75]


def test_every_choice_has_a_meaning_in_the_order_of_the_labels() -> None:
    assert list(describe(SPACE, "CANNOT_TELL")) == ["HAM", "NOT_SPAM", "SPAM", "CANNOT_TELL"]
    assert describe(SPACE, "") == {"HAM": "", "NOT_SPAM": "", "SPAM": "unwanted"}
