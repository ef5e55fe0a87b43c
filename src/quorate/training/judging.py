"""Judging: what models reach on rows that they did not learn from, all on the same rows, with intervals.

Rows are in five folds by a hash; near-duplicates are in one fold. A row is judged by the model that learned from the
other four folds, and so is every other contender: differences are paired. Intervals are those of rows that come in
groups of near-duplicates: accuracy by Wilson's with the effective number of rows (L. Kish, "Survey Sampling", 1965),
the mean F1 and differences by a bootstrap that draws groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.estimating.estimates import Estimated
from quorate.estimating.intervals import wilson
from quorate.training.inputs import Floats, Inputs
from quorate.training.learner import Learner, Lesson, Model

FOLDS = 5
_DRAWS = 1_000
_AT_ONCE = 100
_SEED = 20_110

Mask = NDArray[np.bool_]
Teaching = Callable[[Mask], Lesson]
"""What there is to learn where only these rows may be seen, bool[n]."""


def folds(ids: Sequence[str], clusters: NDArray[np.intp]) -> NDArray[np.int64]:
    """The fold of each row, int64[n]: that which the id of the first row of its cluster says."""
    fold = {c: _fold(ids[c]) for c in np.unique(clusters).tolist()}
    return np.array([fold[c] for c in clusters.tolist()], np.int64)


def _fold(row_id: str) -> int:
    return int.from_bytes(blake2b(row_id.encode(), digest_size=8, person=b"fold").digest(), "big") % FOLDS


@dataclass(frozen=True, eq=False)
class Judges:
    """The rows to judge by: `truth` int[n], -1 where nobody said; `weight` float64[n], how many rows each stands for;
    `cluster` and `fold` int[n]."""

    truth: NDArray[np.int16]
    weight: Floats
    cluster: NDArray[np.intp]
    fold: NDArray[np.int64]
    k: int

    @property
    def at(self) -> NDArray[np.intp]:
        """Where they are."""
        return np.flatnonzero((self.truth >= 0) & (self.weight > 0))


@dataclass(frozen=True, eq=False)
class Trained:
    """Models that each left a fold out, what they say of the rows that they left out, float64[n, k], and how many
    rows they learned from in the mean."""

    models: tuple[Model, ...]
    probs: Floats
    rows: float


def left_out(learner: Learner, inputs: Inputs, fold: NDArray[np.int64], teaching: Teaching) -> Trained | None:
    """The models of a learner that each left a fold out; None where there is nothing to learn from."""
    probs, rows = np.zeros((0, 0)), []
    models: list[Model] = []
    for held in range(FOLDS):
        lesson = teaching(fold != held)
        if not len(lesson):
            return None
        model = learner.fit(inputs, lesson)
        if not models:
            probs = np.zeros((len(fold), model.k))
        at = np.flatnonzero(fold == held)
        probs[at] = model.probabilities(at) if len(at) else probs[at]
        models.append(model)
        rows.append(len(lesson))
    return Trained(tuple(models), probs, float(np.mean(rows)))


def better_elsewhere(judges: Judges, first: Trained, second: Trained) -> tuple[Trained, bool]:
    """For each fold the second's model where it does better on the gold rows of the other folds, by more than the
    standard error of the difference, else the first's: the gold that judges a model has no part in the choice. Also
    whether the second does so on all gold rows."""
    truth, weight, fold = judges.truth[judges.at], judges.weight[judges.at], judges.fold
    right = [(t.probs[judges.at].argmax(axis=1) == truth) * weight for t in (first, second)]
    gain = right[1] - right[0]
    takes = [_is_clear(gain[fold[judges.at] != held]) for held in range(FOLDS)]
    models = tuple((second if take else first).models[held] for held, take in enumerate(takes))
    probs = np.where(np.array(takes)[fold][:, None], second.probs, first.probs)
    overall = _is_clear(gain)
    return Trained(models, probs, (second if overall else first).rows), overall


def _is_clear(gain: Floats) -> bool:
    return float(gain.sum()) > float(np.sqrt((gain**2).sum()))


@dataclass(frozen=True)
class OfLabel:
    """How well one label is found: precision and recall in [0, 1], None without a row to tell."""

    rows: int
    precision: float | None
    recall: float | None
    f1: float


@dataclass(frozen=True)
class Score:
    """Accuracy and the mean F1 of the labels that occur."""

    accuracy: Estimated
    macro_f1: Estimated
    labels: tuple[OfLabel, ...]


def scored(judges: Judges, given: NDArray[Any]) -> Score:
    """What labels int[n] reach on the rows to judge by."""
    at = judges.at
    right, weight = given[at] == judges.truth[at], judges.weight[at]
    share = float((weight * right).sum() / weight.sum())
    confusion = _confusions(judges, given, np.ones((1, _groups(judges)[1])))[0]
    accuracies, f1s = [], []
    for drawn in resampled(judges):
        confusions = _confusions(judges, given, drawn)
        accuracies.append(np.trace(confusions, axis1=1, axis2=2) / confusions.sum(axis=(1, 2)))
        f1s.append(_macro_f1(confusions))
    low, high = np.percentile(np.concatenate(f1s), [2.5, 97.5])
    alone = _rows_alone(judges, share, float(np.concatenate(accuracies).var()))
    return Score(
        Estimated(share, *wilson(share * alone, alone), len(at)),
        Estimated(float(_macro_f1(confusion[None])[0]), float(low), float(high), len(at)),
        tuple(_of_label(confusion, judges, y) for y in range(judges.k)),
    )


def _rows_alone(judges: Judges, share: float, variance: float) -> float:
    """How many rows without near-duplicates would tell as much; where none errs, as many as there are groups."""
    groups = _groups(judges)[1]
    return min(share * (1 - share) / variance, float(len(judges.at))) if variance > 0 else float(groups)


def difference(judges: Judges, given: NDArray[Any], other: NDArray[Any]) -> Estimated:
    """By how much the accuracy of labels int[n] exceeds that of others on the same rows."""
    at, (group, groups) = judges.at, _groups(judges)
    gained = ((given[at] == judges.truth[at]) * 1.0 - (other[at] == judges.truth[at])) * judges.weight[at]
    by_group, size = np.bincount(group, gained, groups), np.bincount(group, judges.weight[at], groups)
    drawn = np.concatenate([(w @ by_group) / (w @ size) for w in resampled(judges)])
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimated(float(by_group.sum() / size.sum()), float(low), float(high), len(at))


def resampled(judges: Judges, draws: int = _DRAWS) -> Iterator[Floats]:
    """How often each group of near-duplicates is drawn, float64[at once, groups], so many draws in all.

    Each group by itself (a Poisson bootstrap), which for a few dozen groups or more is the same and quicker.
    """
    groups = _groups(judges)[1]
    generator = np.random.default_rng(_SEED)
    for start in range(0, draws, _AT_ONCE):
        many = min(_AT_ONCE, draws - start)
        yield generator.poisson(1.0, (many, groups)).astype(np.float64)


def by_group(judges: Judges, values: Floats) -> Floats:
    """The sums of the values float64[judged, c] of each group of near-duplicates, float64[groups, c]."""
    group, groups = _groups(judges)
    sums = np.zeros((groups, values.shape[1]))
    np.add.at(sums, group, values)
    return sums


def _groups(judges: Judges) -> tuple[NDArray[np.intp], int]:
    names, group = np.unique(judges.cluster[judges.at], return_inverse=True)
    return group.reshape(-1), len(names)


def _confusions(judges: Judges, given: NDArray[Any], drawn: Floats) -> Floats:
    """Rows by what they are and what they are given, float64[draws, k, k]; a row without a label is right nowhere."""
    from scipy.sparse import coo_array

    at, (group, groups), k = judges.at, _groups(judges), judges.k
    cell = judges.truth[at].astype(np.int64) * (k + 1) + np.where(given[at] < 0, k, given[at])
    table = coo_array((judges.weight[at], (group, cell)), shape=(groups, k * (k + 1))).tocsr()
    return np.asarray((table.T @ drawn.T).T).reshape(len(drawn), k, k + 1)


def _macro_f1(confusions: Floats) -> Floats:
    """The mean F1 over the labels that occur in each of the draws."""
    k = confusions.shape[1]
    hit = confusions[:, np.arange(k), np.arange(k)]
    real, said = confusions.sum(axis=2), confusions.sum(axis=1)[:, :k]
    f1 = 2 * hit / np.maximum(real + said, 1e-300)
    occurs = real > 0
    return np.asarray((f1 * occurs).sum(axis=1) / np.maximum(occurs.sum(axis=1), 1))


def _of_label(confusion: Floats, judges: Judges, y: int) -> OfLabel:
    hit, real, said = confusion[y, y], confusion[y].sum(), confusion[:, y].sum()
    return OfLabel(
        int((judges.truth[judges.at] == y).sum()),
        float(hit / said) if said else None,
        float(hit / real) if real else None,
        float(2 * hit / (real + said)) if real + said else 0.0,
    )
