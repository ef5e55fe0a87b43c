"""Parts of the data where A against B may be another story: by length, script, columns of few values, and rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from quorate.comparing.candidates import Candidates
from quorate.comparing.paired import ONLY_A, ONLY_B, pair_draws
from quorate.comparing.population import Population
from quorate.estimating.estimates import Estimated, estimated
from quorate.values import ABSTAIN

_MOST_VALUES = 12
_MOST_RULES = 60
_FEWEST_SETTLED = 5
_FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True)
class Slice:
    """A part of the rows: how many, how many settled disagreements, A - B there, its p-value and whether it stands
    when all slices are asked about (Benjamini-Hochberg, 5 % false discoveries).

    `turns` says that the difference has the other sign than overall.
    """

    name: str
    rows: int
    settled: int
    disagree: float
    difference: Estimated | None
    p_value: float | None
    stands: bool = False
    turns: bool = False


def slices(candidates: Candidates, population: Population, a: str, b: str) -> list[Slice]:
    """Every slice, those with the strongest evidence first; where too few rows are settled, how far A and B differ."""
    one, other = candidates.column(a), candidates.column(b)
    settled = len(population.settled) > 0
    whole = _difference(population, one, other, np.ones(len(one), bool)) if settled else None
    overall = whole.value if whole else 0.0
    differ = one != other
    found = []
    for name, inside in _parts(candidates):
        rows = int(inside.sum())
        if rows == 0 or rows == len(one):
            continue
        here = int((inside & differ)[population.settled.position].sum()) if settled else 0
        difference, p_value = _told(population, one, other, inside) if here >= _FEWEST_SETTLED else (None, None)
        found.append(Slice(name, rows, here, float(differ[inside].mean()), difference, p_value))
    return _controlled(found, overall)


def _told(
    population: Population, a: NDArray[np.int16], b: NDArray[np.int16], inside: NDArray[np.bool_]
) -> tuple[Estimated, float]:
    drawn = _drawn(population, a, b, inside)
    lower = min((drawn > 0).mean(), (drawn < 0).mean()) + (drawn == 0).mean() / 2
    rows = int(inside[population.settled.position].sum())
    return estimated(drawn, rows), min(2 * max(float(lower), 0.5 / len(drawn)), 1.0)


def _difference(
    population: Population, a: NDArray[np.int16], b: NDArray[np.int16], inside: NDArray[np.bool_]
) -> Estimated:
    return estimated(_drawn(population, a, b, inside), len(population.settled))


def _drawn(
    population: Population, a: NDArray[np.int16], b: NDArray[np.int16], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Draws of A - B among the rows inside: they are a table of their own, sampled as the whole one."""
    total = pair_draws(population.among(inside), a[inside], b[inside]).sum(axis=1)
    return np.asarray(total[:, ONLY_A] - total[:, ONLY_B])


def _controlled(found: Sequence[Slice], overall: float) -> list[Slice]:
    """Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995)."""
    tested = sorted((s for s in found if s.p_value is not None), key=lambda s: s.p_value or 0.0)
    passing = [i for i, s in enumerate(tested, 1) if (s.p_value or 0.0) <= _FALSE_DISCOVERIES * i / len(tested)]
    last = max(passing, default=0)
    judged = [
        replace(s, stands=i <= last, turns=s.difference is not None and s.difference.value * overall < 0)
        for i, s in enumerate(tested, 1)
    ]
    return judged + sorted((s for s in found if s.p_value is None), key=lambda s: -s.disagree)


def _parts(candidates: Candidates) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    if candidates.text:
        texts = candidates.rows.arrow(candidates.text).cast(pa.string())
        yield from _by_length(texts)
        yield from _by_script(texts)
        yield from _by_language(texts)
    yield from _by_column(candidates)
    for name in candidates.others[:_MOST_RULES]:
        yield f"{name} votes", candidates.column(name) != ABSTAIN


def _by_length(texts: pa.Array) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    length = compute.fill_null(compute.utf8_length(texts), 0).to_numpy(zero_copy_only=False)
    low, high = np.quantile(length, [1 / 3, 2 / 3]) if len(length) else (0.0, 0.0)
    yield f"short texts (up to {low:.0f} characters)", length <= low
    yield f"texts of {low:.0f} to {high:.0f} characters", (length > low) & (length <= high)
    yield f"long texts (over {high:.0f} characters)", length > high


def _by_script(texts: pa.Array) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for name, scripts in (
        ("Cyrillic", "Cyrillic"),
        ("Chinese, Japanese or Korean", "Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul"),
        ("Arabic", "Arabic"),
    ):
        holds = compute.fill_null(compute.match_substring_regex(texts, f"[\\p{{{scripts}}}]"), False)
        yield f"texts with {name} letters", holds.to_numpy(zero_copy_only=False)
    digits = compute.fill_null(compute.match_substring_regex(texts, r"\p{Nd}"), False)
    yield "texts with digits", digits.to_numpy(zero_copy_only=False)
    links = compute.fill_null(compute.match_substring_regex(texts, r"https?://|www\."), False)
    yield "texts with a link", links.to_numpy(zero_copy_only=False)


_COMMON_WORDS = {
    "English": "the|and|is|you|of|to",
    "German": "der|und|ist|nicht|das|ich",
    "French": "le|les|est|et|une|des",
    "Spanish": "el|los|que|una|por|es",
    "Portuguese": "os|uma|para|com|que",
    "Italian": "il|che|di|una|per",
}


def _by_language(texts: pa.Array) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Texts by the language that their commonest words are of: a guess, good enough to part a table."""
    patterns = [rf"(?i)\b(?:{words})\b" for words in _COMMON_WORDS.values()]
    found = (compute.fill_null(compute.count_substring_regex(texts, pattern), 0) for pattern in patterns)
    counts = [each.to_numpy(zero_copy_only=False) for each in found]
    most = np.max(counts, axis=0)
    is_clear = (most > 0) & (np.sum([count == most for count in counts], axis=0) == 1)
    for name, count in zip(_COMMON_WORDS, counts, strict=True):
        yield f"texts that look {name}", is_clear & (count == most)


def _by_column(candidates: Candidates) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Columns of few values, each value a slice."""
    for name in candidates.rows.columns:
        column = candidates.rows.table.column(name)
        if name == candidates.text or not _is_countable(column.type):
            continue
        values = compute.unique(column.slice(0, 10_000))
        if not 2 <= len(values) <= _MOST_VALUES or len(compute.unique(column)) > _MOST_VALUES:
            continue
        for value in values.to_pylist():
            if value is not None and value != "":
                same = compute.fill_null(compute.equal(column, value), False)
                yield f"{name} = {value}", same.to_numpy()


def _is_countable(kind: pa.DataType) -> bool:
    return any(
        test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_boolean)
    )
