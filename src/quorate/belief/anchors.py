"""Anchors: rows that people settled correct what the votes alone made believe.

A multinomial regression whose starting point is the belief of the votes:

    log-odds of label y = a · log P(y | votes) + b[y] + sum over sources of (t[source] · [voted y] + U[vote, y])

Ridges hold a at 1 and everything else at 0, so no gold means no change; how strong they are is not chosen but
averaged over: each of a few settings counts by exp(credit), as does believing the votes as they are (stacking by
exponential weights, after Yang 2004). Its credit is half of head start - log-loss on gold held out, and a nat less for
each row held out that it loses to the votes on balance: better odds are no reason to change labels for the worse. With
enough gold, U makes it the logistic regression on votes that it must not lose to. On top, a vote pattern learns its
own answer (`quorate.belief.settled`); and where nobody looked, the correction counts less (`quorate.belief.reach`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, softmax
from quorate.belief.evidence import DECIMALS, Evidence
from quorate.belief.reach import Reach, fit_reach
from quorate.belief.regression import Problem, Ridge, log_belief
from quorate.belief.settled import Settled, clamp_shares, settle
from quorate.patterns import VotePatterns

# Each with its head start in nats; the weaker a ridge, the more gold it takes to be heard.
_RIDGES = (
    (Ridge(None, None, 10.0, 10.0), 0.0),
    (Ridge(None, 10.0, 10.0, 10.0), 1.0),
    (Ridge(None, 3.0, 10.0, 10.0), 0.0),
    (Ridge(10.0, None, 10.0, 10.0), 1.0),
    (Ridge(3.0, None, 10.0, 10.0), 0.0),
    (Ridge(3.0, 3.0, 10.0, 10.0), -1.0),
    (Ridge(1.0, 1.0, 1.0, 2.0), -2.0),
    (Ridge(0.3, 0.3, 0.3, 1.0), -4.0),
    (Ridge(0.1, 0.1, 0.1, 1.0), -5.0),
)
# The folds share their rows, so their log-losses are worth less than as many of rows apart.
_RATE = 0.5
# Beyond this many numbers, U is left out: sources are corrected as wholes.
_LARGEST_TABLE = 5_000
_LEAST_SHARE = 1e-3
# Few rows are dealt into more folds, so that nearly all of them teach.
_FEW_ROWS, _MANY_FOLDS, _FEW_FOLDS = 100, 10, 5
# Of a label nobody settled, this part of a row is taken to be: balancing divides by it.
_UNSEEN = 0.1


@dataclass(frozen=True, eq=False)
class Anchors:
    """The averaged correction.

    `slopes` float64[r] and `labels` float64[r, k] are a and b of each ridge, `weights` r times float64[m·k, k] t and U
    together or none, `shares` float64[r + 1] what each counts, first the belief as it is; they sum to 1.
    """

    slopes: Floats
    labels: Floats
    weights: tuple[Any, ...]
    shares: Floats
    reach: Reach
    settled: Settled

    def correct(self, matrix: NDArray[np.int16], votes: Any, belief: Floats) -> Floats:
        """P(label | votes) after gold, float64[p, k], from that before."""
        start = log_belief(belief)
        corrected = self.shares[0] * belief
        for share, a, b, weights in zip(self.shares[1:], self.slopes, self.labels, self.weights, strict=True):
            logits = a * start + b
            corrected = corrected + share * softmax(logits if weights is None else logits + (votes @ weights).toarray())
        trust = self.reach.of(belief)
        corrected = trust * corrected + (1 - trust) * belief
        return self.settled.answer(matrix, corrected / corrected.sum(axis=1, keepdims=True))


def fit_anchors(patterns: VotePatterns, evidence: Evidence, belief: Floats, *, balanced: bool) -> Anchors:
    """What gold corrects.

    Args:
        belief: float64[p, k], from the votes alone.
        balanced: every label counts the same, however rare, as it does in an F1.
    """
    gold = np.where(evidence.counts[:, None] > 0, patterns.gold, 0)
    seen = np.flatnonzero(gold.sum(axis=1))
    target, here = gold[seen].astype(np.float64), belief[seen]
    held_out = _folds(target, here)
    counting = _balance(target) if balanced else np.ones(target.shape[1])
    held_out, target = held_out * counting, target * counting
    problem = Problem.of(evidence.votes[seen], log_belief(here))
    ridges = [(r, head) for r, head in _RIDGES if r.votes is None or problem.table <= _LARGEST_TABLE]
    tasks = np.concatenate([target - held_out, target[None]])
    fits = [problem.fit(tasks, ridge) for ridge, _ in ridges]
    believed = np.stack([np.broadcast_to(here, held_out.shape), *(probs[:-1] for _, probs in fits)])
    shares = softmax(_credit(np.array([0.0, *(head for _, head in ridges)]), held_out, believed)[None])[0]
    kept = [i for i, share in enumerate(shares[1:]) if share > _LEAST_SHARE]
    own = clamp_shares(held_out, target, np.tensordot(shares, believed, 1))
    last = [problem.unpacked(fits[i][0][-1], ridges[i][0]) for i in kept]
    return Anchors(
        np.array([a for a, _, _ in last]),
        np.array([b for _, b, _ in last]).reshape(-1, target.shape[1]),
        tuple(weights for _, _, weights in last),
        np.array([shares[0], *shares[1:][kept]]) / (shares[0] + shares[1:][kept].sum()),
        fit_reach(belief, evidence.counts, gold),
        settle(patterns.matrix[seen], target, own),
    )


def _credit(heads: Floats, held_out: Floats, believed: Floats) -> Floats:
    """What speaks for each belief float64[r, f, p, k], the first being that of the votes, in nats."""
    rounded = np.round(believed, DECIMALS)
    best = rounded >= rounded.max(axis=-1, keepdims=True, initial=0.0)
    right = (held_out * best / best.sum(axis=-1, keepdims=True)).sum(axis=(-3, -2, -1))
    return np.asarray(_RATE * (heads - losses(held_out, believed)) + np.minimum(right - right[0], 0.0))


def losses(held_out: Floats, believed: Floats) -> Floats:
    """The log-loss of each belief float64[..., f, p, k] on the gold held out float64[f, p, k]."""
    return -np.asarray((held_out * np.log(np.maximum(believed, 1e-12))).sum(axis=(-3, -2, -1)))


def _balance(target: Floats) -> Floats:
    """How much a row of each label counts, float64[k]: the labels alike, together no more than the rarer can bear.

    Of n and m rows, a comparison of two labels knows as much as 2 / (1 / n + 1 / m) rows of each.
    """
    rows = target.sum(axis=0) + _UNSEEN
    return np.asarray(len(rows) / (1 / rows).sum() / rows)


def _folds(target: Floats, belief: Floats) -> Floats:
    """Gold dealt into folds, float64[f, p, k]: row by row in order of how well it was foreseen, hence stratified."""
    patterns, labels = np.nonzero(target)
    foreseen = np.lexsort((np.round(belief[patterns, labels], 9),))
    row = np.repeat(foreseen, target[patterns, labels].astype(np.int64)[foreseen])
    folds = np.zeros((_MANY_FOLDS if len(row) <= _FEW_ROWS else _FEW_FOLDS, *target.shape))
    for i, fold in enumerate(folds):
        np.add.at(fold, (patterns[row[i :: len(folds)]], labels[row[i :: len(folds)]]), 1.0)
    return folds
