"""Votes of simulated voters whose accuracy is known, some of whom copy one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quorate.values import ABSTAIN, Votes

Copies = Sequence[tuple[int, int, float]]
"""(whom, who, how often): the second gives the first one's vote instead of a vote of its own."""


def voters(
    seed: int,
    rows: int,
    accuracies: Sequence[float],
    balance: Sequence[float] = (0.5, 0.5),
    silent: float = 0.2,
    copies: Copies = (),
) -> tuple[Votes, NDArray[np.int64]]:
    """Votes of voters for every label, errors spread evenly, and the truth."""
    rng, k, m = np.random.default_rng(seed), len(balance), len(accuracies)
    truth = rng.choice(k, rows, p=np.asarray(balance))
    wrong = (truth[:, None] + rng.integers(1, k, (rows, m))) % k
    matrix = np.where(rng.random((rows, m)) < np.asarray(accuracies), truth[:, None], wrong)
    for whom, who, often in copies:
        matrix[:, who] = np.where(rng.random(rows) < often, matrix[:, whom], matrix[:, who])
    silenced = np.where(rng.random((rows, m)) < silent, ABSTAIN, matrix)
    return Votes.of(silenced, [f"l{y}" for y in range(k)]), truth


def true_accuracies(accuracies: Sequence[float], copies: Copies = ()) -> NDArray[np.float64]:
    """How right the voters are once they copied."""
    right = np.array(accuracies, np.float64)
    for whom, who, often in copies:
        right[who] = often * right[whom] + (1 - often) * right[who]
    return right
