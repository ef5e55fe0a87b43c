"""candidates: the words, phrases, openings and shapes that a rule could look for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quorate.phrases import WORD, Phrases

_LONGEST = 3

# What RE2 and Python read alike: no look-around, no back-references.
_SHAPES = {
    "holds_web_address": ("a web address", r"(?i)https?://|\bwww\."),
    "holds_email": ("an e-mail address", r"[\w.+-]+@[\w-]+\.\w+"),
    "names_money": ("an amount of money", r"(?i)[$€£] ?\d|\d ?(?:[$€£]|usd\b|dollars\b|euros?\b)"),
    "holds_number": ("a number", r"\d"),
    "holds_long_number": ("a number of four digits or more", r"\d{4,}"),
    "ends_asking": ("a question mark at the end", r"\?\s*$"),
    "exclaims": ("several exclamation marks", r"!\s*!"),
    "shouts": ("a word in capital letters", r"\b[A-Z]{4,}\b"),
    "holds_html": ("an HTML tag", r"<[a-zA-Z/][^>]*>"),
    "holds_hashtag": ("a hashtag", r"#\w+"),
    "mentions_somebody": ("an @mention", r"(?:^|\s)@\w+"),
    "is_short": ("five words or fewer", r"^\s*\S+(?:\s+\S+){0,4}\s*$"),
    "is_long": ("fifty words or more", r"^\s*(?:\S+\s+){49}\S"),
}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A pattern to look for: a `name` for the rule, what it `says` in words, the expression, the rows that hold it.

    The expression means the same to Python's `re` and to RE2 where it is ASCII; `rows` intp[r].
    """

    name: str
    says: str
    pattern: str
    rows: NDArray[np.intp] = field(repr=False)
    phrase: str = ""


def candidates(texts: Sequence[str], fewest: int) -> Iterator[Candidate]:
    """Every candidate that at least `fewest` texts hold."""
    phrases = Phrases.of(texts, _LONGEST, fewest)
    for p, phrase in enumerate(phrases.names):
        yield Candidate(_named("says", phrase), f'"{phrase}"', rf"(?i)\b{_spaced(phrase)}\b", phrases.rows(p), phrase)
    yield from _openings(texts, fewest)
    for name, (says, pattern) in _SHAPES.items():
        rows = found(texts, pattern)
        if fewest <= len(rows) < len(texts):
            yield Candidate(name, says, pattern, rows)


def found(texts: Sequence[str], pattern: str) -> NDArray[np.intp]:
    """The places of the texts in which the expression is found."""
    search = re.compile(pattern).search
    return np.array([i for i, text in enumerate(texts) if search(text)], np.intp)


def _openings(texts: Sequence[str], fewest: int) -> Iterator[Candidate]:
    first = [[word.lower() for word in re.findall(WORD, text[:200])[:2]] for text in texts]
    for length in (1, 2):
        begun = [" ".join(words[:length]) if len(words) >= length else "" for words in first]
        for opening, count in sorted(Counter(begun).items()):
            if opening and count >= fewest:
                rows = np.array([i for i, begin in enumerate(begun) if begin == opening], np.intp)
                pattern = rf"(?i)^\W*{_spaced(opening)}\b"
                yield Candidate(_named("opens_with", opening), f'"{opening}" at the start', pattern, rows)


def _spaced(phrase: str) -> str:
    return r"\W+".join(re.escape(word) for word in phrase.split())


def _named(verb: str, phrase: str) -> str:
    return f"{verb}_{re.sub(r'[^0-9a-z]+', '_', phrase).strip('_') or 'this'}"
