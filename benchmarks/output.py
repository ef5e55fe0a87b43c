"""Prints what a benchmark measured: a table for people, or a JSON object a line."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measurement import Context, Measurement, Suite, WrongAnswer

_WIDTH = 140
_WRONG = "wrong answer"


def as_json(name: str, suite: Suite, context: Context) -> None:
    """Each measurement as it is made, then the summary."""
    print(json.dumps({"summary": _lines(name, suite, context)}), flush=True)


def all_as_json(suites: Mapping[str, Suite], context: Context) -> int:
    """Each measurement of each suite, then one summary of them by name; 1 where an answer was wrong, else 0."""
    summaries = {name: _or_wrong(name, lambda: _lines(name, suite, context)) for name, suite in suites.items()}  # noqa: B023
    print(json.dumps({"summary": summaries}), flush=True)
    return int(any(_WRONG in summary for summary in summaries.values()))


def all_as_table(suites: Mapping[str, Suite], context: Context) -> int:
    """What each suite prints as it ends, then one table of all summaries; 1 where an answer was wrong, else 0."""
    summaries = {name: _or_wrong(name, lambda: as_table(name, suite, context)) for name, suite in suites.items()}  # noqa: B023
    table = Table(title="all")
    for column in ("benchmark", "", "measured", "target"):
        table.add_column(column, justify="right" if column == "target" else "left")
    for name, summary in summaries.items():
        for number, shown, target in _summary_lines(summary, _limits(suites[name])):
            table.add_row(name.replace("_", "-"), number, shown, target)
    _console().print(table)
    return int(any(_WRONG in summary for summary in summaries.values()))


def _or_wrong(name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The summary; a wrong answer is one, so that the other suites are measured."""
    try:
        return measure()
    except WrongAnswer as error:
        print(f"wrong answer: {name}: {error}", file=sys.stderr)
        return {_WRONG: str(error)}


def _lines(name: str, suite: Suite, context: Context) -> dict[str, Any]:
    """Prints each measurement as it is made; the summary."""
    found = []
    for measurement in suite.measure(context):
        found.append(measurement)
        print(json.dumps(measurement.as_json(name)), flush=True)
    return _summary(suite, found)


def as_table(name: str, suite: Suite, context: Context) -> dict[str, Any]:
    """The summary, printed after every measurement in one table or in those that the suite writes."""
    progress = Console(stderr=True)
    found: list[Measurement] = []
    console = _console()
    try:
        with progress.status(f"{name}: starting") as status:
            for measurement in suite.measure(context):
                found.append(measurement)
                status.update(f"{name}: {measurement.case}, {measurement.metric}")
    finally:
        # What was measured is shown even when the rest was not.
        if written := getattr(suite, "markdown", None):
            print(written(found))
        else:
            console.print(_table(name, found))
    summary = _summary(suite, found)
    console.print(_summary_table(summary, _limits(suite)))
    return summary


def _console() -> Console:
    """Wide enough for a table where there is no terminal to measure."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH)


def _limits(suite: Suite) -> dict[str, float]:
    return {**getattr(suite, "TARGETS", {}), **getattr(suite, "FLOORS", {})}


def _summary(suite: Suite, found: Sequence[Measurement]) -> dict[str, Any]:
    """What the suite says, the targets that it missed, and the peers without a value by reason."""
    summary = suite.summarise(found)
    targets: Mapping[str, float] = getattr(suite, "TARGETS", {})
    floors: Mapping[str, float] = getattr(suite, "FLOORS", {})
    if targets or floors:
        missed = [n for n, most in targets.items() if n in summary and summary[n] > most]
        missed += [n for n, least in floors.items() if n in summary and summary[n] < least]
        summary["missed_targets"] = missed
    missing: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for measurement in found:
        for peer, reason in measurement.missing.items():
            missing[peer][reason].append(f"{measurement.case}: {measurement.metric}")
    return {**summary, "missing": missing}


def _table(name: str, found: Sequence[Measurement]) -> Table:
    peers = list(dict.fromkeys(peer for m in found for peer in (*m.peers, *m.missing)))
    timed = any(m.unit == "s" and m.peers for m in found)
    table = Table(title=name, caption="after a slash: ours divided by the peer's" if timed else None)
    for column in ("case", "metric"):
        table.add_column(column)
    for column in ("ours", *peers):
        table.add_column(column.replace("_", " "), justify="right")
    for m in found:
        table.add_row(m.case, m.metric.replace("_", " "), _number(m.ours, m.unit), *(_cell(m, peer) for peer in peers))
    return table


def _cell(m: Measurement, peer: str) -> str:
    if peer in m.missing:
        return m.missing[peer].split(";")[0]
    if peer not in m.peers:
        return ""
    value = _number(m.peers[peer], m.unit)
    return f"{value} / {m.ours / m.peers[peer]:.3f}" if m.unit == "s" else value


def _summary_table(summary: Mapping[str, Any], targets: Mapping[str, float]) -> Table:
    table = Table(title="summary", show_header=bool(targets))
    table.add_column("")
    table.add_column("measured")
    if targets:
        table.add_column("target", justify="right")
    for number, shown, target in _summary_lines(summary, targets):
        table.add_row(number, shown, *([target] if targets else []))
    return table


def _summary_lines(summary: Mapping[str, Any], targets: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    """The name, the value and the target of each number."""
    for name, value in summary.items():
        if value != {}:
            yield name.replace("_", " "), _shown(value), f"{targets[name]:g}" if name in targets else ""


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_shown(part)}".replace("\n", "  ") for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) if len(value) < 5 else f"{len(value)} cases"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"
    if unit in ("MiB", "h"):
        return f"{value:,.0f} MiB" if unit == "MiB" else f"{value:.2f} h"
    return f"{value:.1f}" if unit == "%" else f"{value:.3f}" if isinstance(value, float) else str(value)
