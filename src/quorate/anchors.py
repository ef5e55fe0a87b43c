"""Anchors: rows that people settled correct what the votes alone made believe.

A multinomial regression whose starting point is the belief of the votes:

    log-odds of label y = a · log P(y | votes) + b[y] + sum over sources of (t[source] · [voted y] + U[vote, y])

Ridges hold a at 1 and everything else at 0, so no gold means no change; how strong they are is not chosen but
averaged over: each of a few settings counts by exp(-log-loss on gold held out in five folds), and so does believing
the votes as they are. With enough gold, U makes it the logistic regression on votes that it must not lose to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.confusion import Floats, softmax

_FOLDS = 5
_LEAST = 1e-6
# Believing the votes as they are has e² times the weight of any correction to start with.
_HEAD_START = 2.0
# Beyond this many numbers, U is left out: sources are corrected as wholes.
_LARGEST_TABLE = 20_000
_NEVER = 1e6
_ITERATIONS = 100


@dataclass(frozen=True)
class _Ridge:
    """Penalties of U (none: no U), t, b and a."""

    votes: float | None
    sources: float
    labels: float
    slope: float


_RIDGES = (
    _Ridge(None, _NEVER, 10.0, 10.0),
    _Ridge(None, _NEVER, 1.0, 2.0),
    _Ridge(None, 10.0, 3.0, 5.0),
    _Ridge(None, 2.0, 1.0, 2.0),
    _Ridge(10.0, 10.0, 3.0, 5.0),
    _Ridge(3.0, 3.0, 1.0, 2.0),
    _Ridge(1.0, 1.0, 0.5, 1.0),
    _Ridge(0.3, 0.3, 0.3, 1.0),
)


@dataclass(frozen=True, eq=False)
class Correction:
    """`slope`, `labels` float64[k], `sources` float64[m] and `votes` float64[m·k, k] or none: a, b, t and U."""

    slope: float
    labels: Floats
    sources: Floats
    votes: Floats | None

    def __call__(self, votes: Any, log_belief: Floats) -> Floats:
        """P(label | votes), float64[p, k]."""
        return softmax(self.logits(votes, log_belief))

    def logits(self, votes: Any, log_belief: Floats) -> Floats:
        k = log_belief.shape[1]
        by_source = np.stack([votes[:, y::k] @ self.sources for y in range(k)], axis=1)
        logits = self.slope * log_belief + self.labels + by_source
        return np.asarray(logits if self.votes is None else logits + votes @ self.votes)


@dataclass(frozen=True, eq=False)
class Anchors:
    """Corrections and what each counts, `unchanged` what the belief itself counts; they sum to 1."""

    corrections: tuple[Correction, ...]
    shares: tuple[float, ...]
    unchanged: float

    def correct(self, votes: Any, belief: Floats) -> Floats:
        """P(label | votes) after gold, float64[p, k], from that before."""
        log_belief = _log(belief)
        corrected = self.unchanged * belief
        for share, correction in zip(self.shares, self.corrections, strict=True):
            corrected = corrected + share * correction(votes, log_belief)
        return np.asarray(corrected / corrected.sum(axis=1, keepdims=True))


def fit_anchors(votes: Any, belief: Floats, gold: NDArray[np.int64], balanced: bool) -> Anchors:
    """What gold corrects.

    Args:
        votes: CSR float64[p, m·k].
        belief: float64[p, k], from the votes alone.
        gold: int64[p, k], how many rows of each pattern people settled as each label.
        balanced: every label counts the same, however rare, as it does in an F1.
    """
    seen = np.flatnonzero(gold.sum(axis=1))
    target = gold[seen].astype(np.float64)
    folds = _folds(target, belief[seen])
    if balanced:
        by_label = (target.sum() + target.shape[1]) / (target.shape[1] * (target.sum(axis=0) + 1))
        target, folds = target * by_label, [fold * by_label for fold in folds]
    here, log_belief = votes[seen], _log(belief[seen])
    ridges = [r for r in _RIDGES if r.votes is None or votes.shape[1] * target.shape[1] <= _LARGEST_TABLE]
    losses = [_loss(fold, belief[seen]) for fold in folds]
    total = [sum(losses) - _HEAD_START]
    for ridge in ridges:
        held_out = ((f, _fitted(here, log_belief, target - f, ridge)) for f in folds)
        total.append(sum(_loss(fold, correction(here, log_belief)) for fold, correction in held_out))
    shares = softmax(-np.array(total)[None])[0]
    kept = [i for i, share in enumerate(shares[1:]) if share > 1e-3]
    return Anchors(
        tuple(_fitted(here, log_belief, target, ridges[i]) for i in kept),
        tuple(float(shares[i + 1]) for i in kept),
        float(shares[0]),
    )


def _fitted(votes: Any, log_belief: Floats, target: Floats, ridge: _Ridge) -> Correction:
    """The correction of least penalised log-loss on `target` float64[p, k], rows by pattern and label."""
    from scipy.optimize import minimize

    k = target.shape[1]
    m, rows = votes.shape[1] // k, target.sum(axis=1, keepdims=True)
    table = 0 if ridge.votes is None else votes.shape[1]
    penalty = np.concatenate(
        [[ridge.slope], np.full(k, ridge.labels), np.full(m, ridge.sources), np.full(table * k, ridge.votes or 0.0)]
    )
    rest = np.zeros(len(penalty))
    rest[0] = 1.0
    by_label = [votes[:, y::k].T.tocsr() for y in range(k)]

    def unpacked(theta: Floats) -> Correction:
        u = theta[1 + k + m :].reshape(table, k) if table else None
        return Correction(float(theta[0]), theta[1 : 1 + k], theta[1 + k : 1 + k + m], u)

    def objective(theta: Floats) -> tuple[float, Floats]:
        probs = unpacked(theta)(votes, log_belief)
        off = probs * rows - target
        gradient = [[(off * log_belief).sum()], off.sum(axis=0), sum(by_label[y] @ off[:, y] for y in range(k))]
        if table:
            gradient.append(np.asarray(votes.T @ off).ravel())
        away = theta - rest
        return _loss(target, probs) + 0.5 * float(penalty @ away**2), np.concatenate(gradient) + penalty * away

    found = minimize(objective, rest, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
    return unpacked(found.x)


def _folds(target: Floats, belief: Floats) -> list[Floats]:
    """Gold dealt into folds, float64[p, k] each: row by row in order of how well it was foreseen, hence stratified."""
    patterns, labels = np.nonzero(target)
    foreseen = np.lexsort((np.round(belief[patterns, labels], 9),))
    times = target[patterns, labels].astype(np.int64)[foreseen]
    row = np.repeat(foreseen, times)
    folds = [np.zeros_like(target) for _ in range(_FOLDS)]
    for i, fold in enumerate(folds):
        np.add.at(fold, (patterns[row[i::_FOLDS]], labels[row[i::_FOLDS]]), 1.0)
    return folds


def _log(belief: Floats) -> Floats:
    floored = np.log(np.maximum(belief, _LEAST))
    return np.asarray(floored - np.log(np.exp(floored).sum(axis=1, keepdims=True)))


def _loss(target: Floats, probs: Floats) -> float:
    return -float((target * np.log(np.maximum(probs, 1e-12))).sum())
