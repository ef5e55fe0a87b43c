"""report: a run in numbers, as one documented object (schema `quorate.run/1`, see docs/report.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.asking.journal import Spent
from quorate.cells import plain
from quorate.estimating.survey import Survey, Surveyed
from quorate.patterns import VotePatterns
from quorate.protocols import FittedLabelModel
from quorate.reporting.analysis import accuracy, calibration, label_counts, pair_counts, share, source_table
from quorate.reporting.sums import FailureGroups, LabelSums, Settled, certainty_edges, status_counts
from quorate.rows import Rows
from quorate.trust.doubt import Estimate, sentences
from quorate.values import ABSTAIN, Failure, Gold, Labels, Queue, Status, Votes

SCHEMA = "quorate.run/1"
QUEUE_SHOWN = 50
_KIN_SHOWN = 200


def report(
    rows: Rows,
    votes: Votes,
    labels: Labels,
    queue: Queue,
    *,
    patterns: VotePatterns,
    fitted: FittedLabelModel,
    estimate: Estimate,
    majority: Labels,
    gold: Gold | None,
    gold_use: str,
    alone: Labels | None = None,
    spent: Spent | None = None,
    surveyed: Survey | None = None,
) -> dict[str, Any]:
    """Everything that the terminal, the HTML page and `--json` show of a run; `alone`: the labels before content."""
    failures = FailureGroups()
    failures.add(votes.failures)
    counted = Counted(
        patterns=patterns,
        families=votes.families,
        label_model=labels.model,
        statuses=status_counts(votes),
        labels=LabelSums.of(labels),
        failures=failures,
        settled=None if gold is None else Settled.among(gold, votes, labels, majority, alone),
        queue=[queue_entry(queue, i, rows, votes, labels) for i in range(min(len(queue), QUEUE_SHOWN))],
    )
    content = None if alone is None else _content(alone, labels, gold)
    return report_of(
        counted, fitted, estimate, gold=gold, gold_use=gold_use, spent=spent, surveyed=surveyed, content=content
    )


@dataclass(frozen=True, eq=False)
class Counted:
    """What a report needs to know of rows, however many there are: patterns, sums, and a few rows as they are."""

    patterns: VotePatterns
    families: tuple[str, ...]
    label_model: str
    statuses: NDArray[np.int64]
    labels: LabelSums
    failures: FailureGroups
    settled: Settled | None
    queue: list[dict[str, Any]]


def report_of(
    counted: Counted,
    fitted: FittedLabelModel,
    estimate: Estimate,
    *,
    gold: Gold | None,
    gold_use: str,
    spent: Spent | None = None,
    surveyed: Survey | None = None,
    content: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The report of rows that were counted."""
    patterns, settled = counted.patterns, counted.settled
    names = patterns.space.names
    sources = source_table(patterns, counted.families, counted.statuses, estimate, settled=settled, gold=gold)
    cast, labels = label_counts(patterns), settled and settled.labels
    return {
        "schema": SCHEMA,
        "rows": patterns.rows,
        "labels": list(names),
        "coverage": share(patterns, cast.sum(axis=1) > 0),
        "overlap": share(patterns, cast.sum(axis=1) > 1),
        "conflict": share(patterns, (cast > 0).sum(axis=1) > 1),
        "label_model": {"name": counted.label_model, "prior": dict(zip(names, fitted.prior.tolist(), strict=True))},
        "balance": _balance(estimate, names),
        "is_identified": estimate.is_identified,
        "distribution": dict(zip((*names, "undecided"), counted.labels.given.tolist(), strict=True)),
        "certainty": {
            "edges": certainty_edges(len(names)).tolist(),
            "counts": dict(zip(names, counted.labels.certainty.tolist(), strict=True)),
        },
        "gold": None if settled is None else {"rows": len(settled.labels), "use": gold_use},
        "accuracy": gold and labels and accuracy(labels, gold),
        "majority_accuracy": gold and settled and accuracy(settled.majority, gold),
        "accuracy_covered": gold and labels and _accuracy_covered(labels, gold),
        "survey": surveyed and survey_entry(surveyed),
        "calibration": gold and labels and calibration(labels, gold),
        "content": content,
        "sources": sources,
        "pairs": pair_counts(patterns),
        "kin": [asdict(pair) for pair in estimate.kin.pairs[:_KIN_SHOWN]],
        "failures": counted.failures.entries(patterns.sources),
        "spend": spent and _spend(spent, counted),
        "queue": counted.queue,
        "warnings": _warnings(counted, sources) + sentences(patterns, fitted, estimate),
    }


def _balance(estimate: Estimate, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    ends = zip(*(column.tolist() for column in estimate.balance), strict=True)
    return {
        name: dict(zip(("share", "low", "high"), three, strict=True)) for name, three in zip(names, ends, strict=True)
    }


def queue_entry(queue: Queue, i: int, rows: Rows, votes: Votes, labels: Labels) -> dict[str, Any]:
    """One row of the queue: its cells, who voted what, and why it is here."""
    at = int(queue.position[i])
    entry = row_entry(at, rows, votes, labels)
    reasons = {name: round(float(values[i]), 4) for name, values in queue.reasons.items()}
    drawn = float(queue.inclusion[i]) < 1
    why = "drawn at random to keep estimates honest" if drawn else explained(entry, reasons)
    return {
        "id": entry["id"],
        "score": round(float(queue.score[i]), 4),
        "inclusion": float(queue.inclusion[i]),
        "reasons": reasons,
        "why": why,
        **entry,
        "cells": {name: shortened(cell) for name, cell in entry["cells"].items()},
    }


def survey_entry(surveyed: Survey) -> dict[str, Any]:
    """What answers say of all rows: every estimate with its 95 % interval and the rows that it comes from."""
    return {
        "labels": _surveyed(surveyed.labels),
        "sources": {name: _surveyed(found) for name, found in surveyed.sources.items()},
        "classes": {name: _surveyed(found) for name, found in surveyed.classes.items()},
    }


def _surveyed(found: Surveyed) -> dict[str, Any]:
    estimate = found.estimate
    share = {} if estimate is None else {"accuracy": estimate.value, "low": estimate.low, "high": estimate.high}
    return {"accuracy": None, "low": None, "high": None, **share, "drawn": found.drawn, "targeted": found.aimed}


def shortened(cell: Any, limit: int = 2000) -> Any:
    """The cell, or the beginning of a text too long to read in a list."""
    long = isinstance(cell, str) and len(cell) > limit
    return f"{cell[:limit]}… ({len(cell):,} characters)" if long else cell


def row_entry(at: int, rows: Rows, votes: Votes, labels: Labels) -> dict[str, Any]:
    """One row: its id, label, probabilities, votes by source and cells."""
    names = votes.space.names
    y = int(labels.hard[at])
    return {
        "id": rows.ids[at].as_py(),
        "label": None if y == ABSTAIN else names[y],
        "probability": float(labels.probs[at].max()),
        "probabilities": dict(zip(names, labels.probs[at].tolist(), strict=True)),
        "votes": {
            source: names[v] for source, v in zip(votes.sources, votes.matrix[at].tolist(), strict=True) if v != ABSTAIN
        },
        "cells": {name: plain(cell) for name, cell in rows.table.slice(at, 1).to_pylist()[0].items()},
    }


def explained(entry: Mapping[str, Any], reasons: Mapping[str, float]) -> str:
    """Why a row is in the queue, in words."""
    by_label: dict[str, int] = defaultdict(int)
    for label in entry["votes"].values():
        by_label[label] += 1
    if not by_label:
        return "no source voted"
    said = ", ".join(
        f"{count} source{'s' if count > 1 else ''} say{'' if count > 1 else 's'} {label}"
        for label, count in sorted(by_label.items(), key=lambda item: (-item[1], item[0]))
    )
    model = (
        f"the label model says {entry['label']} ({entry['probability']:.2f})"
        if entry["label"]
        else "the label model cannot decide"
    )
    strongest = max(reasons, key=lambda name: reasons[name], default="")
    return f"{said}; {model}" + (f"; strongest signal: {strongest}" if reasons.get(strongest) else "")


def failure_groups(failures: tuple[Failure, ...]) -> list[dict[str, Any]]:
    """Failures with one cause together, the largest group first."""
    groups = FailureGroups()
    groups.add(failures)
    return groups.entries(list(groups.groups))


def _accuracy_covered(labels: Labels, gold: Gold) -> float | None:
    at = np.flatnonzero(labels.covered)
    covered = Labels(labels.space, labels.ids.take(at), labels.probs[at], labels.covered[at], labels.model)
    return accuracy(covered, gold)


def _content(alone: Labels, labels: Labels, gold: Gold | None) -> dict[str, Any]:
    """What content did to the labels that the votes alone gave."""
    before, after = alone.hard, labels.hard
    return {
        "extended": int((~alone.covered & labels.covered).sum()),
        "changed": int(((before != after) & (before != ABSTAIN) & (after != ABSTAIN)).sum()),
        "accuracy_votes_only": gold and accuracy(alone, gold),
        "accuracy_covered_votes_only": gold and _accuracy_covered(alone, gold),
    }


def _spend(spent: Spent, counted: Counted) -> dict[str, Any]:
    """What the project's endpoints cost so far, and the rows that each source was not asked about."""
    skipped = counted.statuses[:, Status.SKIPPED].tolist()
    return {
        "usd": spent.usd,
        "tokens": spent.tokens,
        "attempts": spent.attempts,
        "unpriced_attempts": spent.unpriced,
        "skipped": {name: count for name, count in zip(counted.patterns.sources, skipped, strict=True) if count},
    }


def _warnings(counted: Counted, sources: list[dict[str, Any]]) -> list[str]:
    found, space = [], counted.patterns.space
    silent = [entry["name"] for entry in sources if not entry["votes"]]
    if silent:
        found.append(f"never voted: {', '.join(silent)}")
    found += [
        f"{entry['name']} is right on {entry['gold_accuracy']:.0%} of {entry['gold_rows']} gold rows, worse than chance"
        for entry in sources
        if entry["gold_high"] is not None and entry["gold_high"] < 1 / len(space)
    ]
    unvoted = set(space.names) - {label for entry in sources for label in entry["polarity"]}
    if unvoted:
        found.append(f"no source votes for {', '.join(sorted(unvoted))}, so no row can get that label")
    if counted.labels.ties:
        found.append(f"{counted.labels.ties} covered row(s) tie between labels and stay undecided")
    skipped = int(counted.statuses[:, Status.SKIPPED].sum())
    if skipped:
        found.append(f"{skipped} vote(s) were not asked for (offline, or the budget is spent); run again to ask")
    if counted.failures.total:
        found.append(f"{counted.failures.total} vote(s) failed; `quorate run --retry-failed` asks again")
    return found
