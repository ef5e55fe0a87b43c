"""Two sources on the rows that people settled: which is right where, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.agreement.symmetry import mcnemar
from quorate.comparing.anytime import Anytime, anytime
from quorate.comparing.candidates import Settled
from quorate.comparing.outlook import needed, spread, steadied
from quorate.comparing.population import ENOUGH_TO_PART, Population
from quorate.estimating.estimates import Estimated, Floats
from quorate.values import ABSTAIN

OUTCOMES = ("both_right", "a_right", "b_right", "both_acceptable", "neither")
BOTH, ONLY_A, ONLY_B, EITHER, NEITHER = range(5)
# What is told of outcomes: A - B, and whether A and B are right.
_TOLD = np.array([[0, 1, -1, 0, 0], [1, 1, 0, 1, 0], [1, 0, 1, 1, 0]], np.float64).T
# What two sources can be to each other on a row: same answer, two answers, only A answers, only B, nobody.
_SAME, _TWO, _A_ALONE, _B_ALONE, _NOBODY = range(5)
_LEANINGS = (-0.5, 0.0, 0.5)
"""Where P(A is right) - P(B is right) parts the rows on which they differ."""


@dataclass(frozen=True)
class Paired:
    """A against B. `counts` are settled rows by outcome; `answered` accuracies are of answered rows alone.

    `difference` is A - B; `a_is_better` the probability of it being positive; `mcnemar_p` None where the settled rows
    are no random sample or come in groups, `anytime` where their order is not known or they come in groups;
    `more_labels` how many more disagreements to settle until the difference should show, None where no number of them
    will do; `for_two_points` how many until it is known to two points.
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
        mcnemar(int(counts[ONLY_A]), int(counts[ONLY_B])) if _is_independent(population) else None,
        *_outlook(population, outcome, kind, leaning(population, a, b, kind)),
    )


def _is_independent(population: Population) -> bool:
    """Whether settled rows are a random sample of all rows, each on its own."""
    return population.is_random and population.group is None


def _chance(difference: Floats) -> float:
    """The share of draws in which A is better; draws cannot tell a probability below one in as many as there are."""
    least = 0.5 / len(difference)
    return min(max(float((difference > 0).mean() + (difference == 0).mean() / 2), least), 1 - least)


_ALONE = {"a": _A_ALONE, "b": _B_ALONE}


def pair_draws(population: Population, a: NDArray[np.int16], b: NDArray[np.int16]) -> Floats:
    """Draws of the share of rows by relation and outcome, float64[draws, 5, 5]."""
    outcome, kind = outcomes(a, b, population.settled), relation(a, b)
    prior = _prior((outcome == EITHER).any())
    lean = leaning(population, a, b, kind)
    if lean is None:
        return population.shares(outcome, prior, kind, _TOLD)
    # Post-stratification (W. G. Cochran, "Sampling Techniques", 1977, section 5A.9): it cannot bias, for which rows
    # are of a part is known of all of them, and it narrows as far as the sources together know who is right.
    parts = np.where((kind == _TWO) & (lean > 0), len(prior) - 1 + lean, kind).astype(np.int8)
    drawn = population.shares(outcome, np.vstack([prior, *[prior[_TWO]] * len(_LEANINGS)]), parts, _TOLD)
    drawn[:, _TWO] += drawn[:, len(prior) :].sum(axis=1)
    return np.asarray(drawn[:, : len(prior)])


def leaning(
    population: Population, a: NDArray[np.int16], b: NDArray[np.int16], kind: NDArray[np.int8]
) -> NDArray[np.int8] | None:
    """To whom all sources together lean where A and B give two answers, int8[n]: 0 clearly to B, 3 clearly to A.

    None where nothing is believed, or too few rows are settled to part them.
    """
    two = kind == _TWO
    if population.belief is None or two[population.settled.position].sum() < ENOUGH_TO_PART:
        return None
    at = np.flatnonzero(two)
    ahead = population.belief[at, a[at]] - population.belief[at, b[at]]
    lean = np.zeros(len(kind), np.int8)
    lean[at] = np.digitize(ahead, _LEANINGS)
    return lean


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


def _outlook(
    population: Population, outcome: NDArray[np.int64], kind: NDArray[np.int8], lean: NDArray[np.int8] | None
) -> tuple[int | None, int | None, Anytime | None]:
    """`more_labels`, `for_two_points` and `anytime` of a pair."""
    settled = population.settled
    differs = (kind != _SAME) & (kind != _NOBODY)
    total, at = int(differs.sum()), differs[settled.position]
    score = (outcome[at] == ONLY_A) * 1.0 - (outcome[at] == ONLY_B)
    part = np.zeros(len(score), np.int8) if lean is None else lean[settled.position[at]]
    effect = population.design_effect(_TOLD[outcome, :1], kind[settled.position].astype(np.int64))
    variance = spread(score, part) * effect
    share = total / max(len(kind), 1)
    mean = abs(steadied(score).mean())
    apart = None if mean < 1 / max(total, 1) else needed(float(mean), variance, total, len(score))
    two_points = needed(0.02 / share, variance, total, len(score)) if share else 0
    is_in_order = settled.in_order and len(settled) and population.group is None
    peeking = anytime(score, total, len(kind)) if is_in_order else None
    return apart, two_points, peeking
