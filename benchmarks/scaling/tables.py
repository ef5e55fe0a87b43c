"""The tables of the suite `scale`: one line a race, a cell a contender; then everything that is no race."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.measurement import Measurement
from benchmarks.scaling.synthetic import Shape

Found = Mapping[tuple[str, str], Measurement]
OURS = "quorate"
_TOLD = ("cpu_time", "peak_memory", "accuracy")


def markdown(measurements: Sequence[Measurement]) -> str:
    """Races, then the other lines; a part that was not measured has no table."""
    found = {(m.case, m.metric): m for m in measurements}
    races = [case for case, metric in found if metric == "cpu_time" and Shape.of(case).title == case]
    others = [m for m in measurements if Shape.of(m.case).title != m.case]
    return "\n".join(part for part in (_races(found, races), _others(others)) if part)


def _races(found: Found, cases: Sequence[str]) -> str:
    if not cases:
        return ""
    lines = [found[case, "cpu_time"] for case in cases]
    names = [OURS, *dict.fromkeys(name for m in lines for name in (*m.peers, *m.missing))]
    head = ["rows", "sources", "labels", *names]
    rows = [[*_shape(case), *(_contender(found, case, name) for name in names)] for case in cases]
    return _table(head, rows)


def _shape(case: str) -> list[str]:
    shape = Shape.of(case)
    return [f"{shape.rows:,}", f"{shape.sources:,}", f"{shape.labels:,}"]


def _contender(found: Found, case: str, name: str) -> str:
    """Seconds of a core, with how many times ours they are; memory; accuracy."""
    values = []
    for metric in _TOLD:
        m = found[case, metric]
        if name in m.missing:
            return m.missing[name].split(";")[0]
        if name != OURS and name not in m.peers:
            return ""
        values.append(m.ours if name == OURS else m.peers[name])
    seconds, mib, percent = values
    ours = found[case, "cpu_time"].ours
    times = (
        "" if name == OURS else f" (x {seconds / ours:.2g})" if seconds < 10 * ours else f" (x {seconds / ours:,.0f})"
    )
    return f"{_seconds(seconds)}{times}, {mib:,.0f} MiB, {percent:.2f} %"


def _others(measurements: Sequence[Measurement]) -> str:
    rows = [[m.case, m.metric.replace("_", " "), _value(m.ours, m.unit), _peers(m)] for m in measurements]
    return _table(["case", "metric", "ours", "others"], rows) if rows else ""


def _peers(m: Measurement) -> str:
    told = [f"{name.replace('_', ' ')} {_value(value, m.unit)}" for name, value in m.peers.items()]
    told += [f"{name} {reason.split(';')[0]}" for name, reason in m.missing.items()]
    return ", ".join(told)


def _value(value: float, unit: str) -> str:
    if unit == "s":
        return _seconds(value)
    if unit == "MiB":
        return f"{value:,.0f} MiB"
    return f"{value:.2f} {unit}" if unit else f"{value:g}"


def _seconds(value: float) -> str:
    return f"{value:,.0f} s" if value >= 100 else f"{value:.3g} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"
