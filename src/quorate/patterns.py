"""VotePatterns: the distinct rows of the label matrix with their counts, which is all a label model needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.frozen import frozen_array
from quorate.packing import distinct
from quorate.values import ABSTAIN, Gold, LabelSpace, Votes


@dataclass(frozen=True, slots=True, eq=False)
class VotePatterns:
    """Distinct vote rows in lexicographic order, with how often each occurs.

    Shapes: `matrix` int16[p, m]; `counts` int64[p]; `gold` int64[p, k], how many rows of the pattern people settled
    as each label. `a + b` is associative and commutative, so any map-reduce engine can build it; all counts are
    integers, so the sum does not depend on how the rows were cut.
    """

    space: LabelSpace
    sources: tuple[str, ...]
    matrix: NDArray[np.int16]
    counts: NDArray[np.int64]
    gold: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, dtype in (("matrix", np.int16), ("counts", np.int64), ("gold", np.int64)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))

    @staticmethod
    def of(votes: Votes, gold: Gold | None = None) -> VotePatterns:
        """The patterns of some rows; `gold` is joined by row id."""
        return fold(votes, gold)[0]

    def __len__(self) -> int:
        return len(self.matrix)

    def __add__(self, other: VotePatterns) -> VotePatterns:
        if self.space.names != other.space.names or self.sources != other.sources:
            raise ValueError("vote patterns add up only over the same labels and the same sources")
        found = distinct(np.concatenate([self.matrix, other.matrix]), len(self.space))
        counts = np.zeros(len(found.matrix), np.int64)
        np.add.at(counts, found.where, np.concatenate([self.counts, other.counts]))
        gold = np.zeros((len(found.matrix), len(self.space)), np.int64)
        settled = np.concatenate([self.gold, other.gold])
        known = np.flatnonzero(settled.any(axis=1))
        np.add.at(gold, found.where[known], settled[known])
        return VotePatterns(self.space, self.sources, found.matrix, counts, gold)

    @property
    def rows(self) -> int:
        """How many rows the patterns stand for."""
        return int(self.counts.sum())


def fold(votes: Votes, gold: Gold | None = None) -> tuple[VotePatterns, NDArray[np.intp]]:
    """The patterns of some rows, and for each row which pattern it has, intp[n]."""
    found = distinct(votes.matrix, len(votes.space))
    settled = np.zeros((len(found.matrix), len(votes.space)), np.int64)
    if gold is not None and len(gold):
        labels = gold.aligned(votes.ids)
        known = labels != ABSTAIN
        np.add.at(settled, (found.where[known], labels[known]), 1)
    return VotePatterns(votes.space, votes.sources, found.matrix, found.counts, settled), found.where
