"""Rows asked of a loopback server through the real SDKs: what the tests of faults, money and crashes share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from quorate.apply import apply
from quorate.asking.desk import DeskSettings
from quorate.asking.journal import Journal, Spent
from quorate.loopback.server import Loopback
from quorate.registry import build
from quorate.sources.prompt import Prompt
from quorate.values import Status, Votes

LABELS = ["HAM", "SPAM"]
PRICE = {"input": 1.0, "output": 2.0}
WIRES = ("chat", "responses", "decisions", "cohere", "http")


def answer(text: str, choices: Sequence[str]) -> dict[str, float]:
    """A model that is sure: what speaks of a channel is SPAM."""
    label = "SPAM" if "channel" in text else "HAM"
    return {choice: 0.9 if choice == label else 0.1 / (len(choices) - 1) for choice in choices or LABELS}


def endpoint(wire: str, url: str, **options: Any) -> Any:
    """An endpoint of ours that speaks the wire to the server."""
    common = {"model": "model", "price": PRICE, **options}
    if wire == "cohere":
        return build("endpoints", "cohere", {"base_url": url, "key": "", "logprobs": True, **common})
    if wire == "http":
        return build(
            "endpoints",
            "http",
            {
                "url": f"{url}/classify",
                "request": {"model": "{{ model }}", "text": "{{ prompt }}", "labels": "{{ choices }}"},
                "probabilities": "scores",
                "usage": {"input": "usage.input", "output": "usage.output"},
                "stop": "stop",
                "stops": {"length": "truncated", "filter": "filtered"},
                **common,
            },
        )
    top = {} if wire == "decisions" else {"top_logprobs": 5}
    return build("endpoints", "openai", {"base_url": f"{url}/v1", "key": "", "api": wire, **top, **common})


@dataclass(frozen=True)
class Outcome:
    """What became of rows: the votes, and what the journal says was spent."""

    votes: Votes
    spent: Spent

    def of(self, row: str) -> str:
        """The label of a row, or the reason why it failed; "" where the source abstained."""
        at = self.votes.ids.to_pylist().index(row)
        if self.votes.status[at, 0] == Status.FAILED:
            return next(failure.reason for failure in self.votes.failures if failure.row_id == row)
        y = int(self.votes.matrix[at, 0])
        return "" if y < 0 else LABELS[y]


def asked(texts: dict[str, str], source: Prompt, folder: Path, **caps: Any) -> Outcome:
    """Asks a source about texts, by row id, with a journal in the folder."""
    rows = pd.DataFrame({"id": list(texts), "text": list(texts.values())})
    settings = DeskSettings(folder / "answers.sqlite", **caps)
    votes = apply(rows, [source], LABELS, id="id", desk=settings, max_failure_share=1.0)
    return Outcome(votes, spent_in(folder))


def spent_in(folder: Path) -> Spent:
    """What the journal in the folder says was spent."""
    with Journal(folder / "answers.sqlite") as journal:
        return journal.spent()


def served(server: Loopback, marker: str) -> list[Any]:
    """The requests that held the marker, in the order of their arrival."""
    return [one for one in server.log if marker in str(one.asked.body)]
