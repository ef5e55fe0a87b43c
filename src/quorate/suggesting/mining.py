"""mining: which candidates would put most labels right, chosen on one half of the rows and judged on the other.

Rows that read alike are in the same half and count once. Candidates are ranked by what they are worth on the first half
alone; the precision and the coverage that are told come from the second, where nothing was chosen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.estimating.intervals import wilson
from quorate.ranking.alike import same_reading
from quorate.ranking.drawing import lottery
from quorate.rows import Rows
from quorate.steps.outlook import Outlook
from quorate.suggesting.candidates import Candidate, candidates, found
from quorate.values import ABSTAIN

_FEWEST = 4
_LOOKED_AT = 200
_ALIKE = 0.6
_KNOWN = 0.9
# On the half that chooses, the low end of a rule's interval must be beyond the share of its label by this part of
# what is left, and right more often than not.
_LEAD = 0.4
Half = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Suggestion:
    """A rule that labels suggest.

    `precision` is P(the label is right) where the rule votes, and `coverage` the share of rows where it does, both with
    95 % intervals from `held_out` distinct rows on which it was not chosen, by gold where there is some and by the
    fused label elsewhere. `gain` is the expected number of labels put right, `new_rows` how many rows without a label
    it votes on; `on_gold` are right and all gold rows in its reach.
    """

    name: str
    says: str
    label: str
    pattern: str
    phrase: str
    rows: int
    new_rows: int
    gain: float
    precision: float
    precision_low: float
    precision_high: float
    coverage: float
    coverage_low: float
    coverage_high: float
    held_out: int
    on_gold: tuple[int, int]
    examples: tuple[dict[str, Any], ...]
    against: tuple[dict[str, Any], ...]


@dataclass(frozen=True, eq=False)
class Mined:
    """Suggestions, most labels put right first, and among how many candidates they were chosen."""

    suggestions: tuple[Suggestion, ...]
    candidates: int


@dataclass(frozen=True, eq=False)
class _Ground:
    """What candidates are judged on: P(label) `belief` float64[n, k] of rows whose label is `known`, whether a row is
    in the choosing half, and whether it is the `first` of those that read like it."""

    belief: Floats
    known: Half
    chooses: Half
    first: Half
    prior: Floats


@dataclass(frozen=True, eq=False)
class _Pick:
    """A candidate, the label that suits it, and the labels it is expected to put right in the choosing half."""

    candidate: Candidate
    label: int
    worth: float


def mine(outlook: Outlook, most: int = 10, taken: Collection[str] = ()) -> Mined:
    """Up to `most` rules that complement those there are; none where rows have no text.

    Args:
        taken: names that a rule cannot have any more.
    """
    if not outlook.texts:
        return Mined((), 0)
    ground, tried = _ground(outlook), list(candidates(outlook.texts, _FEWEST))
    picks = [pick for candidate in tried if (pick := _pick(outlook, ground, candidate, outlook.right))]
    picks = sorted(picks, key=lambda pick: (-pick.worth, pick.candidate.name))[:_LOOKED_AT]
    names, suggestions = {*outlook.votes.sources, *taken}, []
    for pick in _chosen(outlook, ground, picks, most):
        name = _free(pick.candidate.name, names)
        names.add(name)
        suggestions.append(_judged(outlook, ground, pick, name))
    return Mined(tuple(suggestions), len(tried))


def _ground(outlook: Outlook) -> _Ground:
    rows = Rows(outlook.rows.table.select([outlook.text]), outlook.rows.ids)
    _, first, group = np.unique(same_reading(rows), return_index=True, return_inverse=True)
    is_first = np.zeros(len(outlook.votes), bool)
    is_first[first] = True
    chooses = (lottery(outlook.votes.ids)[first] % np.uint64(2) == 0)[group.reshape(-1)]
    known = ~outlook.undecided | (outlook.settled != ABSTAIN)
    prior = outlook.believed[known].mean(axis=0) if known.any() else np.asarray(outlook.fitted.prior)
    return _Ground(outlook.believed, known, np.asarray(chooses), is_first, prior)


def _pick(outlook: Outlook, ground: _Ground, candidate: Candidate, right: Floats) -> _Pick | None:
    """The candidate with the label that suits it, and its worth, by the choosing half; None if it tells too little."""
    rows = candidate.rows[ground.chooses[candidate.rows]]
    judged = rows[ground.known[rows] & ground.first[rows]]
    if len(judged) < _FEWEST // 2:
        return None
    mean = ground.belief[judged].mean(axis=0)
    label = int((mean - ground.prior).argmax())
    low, _ = wilson(float(mean[label]) * len(judged), len(judged))
    if low < ground.prior[label] + _LEAD * (1 - ground.prior[label]) or low < 0.5:
        return None
    worth = float(_gains(outlook, rows, label, right).sum())
    return _Pick(candidate, label, worth) if worth > 0 else None


def _gains(outlook: Outlook, rows: Places, label: int, right: Floats) -> Floats:
    """By how much a vote for the label raises the chance that each row's label is right, float64[r].

    Votes and texts together judge every row by itself: rows that no source speaks of are not like those that have
    votes, so a rule's precision on the latter says little of the former.
    """
    belief, place = outlook.believed[rows], np.arange(len(rows))
    silent, given = outlook.undecided[rows], outlook.labels.probs[rows].argmax(axis=1)
    turned = np.maximum(np.where(given != label, belief[:, label] - belief[place, given], 0.0), 0)
    gains = np.where(silent, belief[:, label] - right[rows], turned)
    return np.asarray(np.where(outlook.settled[rows] == ABSTAIN, gains, 0))


def _chosen(outlook: Outlook, ground: _Ground, picks: list[_Pick], most: int) -> list[_Pick]:
    """The picks one by one, each worth what those before it leave; none like another, or like a source there is."""
    right, chosen, left = outlook.right.copy(), list[_Pick](), list(picks)
    while left and len(chosen) < most:
        again = [pick for old in left if (pick := _pick(outlook, ground, old.candidate, right))]
        left = sorted(again, key=lambda pick: (-pick.worth, pick.candidate.name))
        if not left:
            break
        best = left.pop(0)
        exact = replace(best.candidate, rows=found(outlook.texts, best.candidate.pattern))
        if _is_known(outlook, exact.rows, best.label) or any(_are_alike(exact, other.candidate) for other in chosen):
            continue
        chosen.append(_Pick(exact, best.label, best.worth))
        # What this rule reaches needs no other that says the same.
        right[exact.rows] = np.maximum(right[exact.rows], outlook.believed[exact.rows, best.label])
    return chosen


def _is_known(outlook: Outlook, rows: Places, label: int) -> bool:
    """Whether one source says the same of nearly all of these rows."""
    same = (outlook.votes.matrix[rows] == label).mean(axis=0) if len(rows) else np.ones(1)
    return bool((same >= _KNOWN).any())


def _are_alike(one: Candidate, other: Candidate) -> bool:
    both = len(np.intersect1d(one.rows, other.rows, assume_unique=True))
    return both > _ALIKE * (len(one.rows) + len(other.rows) - both)


def _judged(outlook: Outlook, ground: _Ground, pick: _Pick, name: str) -> Suggestion:
    """The suggestion with its figures from the half that did not choose it."""
    rows, label = pick.candidate.rows, pick.label
    held = rows[~ground.chooses[rows] & ground.first[rows]]
    judged = held[ground.known[held]]
    right = float(ground.belief[judged, label].sum())
    precision = right / len(judged) if len(judged) else float(ground.prior[label])
    total = int((~ground.chooses & ground.first).sum())
    gains = _gains(outlook, rows, label, outlook.right)
    gold = outlook.settled[rows]
    surest = judged[np.argsort(-ground.belief[judged, label], kind="stable")]
    against = surest[::-1][: int((ground.belief[judged, label] < 0.5).sum())]
    low, high = wilson(right, len(judged))
    coverage_low, coverage_high = wilson(len(held), total)
    return Suggestion(
        name=name,
        says=pick.candidate.says,
        label=outlook.labels.space.names[label],
        pattern=pick.candidate.pattern,
        phrase=pick.candidate.phrase,
        rows=len(rows),
        new_rows=int(outlook.undecided[rows].sum()),
        gain=float(gains.sum()),
        precision=precision,
        precision_low=low,
        precision_high=high,
        coverage=len(held) / max(total, 1),
        coverage_low=coverage_low,
        coverage_high=coverage_high,
        held_out=len(judged),
        on_gold=(int((gold == label).sum()), int((gold != ABSTAIN).sum())),
        examples=tuple(outlook.examples(surest if len(surest) else rows)),
        against=tuple(outlook.examples(against)),
    )


def _free(name: str, taken: set[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
