"""Where each is right: settled disagreements by what the sources said, and by what people say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.comparing.candidates import Settled
from quorate.comparing.paired import BOTH, EITHER, NEITHER, ONLY_A, ONLY_B, outcomes
from quorate.estimating.intervals import wilson


@dataclass(frozen=True)
class Wins:
    """Settled disagreements: how many only A got right, only B, both (they said different labels that both fit), none.

    `a_share` of the rows that one of them won, with its Wilson interval; None where nobody won.
    """

    a: int
    b: int
    both: int
    neither: int
    a_share: float | None
    low: float
    high: float

    @staticmethod
    def of(outcome: NDArray[np.int64]) -> Wins:
        """The wins among outcomes of settled disagreements."""
        a, b, both, neither = (int((outcome == each).sum()) for each in (ONLY_A, ONLY_B, EITHER, NEITHER))
        return Wins(a, b, both, neither, a / (a + b) if a + b else None, *wilson(a, a + b))


def wins_by_pair(a: NDArray[np.int16], b: NDArray[np.int16], settled: Settled) -> Mapping[tuple[int, int], Wins]:
    """The wins by what A and B said (-1: nothing)."""
    outcome, said = outcomes(a, b, settled), np.stack([a, b], axis=1)[settled.position]
    differ = said[:, 0] != said[:, 1]
    pairs = {(int(one), int(other)) for one, other in said[differ].tolist()}
    return {pair: Wins.of(outcome[(said == pair).all(axis=1)]) for pair in sorted(pairs)}


def wins_by_label(
    a: NDArray[np.int16], b: NDArray[np.int16], settled: Settled, names: tuple[str, ...]
) -> dict[str, Wins]:
    """The wins by the label that people accept; a row of several counts for each."""
    outcome = outcomes(a, b, settled)
    differ = (a != b)[settled.position] & (outcome != BOTH)
    return {
        name: Wins.of(outcome[differ & settled.fits[:, y]])
        for y, name in enumerate(names)
        if (differ & settled.fits[:, y]).any()
    }
