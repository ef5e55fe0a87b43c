"""why: what each vote on a row did to its label, and the smallest change of votes that would give it another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.errors import RowNotFound, did_you_mean
from quorate.fuse import fit
from quorate.patterns import VotePatterns
from quorate.protocols import FittedLabelModel, LabelModel
from quorate.values import ABSTAIN, TIE_TOLERANCE, Gold, Votes

FLOOR = 1e-9
"""Probabilities below this count as this, so that log-odds stay finite: they lie within 20.7 of 0."""
_EXACT_TO = 3
_MOST_TRIED = 60_000
_BLOCK = 4096

Votes1 = NDArray[np.int16]
Edit = tuple[int, int]  # place of the source, its vote afterwards


@dataclass(frozen=True, slots=True)
class Contribution:
    """One vote and how far it moved the log-odds of the label against the next best: with it, less without it."""

    source: str
    vote: str
    log_odds: float


@dataclass(frozen=True, slots=True)
class Change:
    """A vote and what takes its place; None where it is taken away."""

    source: str
    vote: str
    becomes: str | None


@dataclass(frozen=True, slots=True)
class Flip:
    """Changes of votes that give the row the other label; `is_fewest` where no fewer can, by trying them all."""

    label: str
    changes: tuple[Change, ...]
    is_fewest: bool


@dataclass(frozen=True, slots=True)
class Why:
    """Why a row has its label by the votes alone.

    `label` is the most probable one (the first of those that tie), `against` the next; `log_odds` those of the one
    against the other, `prior_log_odds` the same without any vote. The contributions need not add up: votes that say
    the same thing share their weight.
    """

    row_id: str
    label: str
    against: str
    log_odds: float
    prior_log_odds: float
    contributions: tuple[Contribution, ...]
    flip: Flip | None


def why(
    votes: Votes, row_id: str, model: str | LabelModel | FittedLabelModel = "quorum", gold: Gold | None = None
) -> Why:
    """What each vote on a row did to its label, the strongest first, and the smallest change that would flip it.

    Args:
        model: the label model that fused the votes, by name or made by hand; or one that is fitted already, which
            saves the refit when many rows are asked about.
        gold: the rows that anchored the model.

    Raises:
        RowNotFound: no such row id.
    """
    ids = votes.ids.to_pylist()
    if row_id not in ids:
        raise RowNotFound(f"there is no row {row_id!r} among {len(ids)}.{did_you_mean(row_id, ids[:100_000])}")
    given: Any = model
    fitted = given if hasattr(given, "probabilities") else fit(VotePatterns.of(votes, gold), given)
    return explain(votes, ids.index(row_id), fitted)


def explain(votes: Votes, at: int, fitted: FittedLabelModel) -> Why:
    """The same for the row at a place."""
    row, names = votes.matrix[at], votes.space.names
    voted = np.flatnonzero(row != ABSTAIN)
    without = np.tile(row, (len(voted) + 2, 1))
    without[np.arange(len(voted)), voted] = ABSTAIN
    without[-1] = ABSTAIN
    probs = fitted.probabilities(without)
    best, second = np.argsort(-probs[-2], kind="stable")[:2].tolist()
    odds = _log_odds(probs, best, second)
    moved = odds[-2] - odds[:-2]
    order = np.argsort(-np.abs(moved).round(9), kind="stable").tolist()
    return Why(
        votes.ids[at].as_py(),
        names[best],
        names[second],
        float(odds[-2]),
        float(odds[-1]),
        tuple(Contribution(votes.sources[voted[i]], names[row[voted[i]]], float(moved[i])) for i in order),
        _flip(votes, row, fitted, _hard(probs[-2:-1])[0], voted[np.argsort(-moved, kind="stable")]),
    )


def _log_odds(probs: NDArray[np.float64], best: int, second: int) -> NDArray[np.float64]:
    logs = np.log(np.maximum(probs, FLOOR))
    return np.asarray(logs[:, best] - logs[:, second])


def _hard(probs: NDArray[np.float64]) -> NDArray[np.int64]:
    """The label of each, -1 where the best tie."""
    top = probs.max(axis=1, keepdims=True)
    tied = (probs >= top - TIE_TOLERANCE).sum(axis=1) > 1
    return np.where(tied, ABSTAIN, probs.argmax(axis=1))


def _flip(votes: Votes, row: Votes1, fitted: FittedLabelModel, label: int, by_help: NDArray[np.intp]) -> Flip | None:
    """The flip with the fewest changes that was found; none for a row without a label or without votes."""
    if label == ABSTAIN or not len(by_help):
        return None
    k, tried, exhausted = len(votes.space), 0, 0
    edits: tuple[Edit, ...] | None = None
    for size in range(1, min(_EXACT_TO, len(by_help)) + 1):
        tried += comb(len(by_help), size) * k**size
        if tried > _MOST_TRIED or edits is not None:
            break
        edits = _best(row, fitted, label, _every(row, by_help.tolist(), k, size))
        exhausted = size
    if edits is None and exhausted < len(by_help):
        edits = _greedy(row, fitted, label, by_help.tolist())
    if edits is None:
        return None
    names = votes.space.names
    changes = [Change(votes.sources[j], names[row[j]], None if y == ABSTAIN else names[y]) for j, y in edits]
    given = names[_hard(fitted.probabilities(_edited(row, [edits])))[0]]
    return Flip(given, tuple(changes), len(edits) <= exhausted + 1)


def _every(row: Votes1, voted: list[int], k: int, size: int) -> Iterator[tuple[Edit, ...]]:
    """All ways to take away or change so many votes, those that only take away first."""
    others = {j: [ABSTAIN, *(y for y in range(k) if y != row[j])] for j in voted}
    for places in combinations(voted, size):
        for afterwards in product(*(others[j] for j in places)):
            yield tuple(zip(places, afterwards, strict=True))


def _best(
    row: Votes1, fitted: FittedLabelModel, label: int, tries: Iterable[tuple[Edit, ...]]
) -> tuple[Edit, ...] | None:
    """Of the edits that flip: those that change fewest votes rather than take them away, then the clearest."""
    best: tuple[tuple[int, float], tuple[Edit, ...]] | None = None
    rest = iter(tries)
    while block := list(islice(rest, _BLOCK)):
        edited = _edited(row, block)
        probs = fitted.probabilities(edited)
        flips = np.isin(_hard(probs), [label, ABSTAIN], invert=True) & (edited != ABSTAIN).any(axis=1)
        for i in np.flatnonzero(flips).tolist():
            key = sum(y != ABSTAIN for _, y in block[i]), -round(float(probs[i].max()), 9)
            if best is None or key < best[0]:
                best = key, block[i]
    return best and best[1]


def _edited(row: Votes1, tries: list[tuple[Edit, ...]]) -> Votes1:
    edited = np.tile(row, (len(tries), 1))
    for i, edits in enumerate(tries):
        for j, y in edits:
            edited[i, j] = y
    return edited


def _greedy(row: Votes1, fitted: FittedLabelModel, label: int, by_help: list[int]) -> tuple[Edit, ...] | None:
    """The votes that help the label most changed to one other label, one by one until it flips; the fewest so found."""
    k, found = len(fitted.prior), []
    for other in np.argsort(-fitted.probabilities(row[None])[0], kind="stable").tolist()[: min(k, 6)]:
        helping = [j for j in by_help if row[j] != other]
        prefixes = [tuple((j, other) for j in helping[:n]) for n in range(1, len(helping) + 1)]
        if other == label or not prefixes:
            continue
        probs = fitted.probabilities(_edited(row, prefixes))
        flips = np.flatnonzero(~np.isin(_hard(probs), [label, ABSTAIN]))
        if len(flips):
            found.append(_pruned(row, fitted, label, prefixes[int(flips[0])]))
    return min(found, key=len, default=None)


def _pruned(row: Votes1, fitted: FittedLabelModel, label: int, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits without those that were not needed."""
    for edit in edits:
        fewer = tuple(other for other in edits if other != edit)
        if fewer and _hard(fitted.probabilities(_edited(row, [fewer])))[0] not in (label, ABSTAIN):
            edits = fewer
    return edits
