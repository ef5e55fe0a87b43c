"""next: what labels are worth after some minutes of work in the order of `quorate next`, and in other orders.

A simulated person does one step after another and the list is made anew after each. Their rules hold the words that
the step names and vote for the label that most of three rows they read have; fixing a rule withdraws half of its wrong
votes; answers are true. Truth is told to nobody but that person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from benchmarks.measurement import Context, Measurement

MINUTES = (5, 10, 20)
_SEEDS = 2
_MOST_ROWS = 3_000
_TEXT_SETS = ("youtube", "hausa")


def measure(context: Context) -> Iterator[Measurement]:
    """Per set: the accuracy in percent after so many minutes, and the gain of the first steps: expected and real."""
    from benchmarks.stepping import Work, by_coverage, by_gain, in_random_order, starts

    for name, start in starts(context.data, _TEXT_SETS, 400 if context.quick else _MOST_ROWS):
        seeds = 1 if context.quick else _SEEDS
        orders = {"ours": by_gain, "random": in_random_order, "by coverage": by_coverage}
        works = {
            order: [Work(start, seed).follow(pick, MINUTES) for seed in range(seeds)] for order, pick in orders.items()
        }
        yield Measurement(name, "at the start", start.accuracy(), {}, "%")
        for i, minutes in enumerate(MINUTES):
            values = {order: fmean(work.reached[i] for work in done) for order, done in works.items()}
            yield Measurement(name, f"after {minutes} min", values.pop("ours"), values, "%")
        expected = fmean(sum(work.expected) for work in works["ours"])
        yield Measurement(
            name, "labels put right", fmean(work.real for work in works["ours"]), {"expected": expected}, ""
        )


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Means over the sets, and on how many of them our order is ahead."""
    after = [m for m in measurements if m.metric.startswith("after")]
    means: dict[str, Any] = {}
    for metric in dict.fromkeys(m.metric for m in after):
        found = [m for m in after if m.metric == metric]
        means[metric] = {"ours": round(fmean(m.ours for m in found), 2)}
        for peer in found[0].peers:
            means[metric][peer] = round(fmean(m.peers[peer] for m in found), 2)
            means[metric][f"not behind {peer}"] = (
                f"{sum(m.ours >= m.peers[peer] - 1e-9 for m in found)} of {len(found)}"
            )
    return means
