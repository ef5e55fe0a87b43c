"""The noise floor: how often a source answers otherwise when it is asked the same again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quorate.agreement.coefficients import cohen
from quorate.agreement.ratings import Ratings
from quorate.agreement.resampling import Measured, measure
from quorate.comparing.candidates import Candidates
from quorate.estimating.intervals import wilson
from quorate.values import ABSTAIN


@dataclass(frozen=True)
class Stability:
    """One source against its second asking, on rows where both answered.

    `explained` is the share of the rows on which A and B differ where this source does not hold to its own answer: so
    much of the disagreement may be noise. `expected` is the share that would fall there if flips came at random.
    """

    name: str
    again: str
    rows: int
    flips: float
    flips_low: float
    flips_high: float
    kappa: Measured
    explained: float | None
    expected: float


def stability(candidates: Candidates) -> list[Stability]:
    """Every compared source that was asked again."""
    a, b = (candidates.column(name) for name in candidates.names[:2])
    differ = a != b
    found = []
    for name, again in candidates.again.items():
        one, other = candidates.column(name), candidates.column(again)
        both = (one != ABSTAIN) & (other != ABSTAIN)
        rows, flipped = int(both.sum()), both & (one != other)
        ratings = Ratings.of(np.stack([one, other], axis=1), candidates.votes.space.names, (name, again))
        flips = float(flipped.sum()) / max(rows, 1)
        among = differ & both
        explained = float(flipped[among].mean()) if among.any() else None
        kappa = measure(cohen(np.eye(len(candidates.votes.space))), ratings)
        found.append(Stability(name, again, rows, flips, *wilson(flipped.sum(), rows), kappa, explained, flips))
    return found
