"""kinship: which sources are copies of one another, and which err together more than their labels explain."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.belief.copies import copied_sources
from quorate.patterns import VotePatterns
from quorate.protocols import FittedLabelModel
from quorate.trust.independence import Believed, believe, can_be_known, is_two_sided, thinned, without
from quorate.values import ABSTAIN

FEWEST_BOTH = 30
_SURE = 4.0
_STRONG = 0.1
_COPY = 0.98
_ROUNDS = 12
_MOST_LEFT_OUT = 24
_MOST_SOURCES = 500
_MOST_LABELS = 30


@dataclass(frozen=True, slots=True)
class Kin:
    """Two sources that are not two witnesses.

    `relation`: "copy" (the same vote wherever either votes), "near copy" (on 98 % of these rows or more) or
    "correlated". `both` rows have votes of both, the `same` on so many; `expected` is how many that would be were the
    two independent given the label, `z` how many standard errors lie between, and `strength` the share of what
    independence leaves open, in [0, 1]. For sources that vote for one label each, it is voting at all that is
    counted: `same` is `both`. Copies have no `expected` and no `z`.
    """

    one: str
    other: str
    relation: str
    both: int
    same: int
    expected: float | None
    z: float | None
    strength: float


@dataclass(frozen=True, eq=False)
class Kinship:
    """The pairs that are kin, the strongest first; `groups` intp[m] numbers sources that are kin alike, and `believed`
    is how the votes show the sources when kin take turns (None where votes alone cannot show it)."""

    pairs: tuple[Kin, ...]
    groups: NDArray[np.intp]
    believed: Believed | None


def kinship(patterns: VotePatterns, fitted: FittedLabelModel) -> Kinship:
    """Who is a copy of whom, and who errs with whom, by the vote patterns and what the label model believes of them."""
    m = len(patterns.sources)
    start = fitted.probabilities(patterns.matrix)
    if not patterns.rows or m < 2 or m > _MOST_SOURCES:
        return Kinship((), np.arange(m), None)
    both, same = _co_votes(patterns)
    families = copied_sources(patterns.matrix, patterns.counts)
    copies = [pair for family in families for pair in combinations(family, 2) if _is_copy(both, same, *pair)]
    groups = _joined(np.arange(m), [(family[0], other) for family in families for other in family[1:]])
    found = {pair: _copy(patterns, both, same, *pair) for pair in copies}
    correlated, groups, believed = _correlated(patterns, start, groups, (both, same))
    found |= {(kin_at): kin for kin_at, kin in correlated.items() if kin_at not in found}
    order = sorted(found.values(), key=lambda kin: (kin.relation == "correlated", -kin.strength, kin.one, kin.other))
    return Kinship(tuple(order), groups, believed)


def _co_votes(patterns: VotePatterns) -> tuple[Floats, Floats]:
    """By pair of sources: rows with votes of both, and rows with the same vote of both."""
    weight = patterns.counts[:, None].astype(np.float64)
    voted = (patterns.matrix != ABSTAIN).astype(np.float64)
    same = np.zeros((voted.shape[1], voted.shape[1]))
    for y in np.unique(patterns.matrix[patterns.matrix != ABSTAIN]):
        chose = (patterns.matrix == y).astype(np.float64)
        same += chose.T @ (chose * weight)
    return voted.T @ (voted * weight), same


def _is_copy(both: Floats, same: Floats, i: int, j: int) -> bool:
    """Whether the two are copies themselves, rather than copies of copies."""
    return bool(same[i, j] >= _COPY * (both[i, i] + both[j, j] - both[i, j]))


def _copy(patterns: VotePatterns, both: Floats, same: Floats, i: int, j: int) -> Kin:
    either = both[i, i] + both[j, j] - both[i, j]
    relation = "copy" if same[i, j] == either else "near copy"
    names = patterns.sources
    return Kin(names[i], names[j], relation, int(both[i, j]), int(same[i, j]), None, None, float(same[i, j] / either))


def _joined(groups: NDArray[np.intp], pairs: list[tuple[int, int]]) -> NDArray[np.intp]:
    """The groups after the sources of each pair came together; a group is numbered by its first source."""
    joined = groups.copy()
    for i, j in pairs:
        low, high = sorted((int(joined[i]), int(joined[j])))
        joined[joined == high] = low
    return joined


def _correlated(
    patterns: VotePatterns, start: Floats, groups: NDArray[np.intp], counted: tuple[Floats, Floats]
) -> tuple[dict[tuple[int, int], Kin], NDArray[np.intp], Believed | None]:
    """Pairs that agree beyond what labels explain.

    The strongest come together first and take turns from then on, for a source that is counted twice makes others
    look worse than they are, and so look correlated where they are merely both right.
    """
    few, at = thinned(patterns)
    by_few = counted if few is patterns else _co_votes(few)
    known = False
    found = start[at]
    for _ in range(_ROUNDS):
        if not can_be_known(patterns, groups):
            break
        there = believe(few, few.counts.astype(np.float64), few.gold.astype(np.float64), found, groups)
        known, found, closest = True, there.probs, _closest(few, there, groups, by_few)
        if closest is None:
            break
        groups = _joined(groups, [closest])
    if not known:
        return _firing_together(patterns, start, counted[0]), groups, None
    start = start.copy()
    start[at] = found
    believed = believe(patterns, patterns.counts.astype(np.float64), patterns.gold.astype(np.float64), start, groups)
    rest = _firing_together(patterns, believed.probs, counted[0])
    return rest | _beyond_labels(patterns, believed, counted), groups, believed


def _closest(
    patterns: VotePatterns, believed: Believed, groups: NDArray[np.intp], counted: tuple[Floats, Floats]
) -> tuple[int, int] | None:
    """The two sources of different groups that agree most significantly beyond labels; None where none does.

    Each is judged by labels in which the other had no say, or two that are often right together would make the label.
    """
    if not can_be_known(patterns, groups, 5):
        return None
    both, same = counted
    m = len(groups)
    if m > _MOST_LEFT_OUT:
        return _largest(*_residuals(patterns, believed, both, same), groups)
    z, strength = np.full((m, m), np.inf), np.full((m, m), np.inf)
    for j in range(m):
        active, confusion, probs = without(patterns, believed.probs, groups, j)
        alone = Believed(believed.accuracy, believed.balance, confusion, probs)
        there, share = _residuals(patterns, alone, both, same, j)
        z[j, active], strength[j, active] = there[active], share[active]
    return _largest(np.minimum(z, z.T), np.minimum(strength, strength.T), groups)


def _largest(z: Floats, strength: Floats, groups: NDArray[np.intp]) -> tuple[int, int] | None:
    apart = groups != groups[:, None]
    z = np.where(apart & np.isfinite(z) & (z > _SURE) & (strength >= _STRONG), np.round(z, 6), 0.0)
    i, j = np.unravel_index(int(z.argmax()), z.shape)
    return (int(min(i, j)), int(max(i, j))) if z[i, j] > 0 else None


def _residuals(
    patterns: VotePatterns, believed: Believed, both: Floats, same: Floats, j: int | None = None
) -> tuple[Floats, Floats]:
    """How many standard errors pairs agree beyond labels, and by what share of what labels leave open; of all pairs,
    float64[m, m], or those of one source, float64[m]. Zero for pairs that cannot tell."""
    at = slice(None) if j is None else slice(j, j + 1)
    expected, variance = _expected(patterns, believed, both[at], at)
    z = (same[at] - expected) / np.sqrt(np.maximum(variance, 1e-9))
    strength = (same[at] - expected) / np.maximum(both[at] - expected, 1e-9)
    two_sided = is_two_sided(patterns)
    z = np.where((both[at] >= FEWEST_BOTH) & two_sided & two_sided[at][:, None], z, 0.0)
    return (z, strength) if j is None else (z[0], strength[0])


def _beyond_labels(
    patterns: VotePatterns, believed: Believed, counted: tuple[Floats, Floats]
) -> dict[tuple[int, int], Kin]:
    """Pairs of sources that judge every label and give the same vote more often than their confusions explain."""
    both, same = counted
    expected, _ = _expected(patterns, believed, both, slice(None))
    z, strength = _residuals(patterns, believed, both, same)
    sure = (z > _SURE) & (strength >= _STRONG)
    return {
        (int(i), int(j)): _kin(patterns, (i, j), (both, same, expected, z, strength))
        for i, j in np.argwhere(np.triu(sure, 1))
    }


def _kin(patterns: VotePatterns, at: Any, numbers: tuple[Floats, ...]) -> Kin:
    both, same, expected, z, strength = (float(number[tuple(at)]) for number in numbers)
    names = [patterns.sources[j] for j in at]
    return Kin(names[0], names[1], "correlated", int(both), int(same), expected, z, min(strength, 1.0))


def _expected(patterns: VotePatterns, believed: Believed, both: Floats, at: slice) -> tuple[Floats, Floats]:
    """How many votes of each pair would be the same given the labels, and the variance of that number; of the pairs
    of some sources with all."""
    k = len(patterns.space)
    if k > _MOST_LABELS:
        right = np.nan_to_num(believed.accuracy)
        share = np.outer(right[at], right) + np.outer(1 - right[at], 1 - right) / (k - 1)
        return both * share, both * share * (1 - share)
    voted, mean, variance = (patterns.matrix != ABSTAIN).astype(np.float64), np.zeros_like(both), np.zeros_like(both)
    for y in range(k):
        mass = voted[:, at].T @ (voted * (patterns.counts * believed.probs[:, y])[:, None])
        share = believed.confusion[at, y] @ believed.confusion[:, y].T
        mean, variance = mean + mass * share, variance + mass * share * (1 - share)
    return mean, variance


def _firing_together(patterns: VotePatterns, probs: Floats, both: Floats) -> dict[tuple[int, int], Kin]:
    """Pairs of sources for the same one label that vote on the same rows more often than the label explains."""
    main = np.array([_only_label(column) for column in patterns.matrix.T], np.int64)
    fires = (patterns.matrix != ABSTAIN).astype(np.float64)
    expected, variance, most = np.zeros_like(both), np.zeros_like(both), np.zeros_like(both)
    for y in range(probs.shape[1]):
        mass = patterns.counts * probs[:, y]
        rate = np.minimum(fires.T @ mass / max(mass.sum(), 1e-9), 1.0)
        spread = np.sqrt(rate * (1 - rate))
        expected += mass.sum() * np.outer(rate, rate)
        variance += mass.sum() * np.outer(spread**2, spread**2)
        most += mass.sum() * np.outer(spread, spread)
    z, strength = (both - expected) / np.sqrt(np.maximum(variance, 1e-9)), (both - expected) / np.maximum(most, 1e-9)
    alike = (main == main[:, None]) & (main != ABSTAIN)
    sure = (z > _SURE) & (strength >= 2 * _STRONG) & (both >= FEWEST_BOTH) & alike
    return {
        (int(i), int(j)): _kin(patterns, (i, j), (both, both, expected, z, strength))
        for i, j in np.argwhere(np.triu(sure, 1))
    }


def _only_label(column: NDArray[np.int16]) -> int:
    """The one label that a source votes for, -1 where there are several or none."""
    labels = np.unique(column[column != ABSTAIN])
    return int(labels[0]) if len(labels) == 1 else ABSTAIN
