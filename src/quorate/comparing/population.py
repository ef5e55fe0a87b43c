"""From the rows that people settled to all rows: strata, and draws of what the whole table holds.

Settled rows are a random sample within two strata: where the compared sources say the same, and where they differ.
(A random sample of all rows is one, too.) Within these, rows may be told apart further by anything that is known of
every row: that narrows an estimate and does not bias it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from quorate.comparing.candidates import Candidates, Settled
from quorate.comparing.grouped import design_effect
from quorate.estimating.estimates import DRAWS, Estimated, Floats, estimated, posterior_shares, posterior_totals
from quorate.values import ABSTAIN, Labels

AGREE, DIFFER, SILENT = 0, 1, 2
SIDES = ("agree", "differ", "no answer")
ENOUGH_TO_PART = 30
"""Settled rows from which on rows are parted by what is believed of them: each part costs the prior's rows."""
# Settled shares that differ by more than chance (this p-value) are no random sample of all rows.
_BY_CHANCE = 0.05


def sides_of(matrix: NDArray[np.int16]) -> NDArray[np.int8]:
    """Where all say the same, where they differ (also where one says nothing), and where none answers, int8[n]."""
    first = matrix[:, :1]
    same = (matrix == first).all(axis=1)
    silent = same & (first[:, 0] == ABSTAIN)
    return np.where(silent, SILENT, np.where(same, AGREE, DIFFER)).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Population:
    """All rows of a comparison: `side` int8[n] of each, and the settled rows.

    `is_sample` says that estimates are about rows that come as these came, not about these very rows: the question
    that is left where every row is settled. `belief` float64[n, k] is what all sources together make of each row, None
    where there are no others than A and B: rows on which it leans alike are told apart. `group` int64[n] is the group
    of each row, None where every row is its own.
    """

    side: NDArray[np.int8]
    settled: Settled
    is_sample: bool
    draws: int = DRAWS
    belief: Floats | None = None
    group: NDArray[np.int64] | None = None

    @staticmethod
    def of(candidates: Candidates, fused: Labels | None = None) -> Population:
        matrix = np.stack([candidates.column(name) for name in candidates.names], axis=1)
        settled = candidates.settled
        belief = None if fused is None else fused.probs
        group = None if candidates.groups is None else candidates.groups.of
        is_sample = len(settled) == len(candidates)
        return Population(sides_of(matrix), settled, is_sample, belief=belief, group=group)

    def among(self, inside: NDArray[np.bool_]) -> Population:
        """The population of some of the rows, bool[n]: within each side they are sampled as all are.

        Without belief: parts of a table hold too few settled rows to be told apart further.
        """
        place = np.cumsum(inside) - 1
        kept = inside[self.settled.position]
        at = place[self.settled.position[kept]]
        settled = Settled(at, self.settled.fits[kept], self.settled.in_order, self.settled.sampled)
        group = None if self.group is None else self.group[inside]
        return Population(self.side[inside], settled, self.is_sample, self.draws, group=group)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows by side, int64[3]."""
        return np.bincount(self.side, minlength=3)

    @property
    def seen(self) -> NDArray[np.int64]:
        """Settled rows by side, int64[3]."""
        return np.bincount(self.side[self.settled.position], minlength=3)

    @cached_property
    def is_random(self) -> bool:
        """Whether the settled rows pass for a random sample of all rows that got an answer."""
        if self.settled.sampled:
            return self.settled.sampled == "random"
        (agree, differ), (_, drawn) = self.sizes[:2], self.seen[:2]
        total = int(self.seen[:2].sum())
        among = hypergeom(int(agree + differ), int(differ), total)
        p_value = 2 * min(among.cdf(int(drawn)), among.sf(int(drawn) - 1))
        return bool(total) and p_value > _BY_CHANCE

    @cached_property
    def weights(self) -> Floats:
        """How many rows each settled row stands for, float64[s]."""
        stands_for = self.sizes / np.maximum(self.seen, 1)
        return np.asarray(stands_for[self.side[self.settled.position]], np.float64)

    def shares(
        self,
        outcome: NDArray[np.int64],
        prior: Floats,
        within: NDArray[np.int8] | None = None,
        contrast: Floats | None = None,
    ) -> Floats:
        """Draws of the share of all rows with each outcome by kind of row, float64[draws, w, c].

        Args:
            outcome: int64[s], the outcome of each settled row.
            prior: float64[w, c]: what the prior counts for each outcome in a kind of row; 0 where it cannot be.
            within: int8[n], the kind of each row; None where there is one.
            contrast: float64[c, q], what is told of the outcomes: rows in groups count for less as these ask for it.
        """
        kinds, outcomes = prior.shape
        stratum = self.side.astype(np.int64) * kinds + (0 if within is None else within)
        sizes = np.bincount(stratum, minlength=3 * kinds)
        cell = stratum[self.settled.position] * outcomes + outcome
        counts = np.bincount(cell, minlength=3 * kinds * outcomes).reshape(-1, outcomes).astype(np.float64)
        used = np.flatnonzero(sizes)
        told = (np.eye(outcomes) if contrast is None else contrast)[outcome]
        posterior: dict[str, Any] = {
            "prior": np.tile(prior, (3, 1))[used],
            "counts_as": 1 / self.design_effect(told, stratum[self.settled.position]),
        }
        if self.is_sample:
            drawn = posterior_shares(counts[used], sizes[used].astype(np.float64), self.draws, **posterior)
        else:
            totals = posterior_totals(counts[used], sizes[used].astype(np.float64), self.draws, **posterior)
            drawn = totals / max(len(self.side), 1)
        by_kind = np.zeros((len(drawn), kinds, outcomes))
        for place, at in enumerate(used):
            by_kind[:, at % kinds] += drawn[:, place]
        return by_kind

    def design_effect(self, told: Floats, stratum: NDArray[np.int64]) -> float:
        """How many settled rows say as much as one would if it were no part of a group; 1 without groups.

        Args:
            told: float64[s, q], what is averaged, of the settled rows.
            stratum: int64[s], in which rows are alike in what is known of all.
        """
        if self.group is None or not len(self.settled):
            return 1.0
        return design_effect(told, stratum, self.weights, self.group[self.settled.position])

    def share_right(self, labels: NDArray[np.int16], given: NDArray[np.bool_] | None = None) -> Floats:
        """Draws of the share of all rows that these labels (int16[n]) get right, float64[draws].

        Args:
            given: bool[n], rows that a person labels, which is right; None where there are none.
        """
        kind = np.where(labels == ABSTAIN, 1, 0).astype(np.int8)
        parted = _doubted(self, labels)
        kind[parted] = 3
        if given is not None:
            kind[given] = 2
        right = self.settled.right(labels) | (kind[self.settled.position] == 2)
        prior = np.array([[0.5, 0.5], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
        drawn = self.shares((~right).astype(np.int64), prior, kind)
        return np.asarray(drawn[:, :, 0].sum(axis=1))

    def estimate(self, drawn: Floats) -> Estimated:
        """The estimate of one quantity from its draws."""
        return estimated(drawn, len(self.settled))


def _doubted(population: Population, labels: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Where sources differ, the rows whose label all of them hold for wrong, bool[n]; none from few rows."""
    there = (population.side == DIFFER) & (labels != ABSTAIN)
    if population.belief is None or there[population.settled.position].sum() < ENOUGH_TO_PART:
        return np.zeros(len(labels), bool)
    return np.asarray(there & (population.belief[np.arange(len(labels)), np.maximum(labels, 0)] < 0.5))
