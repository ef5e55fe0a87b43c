"""Subtypes: rows of a label come in kinds, easy ones and contested ones, and each source errs its own way on each.

Independent Bayesian combination with subtypes (Li, Rubinstein and Cohn 2019), with a prior of know-or-guess (after
MACE, Hovy et al. 2013): a source knows the answer with a probability of its own and guesses by its own habit
otherwise. One subtype a label is Bayesian Dawid-Skene (Kim and Ghahramani 2012). Mean-field updates,

    log P(vote | class) = digamma(n + a) - digamma(sum over votes of n + a),

with `n` the expected votes and `a` the pseudo-counts: three by what the source does, three by what all sources do on
rows of the class, and a fifth of a vote on every label.
"""

from __future__ import annotations

import numpy as np

from quorate.belief.confusion import Floats
from quorate.belief.evidence import DECIMALS, Belief, Evidence, farthest

_ITERATIONS = 100
_OF_SOURCE, _OF_ALL, _OF_ANY = 3.0, 3.0, 0.2
# A label balance has to be earned by rows: for every pair of labels this many are held to be evenly split.
_ROWS_BY_PAIR = 30.0
_ROWS_BY_SUBTYPE = 30.0
# With dozens of votes a row its label is hardly in doubt; subtypes would learn how the sources are correlated instead.
_MANY_VOTES = 25.0
_SUBTYPE_PSEUDO_COUNT = 0.1
# How fast know-or-guess settles, and how many votes of all sources vouch for one.
_KNOWING_STEPS, _KNOWING_SHRINKAGE, _GUESSING_SHRINKAGE = 20, 4.0, 2.0
# Beside the votes of a sample, what vouches for one counts next to nothing.
_KNOWING_STEPS_ON_A_SAMPLE = 5


def identified_subtypes(evidence: Evidence) -> int:
    """How many subtypes a label the votes can tell apart.

    k·g classes are identified by v voters when k^((v - 1) / 2) reaches k·g (Kruskal's condition as Allman, Matias
    and Rhodes 2009 use it); and each needs rows to be learnt from.
    """
    k, rows = evidence.k, evidence.rows
    voters = evidence.cast().sum() / max(rows, 1e-12)
    by_votes = k ** min((voters - 3) / 2, 10.0) if voters <= _MANY_VOTES else 1.0
    return max(1, int(min(by_votes, rows / (_ROWS_BY_SUBTYPE * k)) + 1e-9))


def even_rows(k: int) -> float:
    """How many evenly split rows stand against a learnt label balance."""
    return _ROWS_BY_PAIR * k * k


def fit_subtypes(evidence: Evidence, subtypes: int, pseudo_rows: float, start: Belief | None = None) -> Belief:
    """The belief after mean-field updates from `start`; else from majority vote, subtypes by how contested rows are."""
    k = evidence.k
    classes = _contested(evidence, subtypes) if start is None else start.classes(evidence.votes)
    steps, converged = evidence.pace(_ITERATIONS)
    knowing = _KNOWING_STEPS_ON_A_SAMPLE if evidence.is_sample else _KNOWING_STEPS
    for _ in range(steps):
        mass = evidence.mass(classes)
        belief = Belief.of(_expected(evidence.confusion(mass), k, knowing), _bias(mass, k, pseudo_rows))
        before, classes = classes, belief.classes(evidence.votes)
        np.round(classes, DECIMALS, out=classes)
        if farthest(classes, before) < converged:
            break
    return belief


def learnt_balance(belief: Belief, k: int) -> Floats:
    """P(label) of the belief, float64[k]."""
    balance = np.exp(belief.bias).reshape(k, -1).sum(axis=1)
    return np.asarray(balance / balance.sum())


def _expected(counts: Floats, k: int, knowing: int) -> Floats:
    """Expected log P(vote | class), float64[m, c, k]."""
    from scipy.special import digamma

    subtypes = counts.shape[1] // k
    of_all = counts.sum(axis=0) + 0.1 + np.repeat(np.eye(k), subtypes, axis=0)
    of_all /= of_all.sum(axis=1, keepdims=True)
    by_label = counts.reshape(len(counts), k, subtypes, k).sum(axis=2)
    of_source = np.repeat(know_or_guess(by_label, knowing), subtypes, axis=1)
    alpha = counts + _OF_SOURCE * of_source + _OF_ALL * of_all + _OF_ANY
    return np.asarray(digamma(alpha) - digamma(alpha.sum(axis=2, keepdims=True)))


def know_or_guess(counts: Floats, steps: int) -> Floats:
    """P(vote | label) of sources that know with probability a and else guess by habit, float64[m, k, k].

    From expected votes float64[m, k, k], by EM over which votes were known; both a and the habit are shrunk to what
    is usual among all sources.
    """
    k, total = counts.shape[1], counts.sum(axis=(1, 2))
    # Sources are the last axis: NumPy takes several times as long to reduce many short rows.
    right, cast = np.diagonal(counts, axis1=1, axis2=2).T.copy(), counts.sum(axis=1).T
    usual = _GUESSING_SHRINKAGE * (counts.sum(axis=(0, 1)) / max(counts.sum(), 1e-12) + 1e-9)[:, None]
    pooled = np.clip((right.sum() + 0.7) / (total.sum() + 1.0), 1e-6, 1 - 1e-6)
    knows = np.full(len(counts), pooled)
    habit = cast - right + usual
    habit /= np.add.reduce(habit)
    wanted, sure, either = total + _KNOWING_SHRINKAGE, _KNOWING_SHRINKAGE * pooled, cast + usual
    for _ in range(steps):
        habit *= 1 - knows
        habit += knows
        known = right / habit
        known *= knows
        knows = (np.add.reduce(known) + sure) / wanted
        np.minimum(np.maximum(knows, 0.01, out=knows), 0.99, out=knows)
        habit = either - known
        habit /= np.add.reduce(habit)
    return np.asarray(knows[:, None, None] * np.eye(k) + ((1 - knows) * habit).T[:, None, :])


def _bias(mass: Floats, k: int, pseudo_rows: float) -> Floats:
    from scipy.special import digamma

    by_class = mass.sum(axis=0).reshape(k, -1)
    balance = by_class.sum(axis=1) + pseudo_rows / k
    within = by_class + _SUBTYPE_PSEUDO_COUNT
    share = digamma(within) - digamma(within.sum(axis=1, keepdims=True))
    if by_class.shape[1] == 1:
        share = np.zeros_like(share)
    return np.asarray((np.log(balance / balance.sum())[:, None] + share).ravel())


def _contested(evidence: Evidence, subtypes: int) -> Floats:
    """Majority vote, each label split by how the pattern ranks in agreement, float64[p, k * subtypes]."""
    agreement = np.round(evidence.start.max(axis=1, initial=0.0), 9)
    _, level = np.unique(agreement, return_inverse=True)
    rows = np.bincount(level.reshape(-1), evidence.counts, int(level.max(initial=0)) + 1)
    rank = ((np.cumsum(rows) - rows / 2) / max(rows.sum(), 1e-12))[level.reshape(-1)]
    centres = (np.arange(subtypes) + 0.5) / subtypes
    near = np.exp(-2.0 * ((rank[:, None] - centres) * subtypes) ** 2)
    near /= near.sum(axis=1, keepdims=True)
    return np.asarray((evidence.start[:, :, None] * near[:, None, :]).reshape(len(near), -1))
