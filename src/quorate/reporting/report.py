"""report: a run in numbers, as one documented object (schema `quorate.run/1`, see docs/report.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from quorate.asking.journal import Spent
from quorate.cells import plain
from quorate.estimating.survey import Survey, Surveyed
from quorate.patterns import VotePatterns
from quorate.protocols import FittedLabelModel
from quorate.reporting.analysis import accuracy, calibration, pair_counts, source_table
from quorate.rows import Rows
from quorate.trust.doubt import Estimate, sentences
from quorate.values import ABSTAIN, Failure, Gold, Labels, Queue, Status, Votes

SCHEMA = "quorate.run/1"
_QUEUE_SHOWN = 50
_EXAMPLES = 5
_KIN_SHOWN = 200
_BINS = 20


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
    voting = (votes.matrix != ABSTAIN).sum(axis=1)
    differ = (votes.counts() > 0).sum(axis=1) > 1
    sources = source_table(votes, estimate, gold)
    hard = labels.hard
    names = votes.space.names
    return {
        "schema": SCHEMA,
        "rows": len(rows),
        "labels": list(names),
        "coverage": _share(voting > 0),
        "overlap": _share(voting > 1),
        "conflict": _share(differ),
        "label_model": {"name": labels.model, "prior": dict(zip(names, fitted.prior.tolist(), strict=True))},
        "balance": _balance(estimate, names),
        "is_identified": estimate.is_identified,
        "distribution": {
            **{name: int((hard == y).sum()) for y, name in enumerate(names)},
            "undecided": int((hard == ABSTAIN).sum()),
        },
        "certainty": _certainty(labels),
        "gold": None if gold is None else {"rows": int((gold.aligned(rows.ids) != ABSTAIN).sum()), "use": gold_use},
        "accuracy": gold and accuracy(labels, gold),
        "majority_accuracy": gold and accuracy(majority, gold),
        "accuracy_covered": gold and _accuracy_covered(labels, gold),
        "survey": surveyed and survey_entry(surveyed),
        "calibration": gold and calibration(labels, gold),
        "content": None if alone is None else _content(alone, labels, gold),
        "sources": sources,
        "pairs": pair_counts(patterns),
        "kin": [asdict(pair) for pair in estimate.kin.pairs[:_KIN_SHOWN]],
        "failures": failure_groups(votes.failures),
        "spend": spent and _spend(spent, votes),
        "queue": [queue_entry(queue, i, rows, votes, labels) for i in range(min(len(queue), _QUEUE_SHOWN))],
        "warnings": _warnings(votes, labels, sources) + sentences(patterns, fitted, estimate),
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
    groups: dict[tuple[str, str, str], list[Failure]] = defaultdict(list)
    for failure in failures:
        groups[failure.source, failure.reason, failure.message].append(failure)
    entries = [
        {
            "source": source,
            "reason": reason,
            "message": message,
            "rows": len(group),
            "examples": [failure.row_id for failure in group[:_EXAMPLES]],
            "traceback": group[0].traceback,
        }
        for (source, reason, message), group in groups.items()
    ]
    return sorted(entries, key=lambda entry: -int(str(entry["rows"])))


def _share(mask: Any) -> float:
    return float(mask.mean()) if len(mask) else 0.0


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


def _certainty(labels: Labels) -> dict[str, Any]:
    edges = np.linspace(1 / len(labels.space), 1, _BINS + 1)
    hard, top = labels.hard, labels.probs.max(axis=1, initial=0)
    return {
        "edges": edges.tolist(),
        "counts": {name: np.histogram(top[hard == y], edges)[0].tolist() for y, name in enumerate(labels.space.names)},
    }


def _spend(spent: Spent, votes: Votes) -> dict[str, Any]:
    """What the project's endpoints cost so far, and the rows that each source was not asked about."""
    skipped = (votes.status == Status.SKIPPED).sum(axis=0).tolist()
    return {
        "usd": spent.usd,
        "tokens": spent.tokens,
        "attempts": spent.attempts,
        "unpriced_attempts": spent.unpriced,
        "skipped": {name: count for name, count in zip(votes.sources, skipped, strict=True) if count},
    }


def _warnings(votes: Votes, labels: Labels, sources: list[dict[str, Any]]) -> list[str]:
    found = []
    silent = [entry["name"] for entry in sources if not entry["votes"]]
    if silent:
        found.append(f"never voted: {', '.join(silent)}")
    found += [
        f"{entry['name']} is right on {entry['gold_accuracy']:.0%} of {entry['gold_rows']} gold rows, worse than chance"
        for entry in sources
        if entry["gold_high"] is not None and entry["gold_high"] < 1 / len(votes.space)
    ]
    unvoted = set(votes.space.names) - {label for entry in sources for label in entry["polarity"]}
    if unvoted:
        found.append(f"no source votes for {', '.join(sorted(unvoted))}, so no row can get that label")
    ties = int((labels.covered & labels.tied).sum())
    if ties:
        found.append(f"{ties} covered row(s) tie between labels and stay undecided")
    skipped = int((votes.status == Status.SKIPPED).sum())
    if skipped:
        found.append(f"{skipped} vote(s) were not asked for (offline, or the budget is spent); run again to ask")
    if votes.failures:
        found.append(f"{len(votes.failures)} vote(s) failed; `quorate run --retry-failed` asks again")
    return found
