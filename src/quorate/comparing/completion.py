"""What became of every question: answered, no label said, or failed and why; and what the answers cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from quorate.comparing.candidates import Asked, Candidates
from quorate.estimating.estimates import Estimated
from quorate.values import ABSTAIN, Status


def completion(candidates: Candidates) -> list[dict[str, Any]]:
    """The rows of each compared source by outcome; failures by reason, the most frequent first."""
    return [_of(candidates, name) for name in candidates.names]


def _of(candidates: Candidates, name: str) -> dict[str, Any]:
    votes = candidates.votes
    counts = np.bincount(votes.status[:, votes.sources.index(name)], minlength=len(Status))
    reasons: dict[str, int] = {}
    for failure in votes.failures:
        if failure.source == name:
            reasons[failure.reason] = reasons.get(failure.reason, 0) + 1
    return {
        "name": name,
        "answered": int(counts[Status.VOTED]),
        "abstained": int(counts[Status.ABSTAINED]),
        "failed": int(counts[Status.FAILED]),
        "skipped": int(counts[Status.SKIPPED]),
        "share_answered": float(counts[Status.VOTED] / max(len(votes), 1)),
        "failures": dict(sorted(reasons.items(), key=lambda item: -item[1])),
        "attempts": dict(candidates.asked.get(name, Asked()).reasons),
    }


def money(candidates: Candidates, name: str, accuracy: Estimated | None) -> dict[str, Any]:
    """Tokens, price and time of a source; None where not known. A price is an estimate from price lists."""
    asked = candidates.asked.get(name, Asked())
    answered = int((candidates.column(name) != ABSTAIN).sum())
    rows = len(candidates)
    right = None if accuracy is None else accuracy.value * rows
    return {
        "name": name,
        "requests": asked.requests,
        "retries": asked.retries,
        "input_tokens": asked.input_tokens,
        "output_tokens": asked.output_tokens,
        "usd": asked.usd,
        "usd_per_1000_rows": None if asked.usd is None else 1000 * asked.usd / max(rows, 1),
        "usd_per_1000_answered": None if asked.usd is None else 1000 * asked.usd / max(answered, 1),
        "usd_per_correct_label": None if asked.usd is None or not right else asked.usd / right,
        "latency_p50_s": asked.latency_p50_s,
        "latency_p95_s": asked.latency_p95_s,
        "shared_with": list(asked.shared_with),
    }
