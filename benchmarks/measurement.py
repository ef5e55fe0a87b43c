"""What benchmarks are given and what they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parents[1]
PROJECTS = ROOT / "labeling_functions"
LIMIT_S = 300.0


class WrongAnswer(Exception):
    """The answers that are to be timed or scored are not what they must be."""


@dataclass(frozen=True, slots=True)
class Context:
    """What was asked for: a folder laid out as the open data (None: there is none), and whether to be quick.

    The rest is for suites that name it in `OPTIONS`: how long a peer may take over one call, where to draw the curves,
    and the only parts to measure (none: all).
    """

    data: Path | None
    quick: bool
    limit_s: float = LIMIT_S
    plot: Path | None = None
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number of ours beside the same number of each peer; `missing` says why a peer has none."""

    case: str
    metric: str
    ours: float
    peers: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

    def as_json(self, benchmark: str) -> dict[str, Any]:
        """The documented object; a peer without a value has null."""
        peers = {name: round(value, 6) for name, value in self.peers.items()} | dict.fromkeys(self.missing)
        return {
            "benchmark": benchmark,
            "case": self.case,
            "metric": self.metric,
            "ours": round(self.ours, 6),
            "peers": peers,
            "unit": self.unit,
        }


class Suite(Protocol):
    """The contract of a file in `suites/`."""

    def measure(self, context: Context) -> Iterator[Measurement]: ...
    def summarise(self, measurements: Sequence[Measurement]) -> dict[str, Any]: ...
