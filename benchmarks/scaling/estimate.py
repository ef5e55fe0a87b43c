"""On paper: ten thousand million rows on a cluster, from what one partition costs here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log2
from typing import Any

from benchmarks.measurement import Measurement
from benchmarks.scaling.synthetic import Shape

ROWS, PARTITION = 10**10, 10**6
WORKERS = (16, 64)
ASSUMED = {
    "passes": "two: read and fold; read, fold, predict and write",
    "worker": "one core as fast as this one, a disk or bucket that keeps up with it",
    "merging": "each worker adds up its own patterns, then pairs of workers in turn; patterns stay as many as here",
    "fitting": "once, in one place",
    "left out": "the start of the cluster, stragglers, partitions done twice",
}
_STEPS = ("read", "fold", "predict", "write")


def costs(shape: Shape, answer: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of a core for each step of one partition of a million rows, both passes; of one merge; of the fit."""
    spent = {name: cpu_s for name, (_, cpu_s) in answer["laps"].items()}
    found = {name: spent[name] * PARTITION / shape.rows for name in _STEPS}
    found["merge"] = spent["merge"] / max(answer["partitions"] - 1, 1)
    return {**found, "fit": spent["fit"]}


def hours(cost: Mapping[str, float], workers: int) -> float:
    """How long so many workers take for all rows."""
    partitions = ROWS / PARTITION
    of_each = (sum(cost[name] for name in _STEPS) + cost["merge"]) * partitions / workers
    return (of_each + log2(workers) * cost["merge"] + cost["fit"]) / 3600


def lines(shape: Shape, answer: Mapping[str, Any]) -> Iterator[Measurement]:
    """The cost of a partition by step, and the hours of the whole."""
    cost = costs(shape, answer)
    for name, seconds in cost.items():
        case = "the label model" if name == "fit" else f"a partition of {PARTITION:,} rows x {shape.sources}"
        yield Measurement(case, f"cpu_time_to_{name}", seconds, unit="s")
    for workers in WORKERS:
        yield Measurement(f"{ROWS:,} rows, {workers} workers", "estimated_time", hours(cost, workers), unit="h")
