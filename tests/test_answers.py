"""What a model's words say about labels: what is read, what is refused, and that nothing is ever guessed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.answers import Heard, Reader, describe, frequencies
from quorate.tokens import token_probabilities
from quorate.values import ABSTAIN, LabelSpace
from quorate.wire import Said, Token

SPACE = LabelSpace(
    ("HAM", "NOT_SPAM", "SPAM"), {"SPAM": "unwanted"}, {"junk": "SPAM", "fine": "HAM", "not spam": "NOT_SPAM"}
)
READER = Reader(SPACE, "CANNOT_TELL")
HAM, NOT_SPAM, SPAM = range(3)


def label(text: str, reader: Reader = READER) -> int | str:
    """The label int of an answer, or the reason why it has none."""
    heard = reader.read(Said(text))
    assert not heard.reason or heard.label == ABSTAIN
    assert bool(heard.reason) == bool(heard.message)
    return heard.reason or heard.label


# ---- stages ---------------------------------------------------------------------------------------------------------


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
        (("one of the two longest names there are on earth", "b"), "one of the two longest names there are on earth", 0),
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


WORDS = st.sampled_from(
    ["SPAM", "ham", "junk", "NOT_SPAM", "CANNOT_TELL", "EGGS", '"', "{", "}", '{"label":', "label", "```", "json"]
    + ["\n", " ", ":", "[", "]", "null", "1", "\ud83d"]
)
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
        meant = [SPACE.names[heard.label], *(a for a, name in SPACE.aliases.items() if SPACE.index(name) == heard.label)]
        named = said.text if said.text.strip() else " ".join(said.distribution or {})
        assert any(name.casefold() in named.casefold() for name in meant)
    if heard.distribution is not None:
        assert heard.distribution.sum() == pytest.approx(1.0)
        assert (heard.distribution >= 0).all()
        assert heard.distribution[heard.label] == pytest.approx(heard.distribution.max())


# ---- distributions --------------------------------------------------------------------------------------------------


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


# ---- log-probabilities ----------------------------------------------------------------------------------------------


def token(text: str, p: float, **others: float) -> Token:
    return Token(text, float(np.log(p)), {piece: float(np.log(q)) for piece, q in {text: p, **others}.items()})


def probabilities(tokens: list[Token], choices: tuple[str, ...], named: str) -> dict[str, float] | None:
    found = token_probabilities("".join(t.text for t in tokens), tokens, choices, named)
    return None if found is None else {name: round(p, 6) for name, p in found.items()}


CASES: list[tuple[str, list[Token], tuple[str, ...], str, dict[str, float] | None]] = [
    ("one token", [token("HAM", 0.6, SPAM=0.4)], ("HAM", "SPAM"), "HAM", {"HAM": 0.6, "SPAM": 0.4}),
    (
        "renormalised over the choices",
        [token("HAM", 0.3, SPAM=0.1, EGGS=0.5)],
        ("HAM", "SPAM"),
        "HAM",
        {"HAM": 0.75, "SPAM": 0.25},
    ),
    (
        "several tokens, and a beginning of the other",
        [token("NOT", 0.5, SP=0.5), token("_SPAM", 1.0)],
        ("NOT_SPAM", "SPAM"),
        "NOT_SPAM",
        {"NOT_SPAM": 0.5, "SPAM": 0.5},
    ),
    (
        "they part in the middle",
        [token("PO", 0.7, NEG=0.3), token("SITIVE", 0.6, LITE=0.4)],
        ("NEG", "POLITE", "POSITIVE"),
        "POSITIVE",
        {"NEG": 0.3, "POLITE": 0.28, "POSITIVE": 0.42},
    ),
    (
        "a beginning of two is shared",
        [token("NEG", 0.6, PO=0.4)],
        ("NEG", "POLITE", "POSITIVE"),
        "NEG",
        {"NEG": 0.6, "POLITE": 0.2, "POSITIVE": 0.2},
    ),
    (
        "another way to write the same",
        [token("HAM", 0.5, H=0.1, SPAM=0.4)],
        ("HAM", "SPAM"),
        "HAM",
        {"HAM": 0.6, "SPAM": 0.4},
    ),
    (
        "inside JSON, where the quote is a part of the token",
        [token('{"', 1.0), token("label", 1.0), token('":', 1.0), token(' "HAM', 0.8, **{' "SPAM': 0.2, " 'X": 0.1})]
        + [token('"}', 0.9, **{'"': 0.1})],
        ("HAM", "SPAM"),
        "HAM",
        {"HAM": 0.8, "SPAM": 0.2},
    ),
    (
        "a name that is spelled inside the key",
        [token('{"label": "', 1.0, **{'{"b': 0.4}), token("a", 0.7, b=0.3), token('"}', 1.0)],
        ("a", "b"),
        "a",
        {"a": 0.7, "b": 0.3},
    ),
    (
        "a name that begins another is open until its quote",
        [token('{"label":"', 1.0), token("1", 1.0), token('"}', 0.25, **{"0": 0.75})],
        ("1", "10"),
        "1",
        {"1": 0.25, "10": 0.75},
    ),
    (
        "a token that spells another name and runs past it",
        [token("SPAM", 0.5, **{'NOT_SPAM"': 0.3, 'NOT"': 0.2})],
        ("NOT", "NOT_SPAM", "SPAM"),
        "SPAM",
        {"NOT": 0.2, "NOT_SPAM": 0.3, "SPAM": 0.5},
    ),
    ("no alternatives", [Token("HAM", -0.5)], ("HAM", "SPAM"), "HAM", {"HAM": 1.0, "SPAM": 0.0}),
    ("impossible", [Token("HAM", float("-inf"))], ("HAM", "SPAM"), "HAM", None),
    ("no number", [Token("HAM", float("nan"))], ("HAM", "SPAM"), "HAM", None),
    ("no logarithm", [Token("HAM", 1_000.0)], ("HAM", "SPAM"), "HAM", None),
    ("an alternative that is no logarithm", [Token("HAM", -1.0, {"SPAM": 900.0})], ("HAM", "SPAM"), "HAM", None),
    ("rounding above zero", [Token("HAM", 1e-6, {"SPAM": -9999.0})], ("HAM", "SPAM"), "HAM", {"HAM": 1.0, "SPAM": 0.0}),
    ("no tokens", [], ("HAM", "SPAM"), "HAM", None),
    ("an alias", [token("junk", 1.0)], ("HAM", "SPAM"), "junk", None),
]


@pytest.mark.parametrize(("tokens", "choices", "named", "expected"), [case[1:] for case in CASES], ids=lambda v: "")
def test_probabilities_of_choices_from_tokens(
    tokens: list[Token], choices: tuple[str, ...], named: str, expected: dict[str, float] | None
) -> None:
    assert probabilities(tokens, choices, named) == expected


def test_tokens_of_another_text_tell_nothing() -> None:
    assert token_probabilities("HAM", [token("SPAM", 1.0)], ("HAM", "SPAM"), "HAM") is None


NAMES = st.lists(st.text("AB", min_size=1, max_size=4), min_size=2, max_size=5, unique=True)


@st.composite
def spellings(draw: st.DrawFn) -> tuple[dict[str, float], str, list[Token]]:
    """A model that is so sure of each name, the name that it says, and its tokens with every alternative."""
    names = draw(NAMES)
    weights = [draw(st.integers(1, 20)) for _ in names]
    sure = {name: w / sum(weights) for name, w in zip(names, weights, strict=True)}
    said = draw(st.sampled_from(names))
    tokens = [token('{"label":"', 1.0)]
    for i in range(len(said) + 1):
        ways: dict[str, float] = {}
        for name, p in sure.items():
            if name[:i] == said[:i]:
                ways[f'{name}"'[i]] = ways.get(f'{name}"'[i], 0.0) + p
        whole = sum(ways.values())
        ways = {piece: p / whole for piece, p in ways.items()}
        tokens.append(token(f'{said}"'[i], ways[f'{said}"'[i]], **ways))
    return sure, said, [*tokens, token("}", 1.0)]


@settings(deadline=None, max_examples=200)
@given(spellings())
def test_the_probability_of_what_was_said_is_that_of_its_whole_path(
    case: tuple[dict[str, float], str, list[Token]],
) -> None:
    sure, said, tokens = case
    found = token_probabilities("".join(t.text for t in tokens), tokens, list(sure), said)
    assert found is not None
    assert sum(found.values()) == pytest.approx(1.0)
    assert found[said] == pytest.approx(sure[said])


def test_the_reader_takes_the_probabilities_of_tokens_over_the_labels_alone() -> None:
    tokens = (token("SPAM", 0.6, HAM=0.2, CANNOT=0.2),)
    heard = READER.read(Said("SPAM", tokens=tokens))
    assert heard.distribution is not None
    assert heard.distribution.round(6).tolist() == [0.25, 0.0, 0.75]


# ---- several rows ---------------------------------------------------------------------------------------------------


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


# ---- samples --------------------------------------------------------------------------------------------------------


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


def test_every_choice_has_a_meaning_in_the_order_of_the_labels() -> None:
    assert list(describe(SPACE, "CANNOT_TELL")) == ["HAM", "NOT_SPAM", "SPAM", "CANNOT_TELL"]
    assert describe(SPACE, "") == {"HAM": "", "NOT_SPAM": "", "SPAM": "unwanted"}
