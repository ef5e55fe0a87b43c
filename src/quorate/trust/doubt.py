"""doubt: how far the accuracy of each source and the class balance can be trusted, in numbers and in sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.estimating.intervals import Z95
from quorate.patterns import VotePatterns
from quorate.protocols import Doubts, FittedLabelModel, LabelModel
from quorate.trust.independence import agreement, believe, thinned
from quorate.trust.kinship import FEWEST_BOTH, Kinship, kinship
from quorate.values import ABSTAIN

_RESAMPLES = 50
_FEWEST_RESAMPLES = 12
# A label model may take a second to fit where gold anchors it.
_REFITS, _ANCHORED_REFITS = 12, 8
_FEWEST_REFITS = 4
# Votes times labels, over all draws: a bound by the clock would make intervals of a busy machine others.
_WORK, _REFIT_WORK = 3_000_000, 24_000_000
_SEED = 20_110
_SPREAD = 0.2
_BALANCE_OFF = 0.05


@dataclass(frozen=True, eq=False)
class Estimate:
    """The accuracy of each source and its 95 % interval, float64[m] each; `balance` the same of the labels, float64[k]
    each (value, low, high).

    `is_identified` tells whether the votes themselves show it; where not, it is what the label model believes, and the
    intervals hold what sampling leaves open, given that the model is right.
    """

    accuracy: Floats
    low: Floats
    high: Floats
    balance: tuple[Floats, Floats, Floats]
    kin: Kinship
    is_identified: bool


def estimate_accuracy(
    patterns: VotePatterns, model: LabelModel, fitted: FittedLabelModel, resamples: int | None = None
) -> Estimate:
    """How often each source votes for the true label, and how common each label is, with 95 % intervals.

    Where three or more sources that are no kin judge every label, the votes are believed (`independence.believe`);
    else the label model is, refitted on each draw. The intervals come from a Poisson bootstrap over pattern counts,
    on the logit scale, never narrower than if the labels were known, and wider by the design effect of kin. The same
    patterns give the same intervals.
    """
    kin = kinship(patterns, fitted)
    m, k = len(patterns.sources), len(patterns.space)
    accuracy, balance = _once(patterns, fitted, kin)
    few, at = thinned(patterns)
    resamples = resamples or _affordable(few, kin)
    draws = np.full((resamples, m + k), np.nan)
    for draw, (counts, gold) in enumerate(_drawn(few, resamples)):
        if kin.believed is not None:
            there = believe(few, counts, gold, kin.believed.probs[at], kin.groups)
            draws[draw] = np.concatenate([there.accuracy, there.balance])
        else:
            resampled = _kept(few, counts, gold)
            again = model.fit(resampled) if resampled.rows else fitted
            draws[draw] = np.concatenate([believed_accuracy(resampled, again), again.prior])
    if few is not patterns:
        # Of fewer rows the draws spread wider, by the root of how many fewer.
        middle = np.concatenate([accuracy, balance])
        draws = middle + (draws - middle) * np.sqrt(few.rows / patterns.rows)
    votes = ((patterns.matrix != ABSTAIN) * patterns.counts[:, None]).sum(axis=0)
    low, high = _interval(accuracy, draws[:, :m], votes, _design_effect(patterns, kin))
    ends = _interval(balance, draws[:, m:], np.full(k, patterns.rows), np.ones(k))
    return Estimate(accuracy, low, high, (balance, *ends), kin, kin.believed is not None)


def _affordable(patterns: VotePatterns, kin: Kinship) -> int:
    """How many draws: fewer of many votes for many labels, and fewer where each refits the label model."""
    work = int((patterns.matrix != ABSTAIN).sum()) * len(patterns.space) + 1
    if kin.believed is None:
        return int(np.clip(_REFIT_WORK // work, _FEWEST_REFITS, _ANCHORED_REFITS if patterns.gold.any() else _REFITS))
    turns = int(np.bincount(kin.groups).max(initial=1))
    return int(np.clip(_WORK // (work * turns), _FEWEST_RESAMPLES, _RESAMPLES))


def _once(patterns: VotePatterns, fitted: FittedLabelModel, kin: Kinship) -> tuple[Floats, Floats]:
    if kin.believed is None:
        return believed_accuracy(patterns, fitted), np.asarray(fitted.prior)
    return kin.believed.accuracy, kin.believed.balance


def believed_accuracy(patterns: VotePatterns, fitted: FittedLabelModel) -> Floats:
    """How right the sources are if the label model is."""
    return agreement(patterns.matrix, patterns.counts.astype(np.float64), fitted.probabilities(patterns.matrix))


def _drawn(patterns: VotePatterns, resamples: int) -> list[tuple[Floats, Floats]]:
    """Rows and settled rows by pattern, drawn anew: each row is there as often as a Poisson number of mean 1 says."""
    generator = np.random.default_rng(_SEED)
    drawn = []
    for _ in range(resamples):
        gold = generator.poisson(patterns.gold)
        rest = generator.poisson(np.maximum(patterns.counts - patterns.gold.sum(axis=1), 0))
        drawn.append((np.asarray(rest + gold.sum(axis=1), np.float64), np.asarray(gold, np.float64)))
    return drawn


def _kept(patterns: VotePatterns, counts: Floats, gold: Floats) -> VotePatterns:
    """The patterns that a draw holds."""
    at = np.flatnonzero(counts)
    whole = counts[at].astype(np.int64), gold[at].astype(np.int64)
    return VotePatterns(patterns.space, patterns.sources, patterns.matrix[at], *whole)


def _interval(middle: Floats, draws: Floats, rows: NDArray[np.int64], inflation: Floats) -> tuple[Floats, Floats]:
    """95 % on the logit scale; NaN where there is nothing to estimate."""
    known = ~np.isnan(middle) & (rows > 0)
    low, high = middle.copy(), middle.copy()
    n = rows[known]
    inside = (middle[known] * n + 0.5) / (n + 1)
    shrunk = (draws[:, known] * n + 0.5) / (n + 1)
    enough = (~np.isnan(shrunk)).sum(axis=0) > 1
    spread = np.zeros(len(n))
    spread[enough] = np.nanstd(_logit(shrunk[:, enough]), axis=0, ddof=1)
    least = 1 / np.sqrt((n + 1) * inside * (1 - inside))
    half = np.maximum(_quantile(shrunk) * spread, Z95 * least) * np.sqrt(inflation[known])
    low[known] = np.minimum(_share(_logit(inside) - half), middle[known])
    high[known] = np.maximum(_share(_logit(inside) + half), middle[known])
    return low, high


def _quantile(draws: Floats) -> Floats:
    """By column, how many standard deviations of its draws hold 95 %: the fewer draws, the less sure the deviation."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum((~np.isnan(draws)).sum(axis=0) - 1, 1), 0.975))


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share) - np.log1p(-share))


def _share(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)))


def _design_effect(patterns: VotePatterns, kin: Kinship) -> Floats:
    """1 and the strength of each tie to a kin, float64[m]: so many times fewer witnesses than votes."""
    place = {name: j for j, name in enumerate(patterns.sources)}
    effect = np.ones(len(patterns.sources))
    for pair in kin.pairs:
        if pair.relation == "correlated":
            effect[[place[pair.one], place[pair.other]]] += pair.strength
    return np.minimum(effect, 4.0)


def sentences(patterns: VotePatterns, fitted: FittedLabelModel, found: Estimate) -> list[str]:
    """What a person should know before trusting the labels."""
    said = _two_alone(patterns) + _copied(found.kin) + _worse_than_chance(patterns, found)
    return said + _balance_against(patterns, fitted, found) + _members_differ(patterns, fitted)


def _worse_than_chance(patterns: VotePatterns, found: Estimate) -> list[str]:
    """Against one who casts the same votes without looking at the rows."""
    said = []
    for j, name in enumerate(patterns.sources):
        votes = patterns.matrix[:, j]
        cast = np.bincount(votes[votes != ABSTAIN], patterns.counts[votes != ABSTAIN], len(patterns.space))
        chance = float(cast @ found.balance[0] / max(cast.sum(), 1))
        if cast.sum() and found.high[j] < chance:
            share = f"{found.accuracy[j]:.0%} (at most {found.high[j]:.0%})"
            said.append(
                f"{name} seems right on {share} of its votes; the same votes at random would be on {chance:.0%}"
            )
    return said


def _two_alone(patterns: VotePatterns) -> list[str]:
    """Two sources tell that they differ, never who is right."""
    voting = np.flatnonzero((patterns.matrix != ABSTAIN).any(axis=0))
    if len(voting) != 2:
        return []
    one, other = (patterns.matrix[:, j] for j in voting)
    differ = (one != other) & (one != ABSTAIN) & (other != ABSTAIN)
    rows, settled = int(patterns.counts[differ].sum()), int(patterns.gold[differ].sum())
    if not rows or settled >= 10:
        return []
    names = " or ".join(patterns.sources[j] for j in voting)
    return [
        f"with two sources the votes cannot tell which of them is better, {names}: "
        f"settle some of the {rows} row(s) where they differ, 20 are plenty"
    ]


def _copied(kin: Kinship) -> list[str]:
    return [
        f"{pair.one} and {pair.other} are {'copies' if pair.relation == 'copy' else 'nearly copies'}: "
        f"the same vote on {pair.strength:.1%} of the rows where either votes; they are one witness, not two"
        for pair in kin.pairs
        if pair.relation != "correlated"
    ][:10]


def _balance_against(patterns: VotePatterns, fitted: FittedLabelModel, found: Estimate) -> list[str]:
    """Labels whose share the label model takes to be what the votes say it is not."""
    if not found.is_identified or patterns.rows < FEWEST_BOTH:
        return []
    share, low, high = found.balance
    prior = np.asarray(fitted.prior)
    off = ((prior < low) | (prior > high)) & (np.abs(prior - share) > _BALANCE_OFF)
    return [
        f"the label model takes {prior[y]:.0%} of rows to be {patterns.space.names[y]}; "
        f"the votes say {share[y]:.0%} ({low[y]:.0%} to {high[y]:.0%})"
        for y in np.flatnonzero(off)
    ]


def _members_differ(patterns: VotePatterns, fitted: FittedLabelModel) -> list[str]:
    if not isinstance(fitted, Doubts):
        return []
    covered = (patterns.matrix != ABSTAIN).any(axis=1)
    rows = int(patterns.counts[covered & (fitted.spread(patterns.matrix) > _SPREAD)].sum())
    share = rows / max(int(patterns.counts[covered].sum()), 1)
    if share < 0.1:
        return []
    return [f"the label model's members differ by more than {_SPREAD} on {share:.0%} of the rows with votes ({rows:,})"]
