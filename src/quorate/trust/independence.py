"""independence: what votes would be, and how right each source is, were sources independent given the label.

A check on label models rather than one of them: expectation-maximisation (Dawid and Skene 1979) from what the label
model believes, to where the votes themselves are most likely, with kin (copies, correlated sources) taking turns, so
that no two of a kind are ever counted as two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, confusion_counts, indicators, label_mass, posterior
from quorate.belief.sidedness import TWO_SIDED, sidedness_by_source
from quorate.patterns import VotePatterns
from quorate.values import ABSTAIN

_STEPS = 200
_OWN_STEPS = 12
_CONVERGED = 1e-4
# Looking for kin needs no more than this.
_ROUGH_STEPS, _ROUGHLY = 50, 1e-3
# Up to so many numbers, votes are faster as a plain array.
_SMALL = 2_000_000
_STRENGTH = 2.0
_SEED, _MOST_PATTERNS = 20_113, 4000
_TURNS = 8


@dataclass(frozen=True, eq=False)
class Believed:
    """Sources as the votes show them: `accuracy` float64[m], `balance` float64[k], `confusion` float64[m, k, k] of
    P(vote | label, voted), and the label probabilities of each pattern, float64[p, k]."""

    accuracy: Floats
    balance: Floats
    confusion: Floats
    probs: Floats


def is_two_sided(patterns: VotePatterns) -> NDArray[np.bool_]:
    """Which sources tell labels apart by what they vote rather than by whether they vote, bool[m]."""
    k = len(patterns.space)
    return np.asarray(sidedness_by_source(indicators(patterns.matrix, k), patterns.counts, k) >= TWO_SIDED, bool)


def can_be_known(patterns: VotePatterns, groups: NDArray[np.intp], fewest: int = 3) -> bool:
    """Whether the votes alone tell how right their sources are: three or more that are no kin and judge every label.

    Five show which two of them are correlated; of four, one pair and the other look the same.
    """
    two_sided = is_two_sided(patterns)
    cast = ((patterns.matrix != ABSTAIN) * patterns.counts[:, None]).sum(axis=0)
    most = cast[two_sided].sum() >= TWO_SIDED * max(cast.sum(), 1)
    return bool(most) and len(np.unique(groups[two_sided & (cast > 0)])) >= fewest


def thinned(patterns: VotePatterns) -> tuple[VotePatterns, NDArray[np.intp]]:
    """So few rows that EM is quick on them, drawn at random, and the places of their patterns among all."""
    if len(patterns) <= _MOST_PATTERNS:
        return patterns, np.arange(len(patterns))
    generator, share = np.random.default_rng(_SEED), min(_MOST_PATTERNS / patterns.rows, 1.0)
    gold = generator.binomial(patterns.gold, share)
    counts = generator.binomial(np.maximum(patterns.counts - patterns.gold.sum(axis=1), 0), share) + gold.sum(axis=1)
    at = np.flatnonzero(counts)
    return VotePatterns(patterns.space, patterns.sources, patterns.matrix[at], counts[at], gold[at]), at


def believe(patterns: VotePatterns, counts: Floats, gold: Floats, start: Floats, groups: NDArray[np.intp]) -> Believed:
    """The sources where the votes are most likely, by EM from the probabilities `start`, float64[p, k].

    Args:
        counts: rows by pattern, float64[p]; `gold` float64[p, k] those among them that are settled.
        groups: the kin of each source, intp[m]; sources of one group take turns.
    """
    votes, m, k = indicators(patterns.matrix, len(patterns.space)), len(patterns.sources), len(patterns.space)
    turns = _turns(groups)
    accuracy, confusion = np.zeros(m), np.zeros((m, k, k))
    heard, balance, probs = np.zeros(m), np.zeros(k), np.zeros_like(start)
    for active in turns:
        columns = np.repeat(active, k).astype(np.float64)
        believed, shape, prior = _maximise(votes, columns, counts, gold, start)
        # Of a very large family some never have a turn; they are judged by the others.
        judged = active | ~np.any(turns, axis=0)
        accuracy += judged * agreement(patterns.matrix, counts, _settled_shares(believed, counts, gold))
        confusion += judged[:, None, None] * shape
        heard, balance, probs = heard + judged, balance + prior, probs + believed
    n = len(turns)
    return Believed(accuracy / heard, balance / n, confusion / heard[:, None, None], probs / n)


def without(
    patterns: VotePatterns, start: Floats, groups: NDArray[np.intp], j: int
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """The sources where one of them and its kin are not heard: which are, bool[m]; confusions float64[m, k, k], the
    unheard one's as likely as those of the others let it be; label probabilities float64[p, k]."""
    votes, k = indicators(patterns.matrix, len(patterns.space)), len(patterns.space)
    counts, gold = patterns.counts.astype(np.float64), patterns.gold.astype(np.float64)
    active = np.array([g != groups[j] and (groups[:i] != g).all() for i, g in enumerate(groups)], bool)
    probs, confusion, _ = _maximise(votes, np.repeat(active, k).astype(np.float64), counts, gold, start, rough=True)
    alone = np.arange(len(active)) == j
    heard = votes.multiply(np.repeat(alone, k).astype(np.float64)).tocsr()
    for _ in range(_OWN_STEPS):
        both = np.maximum(probs, 1e-12) * posterior(heard, np.log(confusion), np.zeros(k))
        both /= both.sum(axis=1, keepdims=True)
        counted = confusion_counts(votes, label_mass(both, counts, gold))  # type: ignore[arg-type]
        confusion = np.where(alone[:, None, None], _smoothed(counted), confusion)
    return active, confusion, both


def _settled_shares(probs: Floats, counts: Floats, gold: Floats) -> Floats:
    """The probabilities of each pattern with its settled rows as settled, float64[p, k]."""
    mass = label_mass(probs, counts, gold)  # type: ignore[arg-type]
    return np.asarray(np.where(counts[:, None] > 0, mass / np.maximum(counts, 1e-9)[:, None], probs))


def _turns(groups: NDArray[np.intp]) -> list[NDArray[np.bool_]]:
    """Which sources vote in each turn: one of each group, until all had theirs (of large families the first few)."""
    place = np.array([int((groups[:j] == g).sum()) for j, g in enumerate(groups)], np.intp)
    size = np.array([int((groups == g).sum()) for g in groups], np.intp)
    return [place == turn % size for turn in range(min(int(size.max(initial=1)), _TURNS))]


def _maximise(
    votes: Any, columns: Floats, counts: Floats, gold: Floats, probs: Floats, *, rough: bool = False
) -> tuple[Floats, Floats, Floats]:
    k = probs.shape[1]
    covered = np.asarray(votes @ columns) > 0
    weights = counts * covered
    settled = gold * covered[:, None]
    rest = (weights - settled.sum(axis=1))[:, None]
    heard = votes.multiply(columns).tocsr()
    if votes.shape[0] * votes.shape[1] <= _SMALL:
        votes, heard = votes.toarray(), heard.toarray()
    steps, converged = (_ROUGH_STEPS, _ROUGHLY) if rough else (_STEPS, _CONVERGED)
    for _ in range(steps):
        mass = probs * rest + settled
        shape = _smoothed(confusion_counts(votes, mass))
        prior = (mass.sum(axis=0) + 0.5) / (mass.sum() + 0.5 * k)
        before, probs = probs, posterior(heard, np.log(shape), np.log(prior))
        if np.abs((probs - before) * (weights > 0)[:, None]).max(initial=0.0) < converged:
            break
    return probs, shape, prior


def _smoothed(counts: Floats) -> Floats:
    """Confusions shrunk to those of all sources together, by two rows' worth."""
    k = counts.shape[1]
    pooled = counts.sum(axis=0) + 0.1 + 0.4 * np.eye(k)
    pooled /= pooled.sum(axis=1, keepdims=True)
    return np.asarray((counts + _STRENGTH * pooled) / (counts.sum(axis=2, keepdims=True) + _STRENGTH))


def agreement(matrix: NDArray[np.int16], counts: Floats, probs: Floats) -> Floats:
    """How probable each source's votes are on average, float64[m]; NaN where it has none."""
    voted = matrix != ABSTAIN
    chance = np.take_along_axis(probs, np.where(voted, matrix, 0).astype(np.intp), axis=1)
    weight = voted * counts[:, None]
    total = weight.sum(axis=0)
    return np.where(total > 0, (chance * weight).sum(axis=0) / np.maximum(total, 1e-9), np.nan)
