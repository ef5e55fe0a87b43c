"""plan: what asking the models will cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor, sqrt
from statistics import stdev
from typing import Any

import numpy as np

from quorate.apply import apply
from quorate.asking.bill import Bill
from quorate.asking.desk import DeskSettings
from quorate.asking.journal import Journal
from quorate.asking.letters import Letter
from quorate.asking.prices import cost_usd, price_of
from quorate.project import Project
from quorate.protocols import Asking, Batching, Endpoint
from quorate.rows import Rows
from quorate.store import Store
from quorate.streaming.looking import check_fits
from quorate.values import Gold, Status, Votes
from quorate.wire import Usage

_ENOUGH = 8
"""Answers from which a model's tokens are estimated; fewer say too little of their spread."""
_NORMAL_95 = 1.96
_GUESSED_BYTES_PER_TOKEN = (6.0, 4.0, 2.0)
_GUESSED_ANSWER_TOKENS = (4.0, 10.0)
"""Low and likely tokens of an answer of one label; the high guess is all that the endpoint allows."""


@dataclass
class _Ledger:
    """The questions that one source would send."""

    seen: set[bytes]
    sizes: list[int] = field(default_factory=list)
    answers: int = 0
    worst_tokens: int = 0
    worst_usd: float | None = 0.0

    def note(self, bill: Bill, letter: Letter) -> None:
        """One more question; what two sources ask alike is sent once."""
        if letter.key in self.seen:
            return
        self.seen.add(letter.key)
        worst = bill.worst_case(letter)
        self.sizes.append(letter.size_bytes)
        self.answers += letter.answers
        self.worst_tokens += worst.tokens
        self.worst_usd = None if worst.usd is None or self.worst_usd is None else self.worst_usd + worst.usd


def plan(project: Project, pilot: int = 0) -> dict[str, Any]:
    """What each model source would ask and cost (schema `quorate.plan/1`); intervals are 95 %.

    With `pilot` so many rows, spread over the data, are asked for each source first: they are paid and kept, and the
    estimate rests on what they cost.

    Raises:
        ProjectError: the data does not fit the project.
        EndpointStopped, JournalError: only in a pilot.
    """
    check_fits(project)
    data = project.read()
    asking = [source for source in project.sources if isinstance(source, Asking)]
    if pilot and asking:
        at = np.unique(np.linspace(0, max(len(data.rows) - 1, 0), pilot).astype(np.intp))
        ask_rows(project, asking, data.rows.take(at), data.anchors)
    seen: set[bytes] = set()
    entries = [_entry(project, source, data.rows, data.anchors, seen) for source in asking]
    with Journal(project.desk.journal) as journal:
        spent = journal.spent()
    caps = project.settings.budget
    return {
        "schema": "quorate.plan/1",
        "project": project.name,
        "rows": len(data.rows),
        "sources": entries,
        "total": _total(entries),
        "spent": {"usd": spent.usd, "tokens": spent.tokens, "attempts": spent.attempts},
        "caps": {"max_usd": caps.max_usd, "max_tokens": caps.max_tokens},
    }


def ask_rows(project: Project, sources: Sequence[Any], rows: Rows, anchors: Gold | None) -> Votes:
    """The votes of these sources on these rows; answers are paid and kept."""
    return _voted(project, sources, rows, anchors, project.desk)


def _voted(project: Project, sources: Sequence[Any], rows: Rows, anchors: Gold | None, desk: DeskSettings) -> Votes:
    return apply(
        rows,
        sources,
        project.space,
        gold=anchors,
        store=Store(project.state, False),
        partition_rows=project.settings.run.partition_rows,
        max_failure_share=1.0,
        desk=desk,
    )


def _entry(project: Project, source: Any, rows: Rows, anchors: Gold | None, seen: set[bytes]) -> dict[str, Any]:
    endpoint: Endpoint = source.endpoint
    is_batch = isinstance(endpoint, Batching) and endpoint.batch
    bill = Bill(endpoint, price_of(endpoint), "batch" if is_batch else "")
    ledger = _Ledger(seen)

    def witness(letter: Letter) -> None:
        ledger.note(bill, letter)

    rules = replace(project.desk.rules, is_offline=True, witness=witness)
    votes = _voted(project, [source], rows, anchors, replace(project.desk, rules=rules))
    to_ask = int((votes.status == Status.SKIPPED).sum())
    with Journal(project.desk.journal) as journal:
        measured = journal.measured(endpoint.wire, endpoint.model)
    low, likely, high = _usages(ledger, measured, endpoint.max_output_tokens)
    return {
        "name": source.name,
        "model": endpoint.model,
        "wire": endpoint.wire,
        "is_batch": is_batch,
        "rows": len(rows),
        "rows_known": len(rows) - to_ask,
        "rows_to_ask": to_ask,
        "requests": len(ledger.sizes),
        "tokens": _interval([usage.input + usage.output for usage in (low, likely, high)]),
        "usd": _interval([cost_usd(bill.price, usage, bill.tier) for usage in (low, likely, high)]),
        "usd_at_most": ledger.worst_usd,
        "tokens_at_most": ledger.worst_tokens,
        "measured_on": len(measured) if len(measured) >= _ENOUGH else 0,
    }


def _usages(ledger: _Ledger, measured: Sequence[tuple[int, int, int]], most_output: int) -> tuple[Usage, Usage, Usage]:
    """Low, likely and high tokens of the questions, from what answers took before (bytes, in, out)."""
    total, n = sum(ledger.sizes), len(ledger.sizes)
    if not n:
        return Usage(), Usage(), Usage()
    if len(measured) < _ENOUGH:
        inputs = [total / per_token for per_token in _GUESSED_BYTES_PER_TOKEN]
        outputs = [ledger.answers * each for each in (*_GUESSED_ANSWER_TOKENS, float(most_output))]
    else:
        # Ratio estimates: tokens grow with bytes; an answer of one label takes what it takes.
        inputs = _estimated(total, n, [(size, given) for size, given, _ in measured])
        outputs = _estimated(n, n, [(1, made) for _, _, made in measured])
    pairs = zip(inputs, outputs, strict=True)
    low, likely, high = (Usage(max(round(given), 0), max(round(made), 0)) for given, made in pairs)
    return low, likely, high


def _estimated(total: float, n: int, measured: Sequence[tuple[float, float]]) -> list[float]:
    """The 95 % interval of the sum of n values whose sizes sum to `total`, from measured (size, value) pairs.

    The ratio estimator (Cochran, Sampling Techniques, ch. 6); the error is that of the ratio and of the new values.
    """
    ratio = sum(value for _, value in measured) / sum(size for size, _ in measured)
    spread = stdev([value - ratio * size for size, value in measured])
    width = _NORMAL_95 * spread * sqrt(n + n * n / len(measured))
    return [floor(total * ratio - width), total * ratio, ceil(total * ratio + width)]


def _interval(values: Sequence[float | int | None]) -> dict[str, float] | None:
    if any(value is None for value in values):
        return None
    return dict(zip(("low", "likely", "high"), (float(value or 0) for value in values), strict=True))


def _total(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sums; no price for all where one is unknown."""

    def added(name: str) -> dict[str, float] | None:
        told = [entry[name] for entry in entries]
        if not all(told):
            return None
        return {side: sum(one[side] for one in told) for side in ("low", "likely", "high")}

    return {"requests": sum(entry["requests"] for entry in entries), "tokens": added("tokens"), "usd": added("usd")}
