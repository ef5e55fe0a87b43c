"""Coins: a source knows the label with one probability of its own and else guesses as all sources do.

The model of MACE (Hovy et al. 2013) with a habit of guessing `h` that is shared, for problems whose confusion
matrices would not fit: one number a source, one a label. A vote for its label counts

    log P(vote | its label) / P(vote | any other) = log(1 + a[source] / ((1 - a[source]) · h[vote]))

and says nothing else. EM from majority vote over the labels that were voted for; the others share what is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.belief.evidence import DECIMALS, Belief, Evidence

_ITERATIONS = 30
_SHRINKAGE = 4.0
_MOST_NUMBERS, _MOST_BELIEFS = 2_000_000, 20_000_000


@dataclass(frozen=True, eq=False)
class _Votes:
    """Every vote: its source, label and rows; `pair` is the place of (pattern, label), `pattern` that of the pair."""

    source: NDArray[np.intp]
    label: NDArray[np.intp]
    rows: Floats
    pair: NDArray[np.intp]
    pattern: NDArray[np.intp]


def too_large(evidence: Evidence) -> bool:
    """Whether confusion matrices, or beliefs about every row, would take more than some hundred megabytes."""
    patterns, k = evidence.start.shape
    return bool(len(evidence.weights) * k * k > _MOST_NUMBERS or patterns * k > _MOST_BELIEFS)


def fit_coins(evidence: Evidence) -> Belief:
    """The belief after EM; its weights are a sparse diagonal for each source."""
    from scipy.sparse import csr_matrix

    k, m, votes = evidence.k, len(evidence.weights), _listed(evidence)
    cast = np.bincount(votes.source, votes.rows, m)
    habit = np.bincount(votes.label, votes.rows, k) + 1.0
    habit = (habit / habit.sum())[votes.label]
    knows, right = np.full(m, 0.5), _majority(votes, len(evidence.start))
    steps, converged = evidence.pace(_ITERATIONS)
    for _ in range(steps):
        known = right * knows[votes.source] / (knows[votes.source] + (1 - knows[votes.source]) * habit)
        found = np.bincount(votes.source, known * votes.rows, m)
        usual = (found.sum() + 0.5) / (cast.sum() + 1.0)
        before, knows = knows, np.clip((found + _SHRINKAGE * usual) / (cast + _SHRINKAGE), 0.01, 0.99)
        knows = np.round(knows, DECIMALS)
        right = _right(
            votes, np.log1p(_odds(knows)[votes.source] / habit) * evidence.votes.data, k, len(evidence.start)
        )
        if np.abs(knows - before).max(initial=0.0) < converged:
            break
    share = np.bincount(votes.label, votes.rows, k) + 1.0
    own = np.log1p(_odds(knows)[:, None] * (share.sum() / share)).ravel()
    every = np.arange(m * k)
    return Belief(csr_matrix((own, (every, every % k)), shape=(m * k, k)), np.zeros(k))


def _listed(evidence: Evidence) -> _Votes:
    entries, k = evidence.votes.tocoo(), evidence.k
    source, label = np.divmod(entries.col.astype(np.intp), k)
    pairs, place = np.unique(entries.row.astype(np.int64) * k + label, return_inverse=True)
    return _Votes(source, label, evidence.counts[entries.row] * entries.data, place.reshape(-1), pairs // k)


def _majority(votes: _Votes, patterns: int) -> Floats:
    """The share of the votes that each vote's label has."""
    counts = np.bincount(votes.pair).astype(np.float64)
    return np.asarray((counts / np.bincount(votes.pattern, counts, patterns)[votes.pattern])[votes.pair])


def _right(votes: _Votes, weights: Floats, k: int, patterns: int) -> Floats:
    """P(the label of a vote | all votes) of each vote."""
    logits = np.bincount(votes.pair, weights)
    top = np.zeros(patterns)
    np.maximum.at(top, votes.pattern, logits)
    likelihood = np.exp(logits - top[votes.pattern])
    others = (k - np.bincount(votes.pattern, minlength=patterns)) * np.exp(-top)
    total = np.bincount(votes.pattern, likelihood, patterns) + others
    return np.asarray((likelihood / total[votes.pattern])[votes.pair])


def _odds(knows: Floats) -> Floats:
    return knows / (1 - knows)
