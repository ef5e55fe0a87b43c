"""Probabilities of choices from the tokens of an answer: exact where the tokens tell, and none where they do not."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.prompts.tokens import token_probabilities
from quorate.wire import Token


def token(text: str, p: float, **others: float) -> Token:
    return Token(text, log(p), {piece: log(q) for piece, q in {text: p, **others}.items()})


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
        [token('{"label":', 1.0), token(' "HAM', 0.8, **{' "SPAM': 0.2, " 'X": 0.1}), token('"}', 0.9, **{'"': 0.1})],
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
    ("no alternatives", [Token("HAM", log(0.6))], ("HAM", "SPAM"), "HAM", {"HAM": 0.6, "SPAM": 0.4}),
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


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        (("HAM", "SPAM"), {"HAM": 0.7, "SPAM": 0.3}),
        (("HAM", "SPAM", "EGGS"), {"HAM": 0.7, "SPAM": 0.15, "EGGS": 0.15}),
    ],
)
def test_where_only_the_tokens_that_stand_there_are_told_the_rest_is_shared(
    choices: tuple[str, ...], told: dict[str, float]
) -> None:
    answer = [Token('{"label": "', 0.0), Token("HAM", log(0.7)), Token('"}', 0.0)]
    assert probabilities(answer, choices, "HAM") == pytest.approx(told)
