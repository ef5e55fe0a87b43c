"""Several sources by accuracy, and which of them cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from quorate.comparing.candidates import Candidates
from quorate.comparing.paired import ONLY_A, ONLY_B, pair_draws
from quorate.comparing.population import Population
from quorate.estimating.estimates import Estimated, estimated
from quorate.values import ABSTAIN

_LEVEL = 0.05


@dataclass(frozen=True)
class Standing:
    """One source on the leaderboard; `group` letters are shared by those that cannot be told apart."""

    name: str
    accuracy: Estimated
    accuracy_answered: Estimated
    answered: float
    groups: str


@dataclass(frozen=True)
class Duel:
    """Two sources of a leaderboard: A - B, its p-value (twice the posterior probability of the other sign), whether
    they can be told apart when all pairs are asked about (Holm)."""

    a: str
    b: str
    difference: Estimated
    p_value: float
    is_told_apart: bool


def leaderboard(candidates: Candidates, population: Population) -> tuple[list[Standing], list[Duel]]:
    """The sources, the best first, and every pair of them; of rows that are settled."""
    accuracy = {name: population.share_right(candidates.column(name)) for name in candidates.names}
    order = sorted(candidates.names, key=lambda name: -float(accuracy[name].mean()))
    rows = len(population.settled)
    duels = _holm([_duel(candidates, population, a, b) for a, b in combinations(order, 2)])
    letters = _letters(order, {(duel.a, duel.b) for duel in duels if not duel.is_told_apart})
    answered = {name: float((candidates.column(name) != ABSTAIN).mean()) for name in order}
    standings = [
        Standing(
            name,
            estimated(accuracy[name], rows),
            estimated(accuracy[name] / max(answered[name], 1e-12), rows),
            answered[name],
            letters[name],
        )
        for name in order
    ]
    return standings, duels


def _duel(candidates: Candidates, population: Population, a: str, b: str) -> Duel:
    total = pair_draws(population, candidates.column(a), candidates.column(b)).sum(axis=1)
    difference = total[:, ONLY_A] - total[:, ONLY_B]
    lower = min((difference > 0).mean(), (difference < 0).mean()) + (difference == 0).mean() / 2
    # Draws cannot tell a probability below one in as many as there are.
    p_value = min(2 * max(float(lower), 0.5 / len(difference)), 1.0)
    return Duel(a, b, estimated(difference, len(population.settled)), p_value, False)


def _holm(duels: list[Duel]) -> list[Duel]:
    """S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979)."""
    order = sorted(range(len(duels)), key=lambda i: duels[i].p_value)
    told: dict[int, bool] = {}
    goes_on = True
    for rank, i in enumerate(order):
        goes_on = goes_on and duels[i].p_value <= _LEVEL / (len(duels) - rank)
        told[i] = goes_on
    return [Duel(d.a, d.b, d.difference, d.p_value, told[i]) for i, d in enumerate(duels)]


def _letters(order: list[str], alike: set[tuple[str, str]]) -> dict[str, str]:
    """A letter for every longest run of neighbours of which no two can be told apart."""
    runs: list[tuple[int, int]] = []
    for start in range(len(order)):
        end = start
        while end + 1 < len(order) and all((order[i], order[end + 1]) in alike for i in range(start, end + 1)):
            end += 1
        if not runs or end > runs[-1][1]:
            runs.append((start, end))
    named = [(chr(ord("a") + i % 26), run) for i, run in enumerate(runs)]
    return {
        name: "".join(letter for letter, (start, end) in named if start <= place <= end)
        for place, name in enumerate(order)
    }


def pairwise_agreement(candidates: Candidates) -> list[list[float | None]]:
    """The share of rows answered by both on which two sources say the same, a square in the order of the names."""
    columns = [candidates.column(name) for name in candidates.names]

    def same(a: np.ndarray, b: np.ndarray) -> float | None:
        both = (a != ABSTAIN) & (b != ABSTAIN)
        return float((a == b)[both].mean()) if both.any() else None

    return [[same(a, b) for b in columns] for a in columns]
