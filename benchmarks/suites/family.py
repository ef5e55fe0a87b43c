"""Leaving each family of sets out: the few choices of the default label model, made on the others.

The package has one configuration and no knobs, so its constants are turned from here. Of rules and of voters (see
`quorate.label_models.quorum`) each: which members are averaged, how much their pseudo-counts weigh, how sharp the mean
is. Members and pseudo-counts are those of the best mean score over the families that are not left out, sharpness that
of the least log-loss. What these families say nothing about is not chosen: the mean of all members, pseudo-counts as
they are, sharpness as for the other kind of sources. Beside it stand the fixed configuration and its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.measurement import Context, Measurement

if TYPE_CHECKING:
    from benchmarks.scores import Floats
    from benchmarks.vote_sets import VoteSet

FAMILIES = ("votes", "crowd", "llm")
# Not among the nine sets that crowds are compared on.
LEFT_OUT = ("labelme",)
_QUICK_CELLS = 50_000
STRENGTHS = (1 / 3, 1.0, 3.0)
SHARPNESS = (0.4, 0.475, 0.55, 0.625, 0.7, 0.8, 0.9, 1.0)
_SUBTYPES = {f"subtypes_{g}": 1 / 6 for g in (1, 2, 3, 4)}
MEMBERS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "rules": {
        "all": {"majority": 1 / 3, "both": 2 / 3},
        "without majority": {"both": 1.0},
        "without ratios": {"majority": 1 / 3, "diagonal": 2 / 3},
        "without diagonal": {"majority": 1 / 3, "ratios": 2 / 3},
        "more majority": {"majority": 1 / 2, "both": 1 / 2},
    },
    "voters": {
        "all": {"majority": 1 / 6, "ratios": 1 / 6, **_SUBTYPES},
        "without majority": {"ratios": 1 / 5, **dict.fromkeys(_SUBTYPES, 1 / 5)},
        "without ratios": {"majority": 1 / 5, **dict.fromkeys(_SUBTYPES, 1 / 5)},
        "one subtype": {"majority": 1 / 3, "ratios": 1 / 3, "subtypes_1": 1 / 3},
        "subtypes only": dict.fromkeys(_SUBTYPES, 1 / 4),
        "two subtypes": {"majority": 1 / 4, "ratios": 1 / 4, "subtypes_1": 1 / 4, "subtypes_2": 1 / 4},
    },
}
_PSEUDO_COUNTS = {"ratios": ("_SHRINKAGE",), "diagonal": ("_RIGHT",), "subtypes": ("_OF_SOURCE", "_OF_ALL")}


@dataclass(frozen=True, slots=True)
class Choice:
    """One configuration for rules or for voters; `strength` is a factor of every pseudo-count."""

    members: str
    strength: float
    sharpness: float


FIXED = {"rules": Choice("all", 1.0, 0.8), "voters": Choice("all", 1.0, 0.55)}


@dataclass(frozen=True, slots=True)
class Scored:
    """What every choice reaches on a set: score in percent and log-loss in nats."""

    family: str
    sources: str
    reached: Mapping[Choice, tuple[float, float]]


def measure(context: Context) -> Iterator[Measurement]:
    """Score and log-loss of each family when it was left out, then of every neighbour of the fixed configuration."""
    from benchmarks.vote_sets import open_sets

    if context.data is None:
        return
    open_ones = [votes for votes in open_sets(context.data) if votes.name not in LEFT_OUT]
    sets = [_scored(votes) for votes in open_ones if not (context.quick and votes.matrix.size > _QUICK_CELLS)]
    for family in dict.fromkeys(s.family for s in sets):
        own, others = [s for s in sets if s.family == family], [s for s in sets if s.family != family]
        yield from _compared(f"{family} left out", own, _chosen(others))
    for sources, fixed in FIXED.items():
        own = [s for s in sets if s.sources == sources]
        for name, near in _neighbours(sources, fixed):
            yield from _compared(f"{sources}: {name}", own, {sources: near})


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """How much the fixed configuration gains on the families, and how far its neighbours are from it."""
    scores = [m for m in measurements if m.metric == "score"]
    left_out = [m for m in scores if m.case.endswith("left out")]
    gaps = {m.case: m.ours - m.peers["fixed"] for m in scores if m not in left_out}
    if not left_out:
        return {"sets": "none: give a folder of open data"}
    return {
        "left out, mean of families": round(fmean(m.ours for m in left_out), 3),
        "fixed, mean of families": round(fmean(m.peers["fixed"] for m in left_out), 3),
        "worst neighbour": min(gaps, key=lambda case: gaps[case]),
        "its difference": round(min(gaps.values()), 3),
        "best neighbour": max(gaps, key=lambda case: gaps[case]),
        "difference of the best": round(max(gaps.values()), 3),
    }


def _compared(case: str, sets: Sequence[Scored], chosen: Mapping[str, Choice]) -> Iterator[Measurement]:
    for place, (metric, unit) in enumerate((("score", "%"), ("log_loss", "nats"))):
        ours, fixed = (fmean(s.reached[by[s.sources]][place] for s in sets) for by in (chosen, FIXED))
        yield Measurement(case, metric, ours, {"fixed": fixed}, unit)


def _chosen(sets: Sequence[Scored]) -> dict[str, Choice]:
    """The best choice for rules and for voters on these sets."""
    found = {sources: _best([s for s in sets if s.sources == sources]) for sources in FIXED}
    told = next(choice for choice in found.values() if choice)
    return {sources: choice or Choice("all", 1.0, told.sharpness) for sources, choice in found.items()}


def _best(sets: Sequence[Scored]) -> Choice | None:
    if not sets:
        return None

    def mean(choice: Choice, place: int) -> float:
        return fmean(fmean(s.reached[choice][place] for s in sets if s.family == f) for f in {s.family for s in sets})

    top = max(sets[0].reached, key=lambda choice: (round(mean(choice, 0), 9), -mean(choice, 1)))
    return min((replace(top, sharpness=t) for t in SHARPNESS), key=lambda choice: mean(choice, 1))


def _neighbours(sources: str, fixed: Choice) -> Iterator[tuple[str, Choice]]:
    yield from ((name, replace(fixed, members=name)) for name in MEMBERS[sources] if name != fixed.members)
    yield from ((f"pseudo-counts x {s:.2g}", replace(fixed, strength=s)) for s in STRENGTHS if s != fixed.strength)
    place = SHARPNESS.index(fixed.sharpness)
    yield from ((f"sharpness {t:.3g}", replace(fixed, sharpness=t)) for t in SHARPNESS[place - 1 : place + 2 : 2])


def _scored(votes: VoteSet) -> Scored:
    import numpy as np

    from benchmarks.scores import SCORES, log_loss
    from quorate import Votes
    from quorate.belief.evidence import Evidence
    from quorate.belief.sidedness import TWO_SIDED, sidedness
    from quorate.patterns import fold

    patterns, where = fold(Votes.of(votes.matrix, [f"label_{y}" for y in range(votes.k)]))
    evidence, known = Evidence.of(patterns), votes.gold >= 0
    sources = "voters" if sidedness(evidence.votes, evidence.counts, evidence.k) >= TWO_SIDED else "rules"
    where, gold = where[known], votes.gold[known]
    reached = {}
    for strength in STRENGTHS:
        beliefs = _beliefs(evidence, sources, strength)
        for name, shares in MEMBERS[sources].items():
            mean = np.sum([share * beliefs[member] for member, share in shares.items()], axis=0)
            for sharpness in SHARPNESS:
                sharp = mean**sharpness
                probs = (sharp / sharp.sum(axis=1, keepdims=True))[where]
                score = SCORES[votes.metric](probs, gold)
                reached[Choice(name, strength, sharpness)] = (score, log_loss(probs, gold))
    return Scored(votes.group, sources, reached)


def _beliefs(evidence: Any, sources: str, strength: float) -> dict[str, Floats]:
    """P(label | votes) of each member float64[p, k], its pseudo-counts multiplied by `strength`."""
    from importlib import import_module

    import numpy as np

    from quorate.belief.evidence import Belief
    from quorate.label_models.quorum import rule_log_odds, voter_beliefs

    k = evidence.k
    with ExitStack() as stack:
        for module, names in _PSEUDO_COUNTS.items():
            home = import_module(f"quorate.{module}")
            for name in names:
                stack.enter_context(patch.object(home, name, getattr(home, name) * strength))
        if sources == "voters":
            found = voter_beliefs(evidence)
        else:
            odds = rule_log_odds(evidence)
            odds["both"] = (odds["ratios"] + odds["diagonal"]) / 2
            found = {name: Belief.of(weights, np.zeros(k)) for name, weights in odds.items()}
        labels = {name: belief.labels(evidence.votes, k) for name, belief in found.items()}
    return {"majority": evidence.start, **labels}
