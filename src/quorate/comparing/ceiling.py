"""How far people agree with each other: no source can be shown to be better than that."""

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
class Ceiling:
    """Two people on rows that both settled: the share on which the second gave a label that the first accepts."""

    rows: int
    agree: float
    low: float
    high: float
    kappa: Measured


def ceiling(candidates: Candidates) -> Ceiling | None:
    """The agreement of two people; None where a second one said nothing of settled rows."""
    settled, second = candidates.settled, candidates.second
    if second is None or not (second[settled.position] != ABSTAIN).any():
        return None
    both = (second[settled.position] != ABSTAIN) & settled.fits.any(axis=1)
    rows, alike = int(both.sum()), int(settled.right(second)[both].sum())
    said = second[settled.position][both]
    # Of several labels that fit, the one that both gave.
    first = np.where(settled.right(second)[both], said, settled.fits[both].argmax(axis=1))
    names = candidates.votes.space.names
    kappa = measure(cohen(np.eye(len(names))), Ratings.of(np.stack([first, said], axis=1), names, ("first", "second")))
    return Ceiling(rows, alike / max(rows, 1), *wilson(alike, rows), kappa)
