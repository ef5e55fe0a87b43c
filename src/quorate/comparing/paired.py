"""Two sources on the rows that people settled: which is right where, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from quorate.agreement.symmetry import mcnemar
from quorate.comparing.anytime import anytime_interval
from quorate.comparing.candidates import Settled
from quorate.comparing.population import Population
from quorate.estimating.estimates import Estimated, Floats
from quorate.estimating.intervals import Z95
from quorate.values import ABSTAIN

OUTCOMES = ("both_right", "a_right", "b_right", "both_acceptable", "neither")
BOTH, ONLY_A, ONLY_B, EITHER, NEITHER = range(5)
# What two sources can be to each other on a row: same answer, two answers, only A answers, only B, nobody.
_SAME, _TWO, _A_ALONE, _B_ALONE, _NOBODY = range(5)


@dataclass(frozen=True)
class Anytime:
    """What holds however often one looked: the interval of A - B now, and after how many reviews it left out zero."""

    low: float
    high: float
    reviews: int
    settled_after: int | None
    is_a_better: bool | None


@dataclass(frozen=True)
class Paired:
    """A against B. `counts` are settled rows by outcome; `answered` accuracies are of answered rows alone.

    `difference` is A - B; `a_is_better` the probability of it being positive; `mcnemar_p` None where the settled rows
    are no random sample; `more_labels` how many more disagreements to settle until the difference should show, None
    where no number of them will do; `for_two_points` how many until it is known to two points.
    """

    counts: dict[str, int]
    a: Estimated
    b: Estimated
    a_answered: Estimated
    b_answered: Estimated
    both_wrong: Estimated
    difference: Estimated
    a_is_better: float
    mcnemar_p: float | None
    more_labels: int | None
    for_two_points: int | None
    anytime: Anytime | None

    @property
    def is_told_apart(self) -> bool:
        return self.difference.low > 0 or self.difference.high < 0


def relation(a: NDArray[np.int16], b: NDArray[np.int16]) -> NDArray[np.int8]:
    """What the answers are to each other, row by row, int8[n]."""
    has_a, has_b = a != ABSTAIN, b != ABSTAIN
    both = np.where(a == b, _SAME, _TWO)
    return np.where(has_a & has_b, both, np.where(has_a, _A_ALONE, np.where(has_b, _B_ALONE, _NOBODY))).astype(np.int8)


def outcomes(a: NDArray[np.int16], b: NDArray[np.int16], settled: Settled) -> NDArray[np.int64]:
    """The outcome of each settled row, int64[s] of `OUTCOMES`."""
    right_a, right_b = settled.right(a), settled.right(b)
    same = a[settled.position] == b[settled.position]
    both = np.where(same, BOTH, EITHER)
    return np.where(right_a & right_b, both, np.where(right_a, ONLY_A, np.where(right_b, ONLY_B, NEITHER)))


def pair(population: Population, a: NDArray[np.int16], b: NDArray[np.int16]) -> Paired:
    """A against B on the settled rows of a population, which has some."""
    settled = population.settled
    outcome, kind = outcomes(a, b, settled), relation(a, b)
    drawn = pair_draws(population, a, b)
    total, count = drawn.sum(axis=1), population.estimate
    right_a = total[:, [BOTH, ONLY_A, EITHER]].sum(axis=1)
    right_b = total[:, [BOTH, ONLY_B, EITHER]].sum(axis=1)
    difference = total[:, ONLY_A] - total[:, ONLY_B]
    counts = np.bincount(outcome, minlength=5)
    said = {name: float(((kind == _SAME) | (kind == _TWO) | (kind == alone)).mean()) for name, alone in _ALONE.items()}
    return Paired(
        dict(zip(OUTCOMES, counts.tolist(), strict=True)),
        count(right_a),
        count(right_b),
        count(right_a / max(said["a"], 1e-12)),
        count(right_b / max(said["b"], 1e-12)),
        count(drawn[:, _SAME, NEITHER]),
        count(difference),
        _chance(difference),
        mcnemar(int(counts[ONLY_A]), int(counts[ONLY_B])) if population.is_random else None,
        *_more_labels(population, kind, outcome),
        _anytime(population, outcome, kind) if settled.in_order and len(settled) else None,
    )


def _chance(difference: Floats) -> float:
    """The share of draws in which A is better; draws cannot tell a probability below one in as many as there are."""
    least = 0.5 / len(difference)
    return min(max(float((difference > 0).mean() + (difference == 0).mean() / 2), least), 1 - least)


_ALONE = {"a": _A_ALONE, "b": _B_ALONE}


def pair_draws(population: Population, a: NDArray[np.int16], b: NDArray[np.int16]) -> Floats:
    """Draws of the share of rows by relation and outcome, float64[draws, 5, 5]."""
    outcome = outcomes(a, b, population.settled)
    return population.shares(outcome, _prior((outcome == EITHER).any()), relation(a, b))


def _prior(has_several: bool) -> Floats:
    """Jeffreys' half a count for each outcome that a relation leaves open."""
    prior = np.zeros((5, 5))
    prior[_SAME, [BOTH, NEITHER]] = 0.5
    prior[_TWO, [ONLY_A, ONLY_B, NEITHER]] = 0.5
    prior[_TWO, EITHER] = 0.5 if has_several else 0.0
    prior[_A_ALONE, [ONLY_A, NEITHER]] = 0.5
    prior[_B_ALONE, [ONLY_B, NEITHER]] = 0.5
    prior[_NOBODY, NEITHER] = 1.0
    return prior


def _more_labels(
    population: Population, kind: NDArray[np.int8], outcome: NDArray[np.int64]
) -> tuple[int | None, int | None]:
    """About how many more disagreements must be settled to tell the two apart, and to know A - B to two points.

    The normal approximation of a mean without replacement: `z² v / n (D - n) / (D - 1) = half²`, solved for n.
    """
    differs = (kind != _SAME) & (kind != _NOBODY)
    total = int(differs.sum())
    of_them = outcome[differs[population.settled.position]]
    n = len(of_them)
    # Two imagined rows, one won by each, keep a run of luck from looking like certainty.
    score = np.concatenate([(of_them == ONLY_A) * 1.0 - (of_them == ONLY_B), [1.0, -1.0]])
    share = total / max(len(kind), 1)

    def needed(half: float) -> int | None:
        if total == 0 or half <= 0:
            return None
        c = Z95**2 * float(score.var()) / half**2
        return max(ceil(c * total / (total - 1 + c)) - n, 0)

    apart = None if abs(score.mean()) < 1 / max(total, 1) else needed(abs(float(score.mean())))
    return apart, needed(0.02 / share) if share else 0


def _anytime(population: Population, outcome: NDArray[np.int64], kind: NDArray[np.int8]) -> Anytime:
    differs = (kind != _SAME) & (kind != _NOBODY)
    of_them = outcome[differs[population.settled.position]]
    return anytime((of_them == ONLY_A) * 1.0 - (of_them == ONLY_B), int(differs.sum()), len(kind))


def anytime(scores: Floats, disagreements: int, rows: int) -> Anytime:
    """The interval of A - B over all rows that is valid under peeking.

    Args:
        scores: float64[n], 1 where A won, -1 where B did, 0 else: disagreements in the order of being settled.
    """
    if not len(scores):
        share = disagreements / max(rows, 1)
        return Anytime(-share, share, 0, None, None)
    low, high = (ends * disagreements / rows for ends in anytime_interval(scores, disagreements))
    apart = np.flatnonzero((low > 0) | (high < 0))
    after = int(apart[0]) if len(apart) else None
    return Anytime(
        float(low[-1]),
        float(high[-1]),
        len(scores),
        None if after is None else after + 1,
        None if after is None else bool(low[after] > 0),
    )
