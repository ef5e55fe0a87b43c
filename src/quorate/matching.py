"""Text matching over a whole Arrow column by RE2: linear time, no Python call per row."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quorate.errors import PluginError, TableError
from quorate.fingerprint import fingerprint
from quorate.rows import Rows
from quorate.values import ABSTAIN, LabelSpace, VoteColumn

# RE2 refuses programs past 8 MB; a few hundred terms an expression stay far below it.
_TERMS_PER_EXPRESSION = 400
# RE2 takes a backslash before ASCII punctuation alone.
_SPECIAL = re.compile(r"[!-/:-@\[-^`{-~]")
_OPEN, _CLOSE, _FOUND = "\ufdd0", "\ufdd1", "\ufdd2"
_SPACE = r"[\s\v\pZ\x{1c}-\x{1f}\x{85}]+"
# Letters, digits and the marks that complete them.
_START, _END = r"(?:^|[^\pL\pN\pM])", r"(?:$|[^\pL\pN\pM])"


def expressions(terms: Iterable[str], whole_words: bool) -> list[str]:
    """RE2 expressions that together match any of the terms; spaces in a term match any white space.

    A whole word has no letter or digit of any script beside it, checked only where the term itself ends in one.
    """
    edges: dict[tuple[str, str], list[str]] = defaultdict(list)
    for term in sorted({" ".join(term.split()) for term in terms} - {""}):
        before = _START if whole_words and _is_letter(term[0]) else ""
        after = _END if whole_words and _is_letter(term[-1]) else ""
        edges[before, after].append(_SPACE.join(_escaped(word) for word in term.split()))
    # The edge stands once around all terms: written around each, it costs RE2 hundreds of times as much.
    return [
        f"{before}(?:{'|'.join(bodies[i : i + _TERMS_PER_EXPRESSION])}){after}"
        for (before, after), bodies in sorted(edges.items())
        for i in range(0, len(bodies), _TERMS_PER_EXPRESSION)
    ]


def matches(column: pa.Array, patterns: Sequence[str], ignore_case: bool) -> NDArray[np.bool_]:
    """Whether any pattern is found in each cell, bool[n]; null cells match nothing."""
    found = np.zeros(len(column), np.bool_)
    for pattern in patterns:
        hits = pc.match_substring_regex(column, pattern, ignore_case=ignore_case)
        found |= pc.fill_null(hits, False).to_numpy(zero_copy_only=False)
    return found


def spans(text: str, patterns: Sequence[str], ignore_case: bool) -> list[tuple[int, int]]:
    """Where the patterns are found in a text: start and end of each match in characters, in order.

    Beside a whole word the expression also takes the character before and after it; those are left out.
    """
    plain = re.sub(f"[{_OPEN}{_CLOSE}{_FOUND}]", " ", text).encode("utf-8", "replace").decode()
    return sorted({place for pattern in patterns for place in _places(plain, pattern, ignore_case)})


def _places(text: str, pattern: str, ignore_case: bool) -> Iterator[tuple[int, int]]:
    core = pattern.removeprefix(_START).removesuffix(_END)
    found = _found(text, core, ignore_case, False)
    # The edges of words are most of what RE2 has to compile; where a look at the neighbours will do, they are not.
    begins, ends = pattern.startswith(_START), pattern.endswith(_END)
    if all(_is_alone(text, place, begins, ends) for place in found):
        yield from found
        return
    while found := _found(text, pattern, ignore_case, True):
        yield from found
        # Neighbours share the character between them, so that one of them was missed: once more, without these.
        for start, end in found:
            text = text[:start] + _FOUND * (end - start) + text[end:]


def _found(text: str, pattern: str, ignore_case: bool, is_whole_word: bool) -> list[tuple[int, int]]:
    # Characters that no text holds (Unicode keeps them out of interchange) stand around each match.
    flagged = f"(?i:{pattern})" if ignore_case else pattern
    marked = pc.replace_substring_regex(pa.array([text]), flagged, rf"{_OPEN}\0{_CLOSE}")[0].as_py()
    return list(_between_marks(marked, is_whole_word))


def _is_alone(text: str, place: tuple[int, int], begins: bool, ends: bool) -> bool:
    start, end = place
    beside = (text[start - 1 : start] if begins else "", text[end : end + 1] if ends else "")
    return not any(neighbour and unicodedata.category(neighbour)[0] in "LNM" for neighbour in beside)


def _between_marks(marked: str, is_whole_word: bool) -> Iterator[tuple[int, int]]:
    at = 0
    for piece in marked.split(_OPEN):
        inside, closed, after = piece.partition(_CLOSE)
        core = inside.strip() if not is_whole_word else re.sub(r"^[^\w]+|[^\w]+$", "", inside)
        if closed and core:
            start = at + inside.index(core)
            yield start, start + len(core)
        at += len(inside) + len(after)


def check_expression(pattern: str, name: str) -> None:
    """
    Raises:
        PluginError: RE2 cannot run it (it has no look-around and no back-references).
    """
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        raise PluginError(
            f"pattern of {name!r} is not a regular expression that RE2 can run: {reason}. RE2 has no look-around and "
            "no back-references; write a labeling function for those"
        ) from None


@dataclass(frozen=True, kw_only=True)
class PatternSource:
    """What keyword lists, expressions and gazetteers share: votes `label` wherever a pattern is in the column."""

    kind: ClassVar[str] = "sources"
    family: ClassVar[str] = "rule"

    name: str
    label: str
    column: str = "text"
    ignore_case: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)

    @property
    def patterns(self) -> Sequence[str]:
        """The RE2 expressions; each kind of pattern source has its own."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        return fingerprint("pattern", self.label, list(self.patterns), self.column, self.ignore_case)

    def check(self, rows: Rows) -> None:
        """
        Raises:
            TableError: the column is not text.
        """
        _text_column(rows, self.column, self.name)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where in the text a pattern is found."""
        return spans(text, self.patterns, self.ignore_case)

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        found = matches(_text_column(rows, self.column, self.name), self.patterns, self.ignore_case)
        labels = np.where(found, space.index(self.label), ABSTAIN)
        return VoteColumn.hard(labels)


def _text_column(rows: Rows, column: str, name: str) -> pa.Array:
    cells = rows.arrow(column)
    held = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    if pa.types.is_string(held) and held is cells.type:
        return cells
    if any(is_text(held) for is_text in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)):
        return cells.cast(pa.large_string())
    if pa.types.is_null(held):
        return cells.cast(pa.string())
    raise TableError(f"source {name!r} searches column {column!r} for text, but it holds {cells.type}")


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _escaped(word: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", word)
