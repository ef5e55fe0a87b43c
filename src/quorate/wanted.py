"""wanted: what an export is asked for, and what it tells of its labels and of each row, however many rows there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from quorate.assemble import Threshold, threshold
from quorate.choosing import Believed
from quorate.errors import TableError
from quorate.estimating.intervals import Z95, wilson
from quorate.rows import Rows
from quorate.training_sets.writing import without_control
from quorate.values import ABSTAIN, Gold, Labels, TrainingSet

CARD, PROVENANCE = "README.md", "provenance.jsonl"


@dataclass(frozen=True)
class Wanted:
    """What to export: the format with its options, which rows, and how they weigh."""

    format: str = "jsonl"
    options: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    min_probability: float = 0.0
    target_precision: float | None = None
    balance: bool = False
    clean_text: bool = False
    licence: str = ""


@dataclass(frozen=True)
class Written:
    """What was written, but for the lock: the format's own files, relative to the folder, how many rows are in them
    and how many are not, what is worth a warning, and the hash of each source's votes."""

    files: Sequence[Path]
    rows: int
    left_out: int
    warnings: tuple[str, ...]
    votes: Mapping[str, str]


def least_probability(wanted: Wanted, blind: Labels, gold: Gold | None) -> tuple[float, dict[str, str]]:
    """From which probability on rows are kept, and what the card says of it.

    Args:
        blind: labels that have not seen the gold, at least those of the gold rows.

    Raises:
        TableError: a target precision without gold, or one that no threshold reaches.
    """
    if wanted.target_precision is None:
        least = wanted.min_probability
        return least, {"policy": f"labels of at least {least:.4g}" if least else "every row with a label"}
    if gold is None:
        raise TableError("--target-precision needs gold: set [gold] in quorate.toml, or give --min-probability")
    measured = threshold(blind, gold, wanted.target_precision)
    return max(wanted.min_probability, measured.probability), {"policy": _policy(measured, wanted.target_precision)}


def _policy(measured: Threshold, target: float) -> str:
    return (
        f"labels of at least {measured.probability:.4g}, the least threshold with precision {target:.1%} on gold: "
        f"{measured.precision:.1%} (95 %: {measured.low:.1%} to {measured.high:.1%}) of {measured.gold_rows:,} rows"
    )


def accuracy(believed: Believed, blind: Labels, gold: Gold | None, least: float) -> dict[str, Any] | None:
    """Measured on gold where there is some, else what the label model believes of itself."""
    hard = blind.hard
    kept = (hard != ABSTAIN) & (blind.probs.max(axis=1, initial=0.0) >= least)
    if gold is not None:
        settled = gold.aligned(blind.ids)
        known = kept & (settled != ABSTAIN)
        total, right = int(known.sum()), int((hard == settled)[known].sum())
        low, high = wilson(right, total)
        if total:
            by = f"of the votes' labels, measured on {total:,} gold rows"
            return {"value": right / total, "low": low, "high": high, "by": by}
    if not believed.rows:
        return None
    value, spread = float(believed.mass / believed.rows), float(believed.doubt) ** 0.5 / believed.rows
    low, high = max(value - Z95 * spread, 0.0), min(value + Z95 * spread, 1.0)
    return {"value": value, "low": low, "high": high, "by": "as the label model believes; no gold row measures it"}


def cleaned(rows: Rows, text: str) -> Rows:
    """The rows with texts that hold no control characters."""
    column = text or "text"
    if column not in rows.columns:
        return rows
    cells = [without_control(cell) if isinstance(cell, str) else cell for cell in rows.stored(column)]
    at = rows.columns.index(column)
    return Rows(rows.table.set_column(at, column, pa.array(cells, rows.table.schema.field(at).type)), rows.ids)


def provenance(chosen: TrainingSet, i: int, at: Mapping[str, int]) -> dict[str, Any]:
    """Where a row went (file and its place there, from 0), who voted for its label, and whether a person did."""
    y = int(chosen.labels[i])
    return {
        "id": chosen.rows.ids[i].as_py(),
        "at": dict(at),
        "split": chosen.split[i],
        "label": chosen.space.names[y],
        "probability": float(chosen.probs[i, y]),
        "weight": float(chosen.weights[i]),
        "label_model": chosen.facts.get("label_model"),
        "reviewed": chosen.provenance[i] == "gold",
        "sources": list(chosen.voters[i] if chosen.voters else ()),
    }
