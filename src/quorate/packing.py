"""Packing: vote rows as integers, whose order is the lexicographic order of the rows, to count and sort them by.

A row of votes int16[m] of `k` labels is a number of `m` digits to the base `k + 1`. Digits are summed as floats by one
matrix product, which is exact while every sum fits the mantissa; a row too wide for that is several numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Up to so many possible rows, as a power of two, are counted in a table, without sorting.
_TABLE_BITS = 22
_MANTISSA_BITS = 53
# Cells that are held as floats at a time, so that they stay in the cache.
_CELLS_AT_A_TIME = 1 << 18
_CODES_AT_A_TIME = 1 << 16
# Digits are read from an integer so many bits at a time, by looking them up.
_GROUP_BITS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """`matrix` int16[p, m] in lexicographic order, `counts` int64[p] rows of each, `where` intp[n] each row's place."""

    matrix: NDArray[np.int16]
    counts: NDArray[np.int64]
    where: NDArray[np.intp]


def distinct(matrix: NDArray[np.int16], classes: int) -> Distinct:
    """The distinct rows of votes int16[n, m] of so many labels, -1 where there is none."""
    m, base = matrix.shape[1], classes + 1
    if fits_table(m, classes):
        codes = _packed(matrix, base, np.float32)
        counts = np.bincount(codes, minlength=base**m)
        found = np.flatnonzero(counts)
        place = np.cumsum(counts > 0, dtype=np.intp) - 1
        for first in range(0, len(codes), _CODES_AT_A_TIME):
            # In place, and a part at a time: another array of so many rows takes longer to get than to fill.
            codes[first : first + _CODES_AT_A_TIME] = place.take(codes[first : first + _CODES_AT_A_TIME])
        return Distinct(unpacked(found, m, classes), counts[found], codes)
    order, starts = _sorted(list(words(matrix, classes)))
    counts = np.diff(starts, append=len(order))
    where = np.empty(len(order), np.intp)
    where[order] = np.repeat(np.arange(len(starts)), counts)
    return Distinct(matrix.take(order[starts], axis=0), counts, where)


def fits_table(sources: int, classes: int) -> bool:
    """Whether the rows that there can be are so few that they are counted in a table of all of them."""
    return sources * log2(classes + 1) <= _TABLE_BITS


def looked_up(matrix: NDArray[np.int16], classes: int) -> Callable[[NDArray[np.int16]], NDArray[np.intp]]:
    """What tells the places of rows among these distinct rows, where all that there can be fit a table."""
    base = classes + 1
    places = np.zeros(base ** matrix.shape[1], np.int32)
    places[_packed(matrix, base, np.float32)] = np.arange(len(matrix))
    return lambda rows: places[_packed(rows, base, np.float32)].astype(np.intp)


def scrambled(words: Iterable[NDArray[np.int64]]) -> NDArray[np.float64]:
    """A number in [0, 1) that looks random for each row of integers and depends on them alone (after splitmix64)."""
    mixed: Any = np.uint64(0)
    for word in words:
        mixed = mixed + (word.view(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray((mixed >> np.uint64(11)) / float(1 << 53))


def unpacked(codes: NDArray[Any], sources: int, classes: int) -> NDArray[np.int16]:
    """The rows of votes int16[p, m] that integers stand for."""
    base = classes + 1
    group = max(int(_GROUP_BITS / log2(base)), 1)
    digits = np.arange(base**group)[:, None] // base ** np.arange(group - 1, -1, -1) % base
    rows = (digits - 1).astype(np.int16)
    matrix = np.empty((len(codes), sources), np.int16)
    rest = codes
    for end in range(sources, 0, -group):
        rest, place = np.divmod(rest, base**group)
        first = max(end - group, 0)
        matrix[:, first:end] = rows.take(place, axis=0)[:, first - end :]
    return matrix


def words(matrix: NDArray[np.int16], classes: int) -> Iterator[NDArray[Any]]:
    """The rows as integers, the most significant first, each of as many sources as 53 bits hold."""
    base = classes + 1
    width = int((_MANTISSA_BITS - 1) / log2(base))
    for first in range(0, max(matrix.shape[1], 1), width):
        yield _packed(matrix[:, first : first + width], base, np.float64)


def _packed(matrix: NDArray[np.int16], base: int, dtype: Any) -> NDArray[np.int64]:
    n, m = matrix.shape
    powers = float(base) ** np.arange(m - 1, -1, -1)
    codes = np.empty(n, np.int64)
    step = max(_CELLS_AT_A_TIME // max(m, 1), 1)
    for first in range(0, n, step):
        # An abstention is -1, the digit 0.
        codes[first : first + step] = matrix[first : first + step].astype(dtype) @ powers.astype(dtype) + powers.sum()
    return codes


def _sorted(words: list[NDArray[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows in order, intp[n], and where in that order another row begins, intp[p]."""
    order = np.argsort(words[0])
    new = _differs(words[0][order])
    for word in words[1:]:
        # Only rows that are alike so far are sorted any further.
        tied = np.flatnonzero(~(new & np.append(new[1:], True)))
        if not len(tied):
            break
        rows, group = order[tied], np.cumsum(new)[tied]
        within = np.lexsort((word[rows], group))
        order[tied] = rows[within]
        new[tied] |= _differs(word[order[tied]])
    return order, np.flatnonzero(new)


def _differs(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a value is not that before it; the first is not."""
    new = np.ones(len(values), bool)
    new[1:] = values[1:] != values[:-1]
    return new
