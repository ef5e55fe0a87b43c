"""What the votes say of the sources: coverage, overlaps, conflicts, estimated and empirical accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.estimating.intervals import wilson
from quorate.patterns import VotePatterns
from quorate.reporting.sums import Settled
from quorate.trust.doubt import Estimate
from quorate.values import ABSTAIN, Gold, Labels, Status


def source_table(
    patterns: VotePatterns,
    families: tuple[str, ...],
    statuses: NDArray[np.int64],
    estimate: Estimate,
    *,
    settled: Settled | None,
    gold: Gold | None,
) -> list[dict[str, Any]]:
    """One entry per source; shares are of all rows, intervals hold 95 %.

    Args:
        statuses: int64[m, 4], on how many rows each source did what.
    """
    voted, counts, n = patterns.matrix != ABSTAIN, patterns.counts, max(patterns.rows, 1)
    cast = label_counts(patterns)
    overlapped = voted & (voted.sum(axis=1) > 1)[:, None]
    entries = []
    for j, name in enumerate(patterns.sources):
        at = np.flatnonzero(voted[:, j])
        given = patterns.matrix[at, j]
        against = cast[at].sum(axis=1) > cast[at, given]
        votes = int(counts[at].sum())
        entries.append(
            {
                "name": name,
                "family": families[j],
                "polarity": [patterns.space.names[y] for y in np.unique(given)],
                "votes": votes,
                "coverage": votes / n,
                "overlaps": int(counts[overlapped[:, j]].sum()) / n,
                "conflicts": int(counts[at][against].sum()) / n,
                "failed": int(statuses[j, Status.FAILED]),
                "skipped": int(statuses[j, Status.SKIPPED]),
                **_estimated(estimate, j, votes),
                **_empirical(settled, j, gold),
            }
        )
    return entries


def label_counts(patterns: VotePatterns) -> NDArray[np.int64]:
    """The votes for each label in each pattern, int64[p, k]."""
    return np.stack([(patterns.matrix == y).sum(axis=1) for y in range(len(patterns.space))], axis=1)


def share(patterns: VotePatterns, those: NDArray[np.bool_]) -> float:
    """The share of rows that have one of those patterns; 0 without rows."""
    return int(patterns.counts[those].sum()) / patterns.rows if patterns.rows else 0.0


def _estimated(estimate: Estimate, j: int, votes: int) -> dict[str, float | None]:
    if not votes:
        return {"accuracy": None, "accuracy_low": None, "accuracy_high": None}
    return {
        "accuracy": float(estimate.accuracy[j]),
        "accuracy_low": float(estimate.low[j]),
        "accuracy_high": float(estimate.high[j]),
    }


def _empirical(settled: Settled | None, j: int, gold: Gold | None) -> dict[str, Any]:
    if settled is None or gold is None:
        return {"gold_accuracy": None, "gold_low": None, "gold_high": None, "gold_rows": 0}
    column, truth = settled.votes.matrix[:, j], gold.aligned(settled.votes.ids)
    both = column != ABSTAIN
    total, right = int(both.sum()), int((both & (column == truth)).sum())
    low, high = wilson(right, total)
    return {
        "gold_accuracy": right / total if total else None,
        "gold_low": low if total else None,
        "gold_high": high if total else None,
        "gold_rows": total,
    }


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
