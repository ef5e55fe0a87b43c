"""quorum, the default label model: an average of simple members that are linear in the votes, fitted on vote patterns.

Sources that vote for one label only, as keyword rules do, and sources that vote for every label, as people and models
do, are evidence of different kinds, and the votes tell which they are (`sidedness`; the names here are modules of
`quorate.belief`).

*One-sided sources* tell labels apart by whether they vote. Members: majority vote, and twice the mean of two sets of
log-odds on the same scale: `ratios`, discounted for `correlation`, and Bayesian Dawid-Skene (`diagonal`), whose weight
for a rule is the larger the less the others contradict it. They must not teach the class balance: how often rules for a
label fire says how many were written, not how common it is. So the prior while fitting is uniform.

*Two-sided sources*. Members: majority vote, ratios, and `subtypes` with one to four subtypes a label as far as the
votes can tell them apart. They do teach the class balance, against rows that are held to be evenly split. Where very
many votes show that sources err independently (`goodness`), one subtype a label is all there is, and speaks alone.

Copies count as one source (`copies`). Gold corrects the whole (`anchors`). The balance that is reported, and given to
rows without votes, is the mass of the answers, for two-sided sources that of one subtype.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.belief.anchors import Anchors, fit_anchors
from quorate.belief.coins import fit_coins, too_large
from quorate.belief.confusion import Floats
from quorate.belief.correlation import discounted_shares, discounts
from quorate.belief.diagonal import fit_diagonal
from quorate.belief.evidence import DECIMALS, Belief, Evidence, weighted_votes
from quorate.belief.goodness import independent, told_apart
from quorate.belief.opinions import Opinions
from quorate.belief.ratios import fit_ratios, margin
from quorate.belief.side_by_side import side_by_side
from quorate.belief.sidedness import TWO_SIDED, sidedness, sidedness_by_source
from quorate.belief.subtypes import even_rows, fit_subtypes, identified_subtypes, learnt_balance
from quorate.belief.thinning import thinned
from quorate.patterns import VotePatterns

_MOST_SUBTYPES = 4
# How often two voters agree does not say which of them is right when they differ.
_TOLD_APART = 3
# What members say, held in memory beside the answer: little enough to stay in the cache.
_AT_A_TIME = 1 << 17
_GOLD_FOR_BALANCE = 30.0
# The average is over-confident: errors are shared, most of all those of full voters.
_SHARPNESS_OF_RULES, _SHARPNESS_OF_VOTERS = 0.8, 0.55


@dataclass(frozen=True)
class Quorum:
    """One fixed configuration for every data set; deterministic; any number of sources from one up."""

    kind: ClassVar[str] = "label_models"

    @classmethod
    def example(cls) -> Quorum:
        return cls()

    def fit(self, patterns: VotePatterns) -> FittedQuorum:
        given, patterns = patterns, thinned(patterns)
        evidence = Evidence.of(patterns, is_sample=patterns is not given)
        k = evidence.k
        two_sided = sidedness(evidence.votes, evidence.counts, k) >= TWO_SIDED
        members, shares, sharpness = _members(evidence, two_sided)
        model = FittedQuorum(np.full(k, 1 / k), evidence.weights, members, shares, sharpness, None, evidence.is_sample)
        if patterns.gold[evidence.counts > 0].any():
            belief = model.probabilities(patterns.matrix)
            balanced = k == 2 and _mostly_rules(evidence)
            model = replace(model, anchors=fit_anchors(patterns, evidence, belief, balanced=balanced))
        return replace(model, prior=_reported_prior(evidence, model, patterns, two_sided))


@dataclass(frozen=True, eq=False)
class FittedQuorum:
    """`prior` float64[k] reported; `source_weights` float64[m]; `members` and what each counts, majority vote first.

    `rough`: learnt from a sample of the votes.
    """

    prior: Floats
    source_weights: Floats
    members: tuple[Belief, ...]
    shares: tuple[float, ...]
    sharpness: float
    anchors: Anchors | None
    rough: bool

    @cached_property
    def _opinions(self) -> Opinions:
        return Opinions.of(self.members, self.source_weights, len(self.prior), rough=self.rough)

    def probabilities(self, matrix: NDArray[np.int16]) -> Floats:
        """P(label | votes), float64[p, k], some rows at a time."""
        probs = np.empty((len(matrix), len(self.prior)))

        def judge(rows: slice) -> None:
            probs[rows] = self._probabilities(matrix[rows])

        side_by_side(judge, self._some(len(matrix)))
        return probs

    def spread(self, matrix: NDArray[np.int16]) -> Floats:
        """How far the members are from their mean, float64[p]: the mean total variation distance, 0 without votes."""
        found = np.empty(len(matrix))
        for rows in self._some(len(matrix)):
            said, covered = self._opinions.said(matrix[rows])
            apart = np.abs(said - _average(said, self.shares)).sum(axis=1) / 2
            found[rows] = np.where(covered, _average(apart, self.shares), 0.0)
        return found

    def _some(self, rows: int) -> list[slice]:
        step = max(_AT_A_TIME // self._opinions.columns, 1)
        return [slice(first, first + step) for first in range(0, rows, step)]

    def _probabilities(self, matrix: NDArray[np.int16]) -> Floats:
        said, covered = self._opinions.said(matrix)
        sharp = _average(said, self.shares).astype(np.float64) ** self.sharpness
        probs = np.ascontiguousarray((sharp / sharp.sum(axis=0)).T)
        if self.anchors is not None:
            votes = weighted_votes(matrix, len(self.prior), self.source_weights)
            probs = self.anchors.correct(matrix, votes, probs)
        return np.where(covered[:, None], probs, self.prior)


def _average(said: Floats, shares: tuple[float, ...]) -> Floats:
    """The weighted mean over the first axis, added up in one order however many rows there are."""
    return np.asarray(sum(share * one for share, one in zip(shares, said, strict=True)))


def _members(evidence: Evidence, two_sided: bool) -> tuple[tuple[Belief, ...], tuple[float, ...], float]:
    """The members, what each counts, majority vote first, and the sharpness of the whole."""
    sharpness = _SHARPNESS_OF_VOTERS if two_sided else _SHARPNESS_OF_RULES
    if too_large(evidence):
        return (fit_coins(evidence),), (1 / 3, 2 / 3), sharpness
    if not two_sided:
        return *_rules(evidence), sharpness
    alone = _model_that_fits(evidence)
    return ((alone,), (0.0, 1.0), 1.0) if alone else (*_voters(evidence), sharpness)


def _model_that_fits(evidence: Evidence) -> Belief | None:
    """The belief of one subtype a label, where very many votes show that nothing is wrong with it."""
    if not evidence.is_sample or not told_apart(len(evidence.weights), evidence.k):
        return None
    belief = fit_subtypes(evidence, 1, even_rows(evidence.k))
    return belief if independent(evidence, belief.classes(evidence.votes)) else None


def _rules(evidence: Evidence) -> tuple[tuple[Belief, ...], tuple[float, ...]]:
    """The members for one-sided sources, and what each counts."""
    mean = sum(rule_log_odds(evidence).values()) / 2
    return (Belief.of(np.asarray(mean), np.zeros(evidence.k)),), (1 / 3, 2 / 3)


def rule_log_odds(evidence: Evidence) -> dict[str, Floats]:
    """What votes of one-sided sources say, by two members on one scale, float64[m, k, k] each."""
    cast = evidence.cast()
    counted = discounts(evidence, evidence.start)
    by_source = (counted * cast).sum(axis=1) / np.maximum(cast.sum(axis=1), 1e-12)
    by_source = np.where(cast.any(axis=1), by_source, 1.0)
    alone = margin(fit_ratios(evidence), cast)
    ratios = fit_ratios(evidence, by_source, discounted_shares(evidence, counted))
    # Discounts shape what the ratios are; the weakening itself would leave the sources that never meet in charge.
    found = {"ratios": ratios, "diagonal": fit_diagonal(evidence)}
    return {name: member * (alone / max(margin(member, cast), 1e-12)) for name, member in found.items()}


def _voters(evidence: Evidence) -> tuple[tuple[Belief, ...], tuple[float, ...]]:
    """The members for two-sided sources, and what each counts."""
    voices = tuple(voter_beliefs(evidence).values())
    # Who is there several times is asked once, and counts as often.
    members = tuple(dict.fromkeys(voices))
    shares = tuple(count / (len(voices) + 1) for count in (1, *map(voices.count, members)))
    if evidence.cast().any(axis=1).sum() < _TOLD_APART:
        members = tuple(_alike(member, evidence.cast()) for member in members)
    return members, shares


def voter_beliefs(evidence: Evidence) -> dict[str, Belief]:
    """The members for two-sided sources but majority vote, as if there were three sources or more."""
    k, most = evidence.k, identified_subtypes(evidence)
    fitted = {g: fit_subtypes(evidence, g, even_rows(k)) for g in range(1, min(most, _MOST_SUBTYPES) + 1)}
    found = {f"subtypes_{g}": fitted[min(g, most)] for g in range(1, _MOST_SUBTYPES + 1)}
    return {**found, "ratios": Belief.of(fit_ratios(evidence), np.zeros(k))}


def _alike(belief: Belief, cast: Floats) -> Belief:
    """The belief with the sources that vote held to be equally good."""
    by_source = belief.weights.reshape(*cast.shape, -1)
    voting = cast.any(axis=1)
    mean = by_source[voting].mean(axis=0) if voting.any() else by_source.mean(axis=0)
    return Belief(np.round(np.tile(mean, (len(cast), 1)), DECIMALS), belief.bias)


def _mostly_rules(evidence: Evidence) -> bool:
    """Whether half of the sources or more are one-sided: what they look for may be rare, and still counts."""
    sides = sidedness_by_source(evidence.votes, evidence.counts, evidence.k)[evidence.cast().any(axis=1)]
    return bool((sides < TWO_SIDED).mean() >= 0.5) if len(sides) else True


def _reported_prior(evidence: Evidence, model: FittedQuorum, patterns: VotePatterns, two_sided: bool) -> Floats:
    """The class balance: what the votes say, as 30 rows of gold would, and gold."""
    k = evidence.k
    if two_sided and not too_large(evidence):
        start = model.members[0] if evidence.is_sample else None
        balance = learnt_balance(fit_subtypes(evidence, 1, float(k), start), k)
    else:
        mass = evidence.mass(replace(model, anchors=None).probabilities(patterns.matrix)).sum(axis=0) + 1.0
        balance = mass / mass.sum()
    settled = patterns.gold.sum(axis=0)
    return np.asarray((_GOLD_FOR_BALANCE * balance + settled) / (_GOLD_FOR_BALANCE + settled.sum()))


plugin = Quorum
