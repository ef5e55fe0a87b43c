"""quorum, the default label model: an average of simple members, fitted on vote patterns.

The members differ in what they hold to be the evidence in a vote:

- *majority vote*;
- *ratios*: class-balanced log likelihood ratios, shrunk to what is usual for the label, three steps from majority vote;
- *diagonal*: Bayesian Dawid-Skene (Kim and Ghahramani 2012) with a prior that expects any source to be right more
  often than not; once as it is, and once with the ratios for one-sided sources;
- *know-or-guess* (after MACE, Hovy et al. 2013): a source knows the answer with a probability of its own and guesses
  otherwise; with the ratios for one-sided sources.

A one-sided source (a keyword rule, which votes for one label only) tells labels apart by *whether* it votes, and the
confusion matrix of Dawid-Skene cannot hold that: given that it voted, it always votes the same. Ratios can. The average
is better calibrated than any member.

Two priors are kept apart. While fitting, one-sided sources must not teach the class balance: how often rules for a
label fire says how many were written, not how common it is. So their prior is uniform; sources that vote for every
label do teach it. The balance that is reported, and given to rows without votes, is the mass of the posterior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.confusion import Floats, confusion_counts, indicators, label_mass, posterior, vote_shares
from quorate.patterns import VotePatterns
from quorate.values import ABSTAIN

_CONVERGED = 1e-5
# More steps of self-training hurt; a vote of a rule seen four times is half believed.
_RATIO_STEPS = 3
_RATIO_SHRINKAGE = 4.0
# Enough gold rows to trust their class balance over the votes'.
_GOLD_FOR_BALANCE = 30
# Beyond these many gold rows the members' own beliefs weigh a quarter.
_MUCH_GOLD = 200
# A two-sided source emits every label; below this share of the pooled entropy the sources count as one-sided.
_TWO_SIDED = 0.5


@dataclass(frozen=True)
class Quorum:
    """One fixed configuration for every data set; deterministic; any number of sources from one up."""

    kind: ClassVar[str] = "label_models"

    iterations: int = 60
    gold_strength: float = 20.0

    @classmethod
    def example(cls) -> Quorum:
        return cls()

    def fit(self, patterns: VotePatterns) -> FittedQuorum:
        k = len(patterns.space)
        covered = (patterns.matrix != ABSTAIN).any(axis=1)
        counts = np.where(covered, patterns.counts, patterns.gold.sum(axis=1))
        votes, start = indicators(patterns.matrix, k), vote_shares(patterns.matrix, k)
        two_sided = _sidedness(votes, counts, k) >= _TWO_SIDED
        log_prior = np.log(_fitting_prior(start, counts, patterns.gold, two_sided))
        fit = _Fit(votes, counts, patterns.gold, start, log_prior, self.iterations)
        ratios = _anchored_ratios(fit, _fit_ratios(fit), self.gold_strength)
        one_sided = (_sidedness_by_source(votes, counts, k) < _TWO_SIDED)[:, None, None]
        learned = [_anchored(fit, _variational(fit, _diagonal, None), self.gold_strength)]
        for pseudo in (_diagonal, _know_or_guess):
            member = _variational(fit, pseudo, np.where(one_sided, ratios, np.nan))
            learned.append(np.where(one_sided, ratios, _anchored(fit, member, self.gold_strength)))
        members = (ratios, *learned)
        # The average is under-confident on one-sided rules (majority vote and the diagonal member know little of
        # them) and over-confident on full voters (their errors are shared).
        model = FittedQuorum(np.full(k, 1 / k), log_prior, members, 0.6 if two_sided else 1.5)
        return model.with_prior(_reported_prior(fit, model, patterns, two_sided))


@dataclass(frozen=True, eq=False)
class FittedQuorum:
    """`prior` float64[k] reported; `members` hold log P(vote | label), float64[m, k, k] each."""

    prior: Floats
    log_prior: Floats
    members: tuple[Floats, ...]
    sharpness: float

    def with_prior(self, prior: Floats) -> FittedQuorum:
        return FittedQuorum(prior, self.log_prior, self.members, self.sharpness)

    def probabilities(self, matrix: NDArray[np.int16]) -> Floats:
        votes = indicators(matrix, len(self.prior))
        believed = [vote_shares(matrix, len(self.prior))]
        believed += [posterior(votes, member, self.log_prior) for member in self.members]
        mean = sum(believed) / len(believed)
        sharp = mean**self.sharpness
        covered = (matrix != ABSTAIN).any(axis=1, keepdims=True)
        return np.where(covered, sharp / sharp.sum(axis=1, keepdims=True), self.prior)


@dataclass(frozen=True, eq=False)
class _Fit:
    """What every member is fitted on."""

    votes: Any
    counts: NDArray[np.int64]
    gold: NDArray[np.int64]
    start: Floats
    log_prior: Floats
    iterations: int


def _diagonal(counts: Floats) -> Floats:
    """Dirichlet pseudo-counts of a confusion row: 1 for each vote, 4 for the right one."""
    return np.asarray(1.0 + 3.0 * np.eye(counts.shape[1]))


def _know_or_guess(counts: Floats) -> Floats:
    """Pseudo-counts of sum 1 that follow each source's probability of knowing, shrunk to that of all sources."""
    k = counts.shape[1]
    right, total = counts[:, range(k), range(k)].sum(axis=1), counts.sum(axis=(1, 2))
    pooled = (right.sum() + 0.7) / (total.sum() + 1.0)
    accuracy = (right + 4.0 * pooled) / (total + 4.0)
    knows = np.clip((accuracy - 1 / k) / (1 - 1 / k), 0.02, 0.98)[:, None, None]
    return np.asarray(knows * np.eye(k) + (1 - knows) / k)


def _fit_ratios(fit: _Fit) -> Floats:
    """Shrunken, class-balanced log likelihood ratios: what a vote says of the label, float64[m, k, k].

    A rule that votes for one label only tells classes apart by *whether* it fires, which P(vote | label, voted) cannot
    hold. P(label | vote) can; it is counted on majority vote, with every class given the same mass, shrunk to the
    pooled precision of that label, and never lets a vote speak for another label more than for its own.
    """
    probs = fit.start
    for _ in range(_RATIO_STEPS):
        mass = label_mass((probs + fit.start) / 2, fit.counts, fit.gold)
        counts = confusion_counts(fit.votes, mass)
        ratios = _log_ratios(counts, mass.sum(axis=0))
        probs = posterior(fit.votes, ratios, fit.log_prior)
    return ratios


def _log_ratios(counts: Floats, mass: Floats) -> Floats:
    k = len(mass)
    cast = counts.sum(axis=1, keepdims=True)
    balanced = counts / np.maximum(mass, 1e-9)[:, None]
    share = balanced / np.maximum(balanced.sum(axis=1, keepdims=True), 1e-300)
    pooled = (share * cast).sum(axis=0) + 1e-9
    precision = np.diag(pooled) / pooled.sum(axis=0)
    expected = np.where(np.eye(k, dtype=bool), precision, (1 - precision) / max(k - 1, 1))
    shrunk = (share * cast + _RATIO_SHRINKAGE * expected) / (cast + _RATIO_SHRINKAGE)
    ratios = np.log(np.maximum(shrunk, 1e-12) * k)
    own = np.diagonal(ratios, axis1=1, axis2=2)[:, None, :]
    ratios = np.minimum(ratios, own)
    # A source that votes for several labels is mostly judged as a whole: 0.7 of its votes' mean, 0.3 of this vote.
    weight = cast[:, 0, :] / np.maximum(cast[:, 0, :].sum(axis=1, keepdims=True), 1)
    right = (np.diagonal(ratios, axis1=1, axis2=2) * weight).sum(axis=1)[:, None, None]
    wrong = ((ratios.sum(axis=1) - np.diagonal(ratios, axis1=1, axis2=2)) / max(k - 1, 1) * weight).sum(axis=1)
    whole = np.where(np.eye(k, dtype=bool), right, wrong[:, None, None])
    return np.asarray(0.3 * ratios + 0.7 * whole)


def _variational(fit: _Fit, pseudo: Callable[[Floats], Floats], given: Floats | None) -> Floats:
    """Expected log P(vote | label) float64[m, k, k] after mean-field updates from majority vote.

    `given` is the evidence of sources that are not learned here; NaN for those that are.
    """
    from scipy.special import digamma

    probs = fit.start
    for _ in range(fit.iterations):
        counts = confusion_counts(fit.votes, label_mass(probs, fit.counts, fit.gold))
        alpha = counts + pseudo(counts)
        expected: Floats = digamma(alpha) - digamma(alpha.sum(axis=2, keepdims=True))
        if given is not None:
            expected = np.where(np.isnan(given), expected, given)
        before, probs = probs, posterior(fit.votes, expected, fit.log_prior)
        if np.abs(probs - before).max(initial=0.0) < _CONVERGED:
            break
    return expected


def _anchored(fit: _Fit, member: Floats, strength: float) -> Floats:
    """log P(vote | label) blended with what gold rows say of each source; `strength` rows of belief in the member."""
    if not fit.gold.any():
        return member
    believed = np.exp(member)
    believed /= believed.sum(axis=2, keepdims=True)
    seen = confusion_counts(fit.votes, fit.gold.astype(np.float64))
    weight = _belief(fit.gold, strength)
    return np.asarray(np.log((seen + weight * believed) / (seen.sum(axis=2, keepdims=True) + weight)))


def _anchored_ratios(fit: _Fit, ratios: Floats, strength: float) -> Floats:
    """The same for ratios: P(label | vote) is blended, and the class balance taken out of it again."""
    if not fit.gold.any():
        return ratios
    mass = label_mass(posterior(fit.votes, ratios, fit.log_prior), fit.counts, fit.gold).sum(axis=0) + 1.0
    balance = (mass / mass.sum())[:, None]
    believed = np.exp(ratios) * balance
    believed /= believed.sum(axis=1, keepdims=True)
    seen = confusion_counts(fit.votes, fit.gold.astype(np.float64))
    weight = _belief(fit.gold, strength)
    blended = (seen + weight * believed) / (seen.sum(axis=1, keepdims=True) + weight) / balance
    return np.asarray(np.log(blended / blended.sum(axis=1, keepdims=True) * len(balance)))


def _belief(gold: NDArray[np.int64], strength: float) -> float:
    return strength if gold.sum() <= _MUCH_GOLD else strength / 4


def _sidedness_by_source(votes: Any, counts: NDArray[np.int64], k: int) -> Floats:
    """How far each source emits all labels: the entropy of its votes over that of all votes, float64[m]."""
    by_source = np.asarray(votes.T @ counts, np.float64).reshape(-1, k)
    pooled = _entropy(by_source.sum(axis=0))
    # Rounded: the last bits follow the order of labels and sources, and a threshold is ahead.
    return np.round([_entropy(row) / pooled if pooled else 0.0 for row in by_source], 9)


def _sidedness(votes: Any, counts: NDArray[np.int64], k: int) -> float:
    """The same of all sources together, weighted by their votes."""
    cast = np.asarray(votes.T @ counts, np.float64).reshape(-1, k).sum(axis=1)
    return round(float(_sidedness_by_source(votes, counts, k) @ cast / max(cast.sum(), 1.0)), 9)


def _entropy(counts: Floats) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())


def _fitting_prior(start: Floats, counts: NDArray[np.int64], gold: NDArray[np.int64], two_sided: bool) -> Floats:
    """The class prior of the E-step, fixed: from gold when there is enough, from two-sided votes, else uniform."""
    k = start.shape[1]
    if gold.sum() >= _GOLD_FOR_BALANCE:
        mass = gold.sum(axis=0) + 1.0
    elif two_sided:
        mass = counts @ start + 1.0
    else:
        mass = np.ones(k)
    return np.asarray(mass / mass.sum())


def _reported_prior(fit: _Fit, model: FittedQuorum, patterns: VotePatterns, two_sided: bool) -> Floats:
    """The class balance: the mass of the posterior, for two-sided votes that of a fit which learns its own prior."""
    if not two_sided:
        return _balance(model.probabilities(patterns.matrix), fit.counts, fit.gold)
    probs, log_prior = fit.start, fit.log_prior
    for _ in range(fit.iterations):
        counts = confusion_counts(fit.votes, label_mass(probs, fit.counts, fit.gold))
        log_prior = np.log(_balance(probs, fit.counts, fit.gold))
        alpha = counts + _diagonal(counts)
        probs = posterior(fit.votes, np.log(alpha / alpha.sum(axis=2, keepdims=True)), log_prior)
    return np.exp(log_prior)


def _balance(probs: Floats, counts: NDArray[np.int64], gold: NDArray[np.int64]) -> Floats:
    mass = label_mass(probs, counts, gold).sum(axis=0) + 1.0
    return np.asarray(mass / mass.sum())


plugin = Quorum
