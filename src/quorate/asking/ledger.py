"""What the journal knows of one model: requests by outcome, tokens, money and time; it is opened for reading only."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_OF_MODEL = "FROM attempts WHERE endpoint = ? AND model = ?"


@dataclass(frozen=True)
class Account:
    """All attempts at a model. `reasons` counts those that brought no whole answer; `usd` is None where no price is
    known of some; latencies in seconds, None without an answer.
    """

    requests: int
    retries: int
    reasons: Mapping[str, int]
    input_tokens: int
    output_tokens: int
    usd: float | None
    latency_p50_s: float | None
    latency_p95_s: float | None


def account_of(journal: Path | None, endpoint: str, model: str) -> Account | None:
    """The account of a model at a wire form; None where there is no journal, or nothing in it."""
    if journal is None or not journal.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)) as rows:
            return _account(rows, (endpoint, model))
    except sqlite3.Error:
        # A journal that another process holds, or that is damaged, has nothing to tell of money.
        return None


def _account(rows: sqlite3.Connection, key: tuple[str, str]) -> Account | None:
    unknown = "sum(cost_usd IS NULL AND input + output > 0)"
    sums = f"count(*), sum(number > 1), sum(input), sum(output), sum(cost_usd), {unknown}"
    ((count, retries, given, made, usd, unpriced),) = rows.execute(f"SELECT {sums} {_OF_MODEL}", key).fetchall()
    if not count:
        return None
    reasons = rows.execute(f"SELECT reason, count(*) {_OF_MODEL} AND reason != '' GROUP BY reason ORDER BY 2 DESC", key)
    took = [
        s for (s,) in rows.execute(f"SELECT latency_s {_OF_MODEL} AND reason = '' AND latency_s > 0 ORDER BY 1", key)
    ]
    return Account(
        count,
        retries or 0,
        dict(reasons.fetchall()),
        given or 0,
        made or 0,
        None if unpriced or usd is None else usd,
        took[len(took) // 2] if took else None,
        took[min(int(0.95 * len(took)), len(took) - 1)] if took else None,
    )
