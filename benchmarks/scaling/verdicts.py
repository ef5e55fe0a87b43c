"""What the suite `scale` comes to: ratios to peers, growth, memory, and the bounds they are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.measurement import Measurement
from benchmarks.scaling import estimate, files, spreading
from benchmarks.scaling.synthetic import Shape

_SPARSE, _DENSE, _DENSE_20 = Shape(10**6).title, Shape(10**6, 50).title, Shape(10**6, 50, 20).title
_FILE = f"{Shape(10**8).title}{files.PARQUET}"
_NAMED = ("snorkel", "hyperlm", "crowdkit")
FASTER, MEMORY, BETTER = "times faster than", "memory over that of", "accuracy over that of"

FLOORS = {
    f"{_SPARSE}: {FASTER} snorkel": 20.0,
    f"{_DENSE}: {FASTER} snorkel": 10.0,
    f"{_DENSE_20}: {FASTER} snorkel": 10.0,
    f"{_SPARSE}: {FASTER} hyperlm": 40.0,
    f"{_SPARSE}: {FASTER} crowdkit": 20.0,
    **{f"{case}: {BETTER} snorkel": 0.0 for case in (_SPARSE, _DENSE, _DENSE_20)},
    "patterns: times faster than snorkel": 40.0,
    "two workers: times faster than one": 1.8,
}
CEILINGS = {
    **{f"{case}: {MEMORY} snorkel": 0.2 for case in (_SPARSE, _DENSE, _DENSE_20)},
    f"{_SPARSE}: time over that of numpy": 1.5,
    f"{_FILE}: GiB": 2.0,
    f"{_FILE}: times the time of a tenth": 12.0,
    "functions: time over a plain loop": 1.15,
    "edit: columns run": 1,
}

Found = Mapping[tuple[str, str], Measurement]


def summary(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """The numbers that have a bound, those of other cases, and what stands on paper."""
    found = {(m.case, m.metric): m for m in measurements}
    numbers: dict[str, Any] = {}
    for case, metric in found:
        if metric == "cpu_time" and Shape.of(case).title == case:
            numbers |= _of_race(found, case)
    numbers |= _of_files(found) | _of_rules(found) | _of_edit(found)
    if any(m.metric == "estimated_time" for m in measurements):
        numbers["estimate assumes"] = estimate.ASSUMED
    return numbers


def _of_race(found: Found, case: str) -> dict[str, float]:
    numbers: dict[str, float] = {}
    time, memory, right = (found[case, metric] for metric in ("cpu_time", "peak_memory", "accuracy"))
    for peer in (peer for peer in _NAMED if peer in time.peers):
        numbers[f"{case}: {FASTER} {peer}"] = round(time.peers[peer] / time.ours, 2)
    if "numpy" in time.peers:
        numbers[f"{case}: time over that of numpy"] = round(time.ours / time.peers["numpy"], 3)
    if "snorkel" in time.peers:
        numbers[f"{case}: {MEMORY} snorkel"] = round(memory.ours / memory.peers["snorkel"], 3)
        numbers[f"{case}: {BETTER} snorkel"] = round(right.ours - right.peers["snorkel"], 3)
    return numbers


def _of_files(found: Found) -> dict[str, float]:
    sizes = sorted(
        (Shape.of(case).rows, m) for (case, metric), m in found.items() if metric == "time" and _in_file(case)
    )
    numbers = {f"{m.case}: GiB": round(found[m.case, "peak_memory"].ours / 1024, 3) for _, m in sizes}
    for (few, smaller), (many, larger) in pairwise(sizes):
        if many == 10 * few:
            numbers[f"{larger.case}: times the time of a tenth"] = round(larger.ours / smaller.ours, 2)
    return numbers


def _in_file(case: str) -> bool:
    return case.endswith(files.PARQUET)


def _of_rules(found: Found) -> dict[str, float]:
    numbers = {}
    functions, patterns = (found.get((case, "cpu_time")) for case in ("ten functions", "ten patterns"))
    if functions:
        numbers["functions: time over a plain loop"] = round(functions.ours / functions.peers["list_comprehension"], 3)
    if patterns and "snorkel" in patterns.peers:
        numbers["patterns: times faster than snorkel"] = round(patterns.peers["snorkel"] / patterns.ours, 1)
    for (case, _), m in found.items():
        if case.endswith(spreading.TWO):
            numbers["two workers: times faster than one"] = round(m.peers[spreading.ONE] / m.ours, 2)
    return numbers


def _of_edit(found: Found) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for (case, metric), m in found.items():
        if case.endswith("edited") and metric == "columns run":
            numbers["edit: columns run"] = m.ours
        if case.endswith("edited") and metric == "cpu_time":
            numbers["edit: time over a full run"] = round(m.ours / m.peers["full_run"], 3)
    return numbers
