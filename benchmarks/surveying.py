"""Whether the interval that answers give holds the truth as often as it says."""

from __future__ import annotations

import numpy as np

from benchmarks.reviewing import Table
from quorate import rank
from quorate.estimating.survey import accuracy_over
from quorate.ranking.drawing import draw, strata
from quorate.values import ABSTAIN

ANSWERS = 200
DRAWN = 100


def coverage(table: Table, repeats: int) -> tuple[float, float, float, float]:
    """The accuracy of the labels, the same read off the targeted rows, how often the interval of `ANSWERS` mixed
    answers holds the former, and its mean width; all in percent.

    The targeted rows are those of the queue; the sample is drawn anew each time, by other random numbers.
    """
    hard, n = table.given.hard, len(table.truth)
    stratum, doubt = strata(table.votes), 1 - table.given.probs.max(axis=1)
    targeted = rank(table.votes, table.given, size=ANSWERS - DRAWN, random_share=0.0).position
    labelled = hard != ABSTAIN
    right = hard == table.truth
    truth, aimed = float(right[labelled].mean()), float(right[targeted].mean())
    rest = np.setdiff1d(np.arange(n), targeted)
    generator = np.random.default_rng(0)
    held, width = 0, 0.0
    for _ in range(repeats):
        drawn, _ = draw(rest, stratum, generator.integers(0, 2**63, n).astype(np.uint64), doubt, DRAWN)
        answers, is_drawn = np.full(n, ABSTAIN, np.int16), np.zeros(n, bool)
        answers[targeted], answers[drawn], is_drawn[drawn] = table.truth[targeted], table.truth[drawn], True
        found = accuracy_over(hard, answers, is_drawn, stratum).estimate
        assert found is not None, "rows were drawn"
        held += found.low <= truth <= found.high
        width += found.high - found.low
    return 100 * truth, 100 * aimed, 100 * held / repeats, 100 * width / repeats
