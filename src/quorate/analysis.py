"""What the votes say of the sources: coverage, overlaps, conflicts, estimated and empirical accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.intervals import wilson
from quorate.patterns import VotePatterns
from quorate.protocols import FittedLabelModel, LabelModel
from quorate.values import ABSTAIN, Gold, Labels, Status, Votes

Floats = NDArray[np.float64]
_RESAMPLES = 40
_SEED = 20_110


def source_table(votes: Votes, estimate: Estimate, gold: Gold | None) -> list[dict[str, Any]]:
    """One entry per source; shares are of all rows, intervals hold 95 %."""
    voted = votes.matrix != ABSTAIN
    n = max(len(votes), 1)
    overlapped = voted & (voted.sum(axis=1) > 1)[:, None]
    counts = votes.counts().sum(axis=1)
    settled = None if gold is None else gold.aligned(votes.ids)
    entries = []
    for j, name in enumerate(votes.sources):
        rows = np.flatnonzero(voted[:, j])
        same = (votes.matrix[rows] == votes.matrix[rows, j][:, None]).sum(axis=1)
        entries.append(
            {
                "name": name,
                "family": votes.families[j],
                "polarity": [votes.space.names[y] for y in np.unique(votes.matrix[rows, j])],
                "votes": len(rows),
                "coverage": len(rows) / n,
                "overlaps": int(overlapped[:, j].sum()) / n,
                "conflicts": int((same < counts[rows]).sum()) / n,
                "failed": int((votes.status[:, j] == Status.FAILED).sum()),
                "skipped": int((votes.status[:, j] == Status.SKIPPED).sum()),
                **_estimated(estimate, j, len(rows)),
                **_empirical(votes.matrix[:, j], settled),
            }
        )
    return entries


def _estimated(estimate: Estimate, j: int, votes: int) -> dict[str, float | None]:
    if not votes:
        return {"accuracy": None, "accuracy_low": None, "accuracy_high": None}
    return {
        "accuracy": float(estimate.accuracy[j]),
        "accuracy_low": float(estimate.low[j]),
        "accuracy_high": float(estimate.high[j]),
    }


def _empirical(column: NDArray[np.int16], settled: NDArray[np.int16] | None) -> dict[str, Any]:
    if settled is None:
        return {"gold_accuracy": None, "gold_low": None, "gold_high": None, "gold_rows": 0}
    both = (column != ABSTAIN) & (settled != ABSTAIN)
    total, right = int(both.sum()), int((both & (column == settled)).sum())
    low, high = wilson(right, total)
    return {
        "gold_accuracy": right / total if total else None,
        "gold_low": low if total else None,
        "gold_high": high if total else None,
        "gold_rows": total,
    }


@dataclass(frozen=True, eq=False)
class Estimate:
    """The accuracy of each source as the label model sees it, and its 95 % interval, float64[m] each."""

    accuracy: Floats
    low: Floats
    high: Floats


def estimate_accuracy(patterns: VotePatterns, model: LabelModel, fitted: FittedLabelModel) -> Estimate:
    """How often each source votes for the true label, believing the label model.

    The interval is a percentile bootstrap over rows: the pattern counts are drawn anew and the model is refitted, so
    it holds what the model does not know about its sources. It cannot hold what the model believes wrongly.
    """
    accuracy = believed_accuracy(patterns, fitted)
    if not patterns.rows or not len(patterns.sources):
        return Estimate(accuracy, accuracy, accuracy)
    generator = np.random.default_rng(_SEED)
    share = patterns.counts / patterns.rows
    drawn = np.array(
        [
            believed_accuracy(resampled, model.fit(resampled))
            for counts in generator.multinomial(patterns.rows, share, size=_RESAMPLES)
            for resampled in [_with_counts(patterns, counts)]
        ]
    )
    # A source that is absent from a draw says nothing there.
    known = ~np.isnan(drawn).all(axis=0)
    low, high = accuracy.copy(), accuracy.copy()
    if known.any():
        low[known], high[known] = np.nanpercentile(drawn[:, known], [2.5, 97.5], axis=0)
    return Estimate(accuracy, np.minimum(low, accuracy), np.maximum(high, accuracy))


def _with_counts(patterns: VotePatterns, counts: NDArray[np.int64]) -> VotePatterns:
    """The patterns that a resample drew; settled rows cannot outnumber a pattern's rows."""
    at = np.flatnonzero(counts)
    gold = patterns.gold[at]
    return VotePatterns(
        patterns.space, patterns.sources, patterns.matrix[at], np.maximum(counts[at], gold.sum(axis=1)), gold
    )


def believed_accuracy(patterns: VotePatterns, fitted: FittedLabelModel) -> Floats:
    """How often each source votes for the true label, believing the label model, float64[m]; NaN without votes."""
    probs = fitted.probabilities(patterns.matrix)
    voted = patterns.matrix != ABSTAIN
    chance = np.take_along_axis(probs, np.where(voted, patterns.matrix, 0).astype(np.intp), axis=1)
    weight = voted * patterns.counts[:, None]
    total = weight.sum(axis=0)
    return np.where(total > 0, (chance * weight).sum(axis=0) / np.maximum(total, 1), np.nan)


def pair_counts(patterns: VotePatterns) -> dict[str, list[list[int]]]:
    """By pair of sources: on how many rows both voted, and on how many of these they differ."""
    weighted = patterns.counts[:, None]
    voted = (patterns.matrix != ABSTAIN).astype(np.int64)
    overlap = voted.T @ (voted * weighted)
    agree = np.zeros_like(overlap)
    for y in range(len(patterns.space)):
        chose = (patterns.matrix == y).astype(np.int64)
        agree += chose.T @ (chose * weighted)
    return {"overlap": overlap.tolist(), "conflict": (overlap - agree).tolist()}


def accuracy(labels: Labels, gold: Gold) -> float | None:
    """The share of right labels over the gold rows; a tie counts by its share, a row without label 1/k.

    That is the expected accuracy of one who guesses where the label model does not decide.
    """
    settled = gold.aligned(labels.ids)
    known = np.flatnonzero(settled != ABSTAIN)
    if not len(known):
        return None
    probs, truth = labels.probs[known], settled[known]
    best = probs >= probs.max(axis=1, keepdims=True) - 1e-9
    points = best[np.arange(len(known)), truth] / best.sum(axis=1)
    return float(np.where(labels.covered[known], points, 1 / len(labels.space)).mean())


def calibration(labels: Labels, gold: Gold) -> list[dict[str, float]]:
    """Reliability by probability of the given label, in ten bins over the gold rows that have one."""
    settled, hard = gold.aligned(labels.ids), labels.hard
    at = np.flatnonzero((settled != ABSTAIN) & (hard != ABSTAIN))
    top, right = labels.probs[at].max(axis=1, initial=0), hard[at] == settled[at]
    edges = np.linspace(1 / len(labels.space), 1, 11)
    bins = np.clip(np.digitize(top, edges) - 1, 0, 9)
    entries = []
    for b in np.unique(bins):
        here = bins == b
        low, high = wilson(int(right[here].sum()), int(here.sum()))
        entries.append(
            {
                "low": float(edges[b]),
                "high": float(edges[b + 1]),
                "rows": int(here.sum()),
                "mean_probability": float(top[here].mean()),
                "accuracy": float(right[here].mean()),
                "accuracy_low": low,
                "accuracy_high": high,
            }
        )
    return entries
