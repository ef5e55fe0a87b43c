"""train: end models on our labels beside the same model on majority vote and on gold, and the worth of weak labels.

Every set is trained and judged as `quorate train` does it: five folds, near-duplicates together, the choice between
labels and probabilities by gold of the other folds. `same_rows_gold` learns the gold of the very rows that have weak
labels. The worth is told from half of the gold rows. Where it is told as a number (both ends of its 95 % interval can
be told), it is compared with the learning curve measured around it on other samples of all gold rows; where it is told
as a bound, models on that many gold rows, drawn anew, must not be on the wrong side of the labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.measurement import Context, Measurement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.end_models import Bench

FLOORS = {"lead_over_majority_on_the_worst_set": 0.0, "sets_within_3_points_of_gold_on_the_same_rows": 2}
TARGETS = {"worth_off_by_at_most_on_the_worst_set": 30.0, "bounds_of_worth_that_do_not_hold": 0.0}


def measure(context: Context) -> Iterator[Measurement]:
    """Accuracy and mean F1 in percent, the number of rows, and the worth in gold rows."""
    from benchmarks.end_models import bundled_benches, open_benches

    rows = 600 if context.quick else 2_500
    for bench in chain(bundled_benches(rows), open_benches(context.data, rows) if context.data else ()):
        yield from _measured(bench)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """The leads over majority vote and over gold on the same rows, and how far the worth is off."""
    scores = [m for m in measurements if m.metric == "accuracy"]
    over_majority = {m.case: m.ours - m.peers["majority"] for m in scores}
    under_gold = {m.case: m.peers["same_rows_gold"] - m.ours for m in scores}
    off = {
        m.case: 100 * abs(m.ours / m.peers["measured"] - 1)
        for m in measurements
        if m.metric == "worth" and "measured" in m.peers
    }
    summary: dict[str, Any] = {
        "sets": len(scores),
        "mean_accuracy": {
            "ours": round(fmean(m.ours for m in scores), 1),
            **{peer: round(fmean(m.peers[peer] for m in scores), 1) for peer in scores[0].peers},
        },
        "lead_over_majority": {case: round(by, 1) for case, by in over_majority.items()},
        "sets_clearly_behind_majority": [
            m.case for m in measurements if m.metric == "lead_over_majority" and m.peers["high"] < 0
        ],
        "lead_over_majority_on_the_worst_set": min(over_majority.values()),
        "sets_within_3_points_of_gold_on_the_same_rows": sum(by <= 3 for by in under_gold.values()),
        "behind_gold_on_the_same_rows": {case: round(by, 1) for case, by in under_gold.items()},
    }
    if off:
        summary["worth_off_by_percent"] = {case: round(by) for case, by in off.items()}
        summary["worth_off_by_at_most_on_the_worst_set"] = max(off.values())
    bounds = [m for m in measurements if m.metric.startswith("worth_")]
    summary["worth_told_as_a_bound"] = {m.case: f"{m.metric[6:].replace('_', ' ')} {m.ours:,.0f}" for m in bounds}
    summary["bounds_of_worth_that_do_not_hold"] = sum(m.peers["holds"] == 0 for m in bounds if "holds" in m.peers)
    return summary


def _measured(bench: Bench) -> Iterator[Measurement]:
    from quorate.training.judging import difference, scored

    given = bench.given()
    scores = {name: scored(bench.judges, labels) for name, labels in given.items()}
    for metric in ("accuracy", "macro_f1"):
        values = {name: 100 * getattr(score, metric).value for name, score in scores.items()}
        yield Measurement(bench.case, metric, values.pop("ours"), values, "%")
    lead = difference(bench.judges, given["ours"], given["majority"])
    ends = {"low": 100 * lead.low, "high": 100 * lead.high}
    yield Measurement(bench.case, "lead_over_majority", 100 * lead.value, ends, "points")
    yield from _worth(bench, given["ours"])


def _worth(bench: Bench, given: NDArray[np.int64]) -> Iterator[Measurement]:
    """From half of the gold rows; measured on all, on samples of its own."""
    estimate = bench.estimate(given)
    if estimate is None:
        yield Measurement(bench.case, "worth", 0.0, {}, "rows", {"measured": "too few gold rows"})
        return
    found = bench.met(given, estimate.rows)
    measured = {"measured": found} if found is not None else {}
    why = {} if measured else {"measured": "not met between a third and three times as many, or too few gold rows"}
    if estimate.relation == "about":
        ends = {"low": float(estimate.low or 0), "high": float(estimate.high or 0)}
        yield Measurement(bench.case, "worth", estimate.rows, {**measured, **ends}, "rows", why)
        return
    gap = bench.gap(given, estimate.rows)
    holds = gap <= 0 if estimate.relation in ("at least", "more than") else gap >= 0
    told = {"holds": float(holds)} if estimate.relation != "unknown" else {}
    metric = f"worth_{estimate.relation.replace(' ', '_')}"
    yield Measurement(bench.case, metric, estimate.rows, {**measured, **told}, "rows", why)
