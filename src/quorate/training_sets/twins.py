"""Twins: rows of the same text in a table of any size, from eight bytes a row.

Here near-duplicates are texts that differ in case, punctuation and spaces alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.training_sets.duplicates import without_differences
from quorate.training_sets.splits import place_of

Ints = NDArray[np.intp]
_AT_ONCE = 1_000_000


def hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Of each text, uint64[n], the same where texts differ in case, punctuation and spaces alone.

    Two others share one by a chance of one in 2^64, and are in one split then.
    """
    made = b"".join(blake2b(without_differences(text).encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(made, "<u8").astype(np.uint64)


@dataclass(frozen=True, eq=False)
class Twins:
    """The clusters of a table: those of more than one row by their hash, uint64[c] in order, with the position of
    their first row and how many rows they have, intp[c] each, and its place among splits, float64[c]."""

    rows: NDArray[np.uint64] | None
    keys: NDArray[np.uint64]
    first: Ints
    sizes: Ints
    places: NDArray[np.float64]

    @staticmethod
    def of(rows: NDArray[np.uint64] | None) -> Twins:
        """From the hash of each row, uint64[n], which may lie on the disk; None where every row stands alone."""
        if rows is None:
            none = np.zeros(0, np.intp)
            return Twins(None, np.zeros(0, np.uint64), none, none, np.zeros(0))
        ordered = np.sort(rows)
        keys = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        sizes = np.searchsorted(ordered, keys, "right") - np.searchsorted(ordered, keys, "left")
        del ordered
        twins = Twins(rows, keys, np.full(len(keys), -1), np.asarray(sizes, np.intp), np.full(len(keys), np.nan))
        for begin in range(0, len(rows), _AT_ONCE):
            at = twins.at(begin, min(begin + _AT_ONCE, len(rows)))
            found, row = np.unique(at, return_index=True)
            found, row = found[found >= 0], row[found >= 0]
            fresh = twins.first[found] < 0
            twins.first[found[fresh]] = begin + row[fresh]
        return twins

    def at(self, begin: int, end: int) -> Ints:
        """Which of the clusters each of these rows is in, intp[n], -1 where it is alone."""
        if self.rows is None or not len(self.keys):
            return np.full(end - begin, -1, np.intp)
        wanted = self.rows[begin:end]
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, at, -1)

    def clusters(self, begin: int, end: int) -> tuple[Ints, Ints]:
        """The cluster of each of these rows, and how many rows it has."""
        at = self.at(begin, end)
        shared = np.flatnonzero(at >= 0)
        cluster, sizes = np.arange(begin, end), np.ones(end - begin, np.intp)
        cluster[shared], sizes[shared] = self.first[at[shared]], self.sizes[at[shared]]
        return cluster, sizes

    def part(self, begin: int, ids: pa.StringArray) -> Part:
        """The rows with these ids, which stand here; those before them were asked for before."""
        end = begin + len(ids)
        at, (cluster, sizes) = self.at(begin, end), self.clusters(begin, end)
        leads = cluster == np.arange(begin, end)
        places = np.fromiter(_places(ids, leads), np.float64, len(ids))
        named = leads & (at >= 0)
        self.places[at[named]] = places[named]
        places[~leads] = self.places[at[~leads]]
        return Part(cluster, places, sizes)


@dataclass(frozen=True, eq=False)
class Part:
    """The cluster of each of some rows: the position of its first row intp[n], its place among splits float64[n], and
    how many rows it has, intp[n]."""

    cluster: Ints
    places: NDArray[np.float64]
    sizes: Ints

    def of(self, at: Ints) -> Part:
        """Those of the rows at these places."""
        return Part(self.cluster[at], self.places[at], self.sizes[at])


def _places(ids: pa.StringArray, wanted: NDArray[np.bool_]) -> Iterator[float]:
    for row_id, is_wanted in zip(ids.to_pylist(), wanted.tolist(), strict=True):
        yield place_of(row_id) if is_wanted else np.nan
