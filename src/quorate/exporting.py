"""export: the training set of a project in the format that a platform takes, with its card, provenance and lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from quorate.assemble import Threshold, assemble, threshold
from quorate.errors import ExportBroken, ExportRefused, TableError
from quorate.estimating.intervals import Z95, wilson
from quorate.fuse import fuse
from quorate.lock import LOCK, VOTES, locked, read_lock, votes_table
from quorate.project import Project
from quorate.protocols import Exporter, Limited, Rereads
from quorate.registry import build
from quorate.rows import Rows
from quorate.training_sets.bounds import Findings
from quorate.training_sets.card import card
from quorate.training_sets.examples import text_column
from quorate.training_sets.writing import without_control, write_json, write_json_lines, write_text
from quorate.values import ABSTAIN, Gold, Labels, TrainingSet
from quorate.voting import Fused, fused

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


def check(project: Project, wanted: Wanted) -> dict[str, Any]:
    """What the platform would say of the training set, with nothing written.

    Raises:
        ExportRefused: it would refuse it.
    """
    exporter = build("exporters", wanted.format, wanted.options)
    chosen = training_set(project, wanted, fused(project, offline=True))
    return {
        "schema": "quorate.export.check/1",
        "format": wanted.format,
        "rows": len(chosen.rows),
        "warnings": list(_accepted(exporter, chosen, wanted).warnings),
    }


def export(project: Project, wanted: Wanted, folder: Path) -> dict[str, Any]:
    """Writes the training set in a format; what was written, as a documented object.

    Every file is read back and compared before it takes its place; a file of an earlier export into the same folder
    that this one has not is removed.

    Raises:
        ExportRefused: the platform would refuse it; nothing is written.
        ExportBroken: a row would not come back as it is; nothing is written.
        TableError: which column holds the text cannot be told, or no threshold reaches the target precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = fused(project, offline=True)
    with TemporaryDirectory(dir=folder, prefix=".export-") as beside:
        stage = Path(beside)
        files, chosen, found = write_files(project, wanted, made, stage)
        write_json(stage / LOCK, locked(project, asdict(wanted), made.votes, stage))
        _install(stage, folder)
    return {
        "schema": "quorate.export/1",
        "format": wanted.format,
        "rows": len(chosen.rows),
        "left_out": len(made.data.rows) - len(chosen.rows),
        "files": [str(folder / file) for file in files],
        "card": str(folder / CARD),
        "provenance": str(folder / PROVENANCE),
        "lock": str(folder / LOCK),
        "warnings": list(found.warnings),
    }


def write_files(
    project: Project, wanted: Wanted, made: Fused, folder: Path
) -> tuple[list[Path], TrainingSet, Findings]:
    """Writes all but the lock into an empty folder; gives the format's own files, relative to it."""
    exporter: Exporter = build("exporters", wanted.format, wanted.options)
    chosen = training_set(project, wanted, made)
    found = _accepted(exporter, chosen, wanted)
    files = [path.relative_to(folder) for path in exporter.write(chosen, folder)]
    _reread(exporter, chosen, folder)
    if Path(CARD) not in files:
        write_text(folder / CARD, card(chosen))
    write_json_lines(folder / PROVENANCE, _provenance(exporter, chosen))
    parquet.write_table(votes_table(made.votes), folder / VOTES)
    return files, chosen, found


def training_set(project: Project, wanted: Wanted, made: Fused) -> TrainingSet:
    """The training set of a run: `target_precision` finds its threshold on gold that the labels have not seen."""
    blind = fuse(made.votes, project.label_model) if made.data.anchors else made.labels
    least, policy = wanted.min_probability, {}
    if wanted.target_precision is not None:
        if made.data.gold is None:
            raise TableError("--target-precision needs gold: set [gold] in quorate.toml, or give --min-probability")
        measured = threshold(blind, made.data.gold, wanted.target_precision)
        least, policy = max(least, measured.probability), {"policy": _policy(measured, wanted.target_precision)}
    text = wanted.text or project.settings.data.text or ""
    rows = _cleaned(made.data.rows, text) if wanted.clean_text else made.data.rows
    chosen = assemble(
        rows,
        made.labels,
        made.data.anchors,
        least,
        project.name,
        votes=made.votes,
        text=text,
        balance=wanted.balance,
        held_out=None if made.data.anchors else made.data.gold,
    )
    licence = {"licence": wanted.licence} if wanted.licence else {}
    facts = {**chosen.facts, **policy, **licence, "accuracy": _accuracy(chosen, blind, made.data.gold, least)}
    return replace(chosen, facts=facts)


def _policy(measured: Threshold, target: float) -> str:
    return (
        f"labels of at least {measured.probability:.4g}, the least threshold with precision {target:.1%} on gold: "
        f"{measured.precision:.1%} (95 %: {measured.low:.1%} to {measured.high:.1%}) of {measured.gold_rows:,} rows"
    )


def _accuracy(chosen: TrainingSet, blind: Labels, gold: Gold | None, least: float) -> dict[str, Any] | None:
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
    believed = chosen.probs[np.arange(len(chosen.labels)), chosen.labels]
    if not len(believed):
        return None
    value, spread = float(believed.mean()), float((believed * (1 - believed)).sum()) ** 0.5 / len(believed)
    low, high = max(value - Z95 * spread, 0.0), min(value + Z95 * spread, 1.0)
    return {"value": value, "low": low, "high": high, "by": "as the label model believes; no gold row measures it"}


def _cleaned(rows: Rows, text: str) -> Rows:
    column = text or "text"
    if column not in rows.columns:
        return rows
    cells = [without_control(cell) if isinstance(cell, str) else cell for cell in rows.stored(column)]
    at = rows.columns.index(column)
    return Rows(rows.table.set_column(at, column, pa.array(cells, rows.table.schema.field(at).type)), rows.ids)


def _accepted(exporter: Any, chosen: TrainingSet, wanted: Wanted) -> Findings:
    """The warnings.

    Raises:
        ExportRefused: with every error at once.
    """
    if wanted.text:
        text_column(chosen)
    found = exporter.problems(chosen) if isinstance(exporter, Limited) else Findings()
    if found.errors:
        raise ExportRefused(wanted.format, found.errors)
    return found


def _reread(exporter: Any, chosen: TrainingSet, folder: Path) -> None:
    if not isinstance(exporter, Rereads):
        return
    for file, part in exporter.parts(chosen).items():
        back = exporter.read(folder / file)
        if len(back) != len(part):
            raise ExportBroken(f"{file} reads back as {len(back):,} rows; {len(part):,} were written")
        for example, (text, label) in zip(part, back, strict=True):
            if (text, label) != (example.text, example.label):
                raise ExportBroken(
                    f"{file}: row {example.id!r} does not read back as it is: label {label!r} for {example.label!r}, "
                    f"text {text[:60]!r} for {example.text[:60]!r}"
                )


def _provenance(exporter: Any, chosen: TrainingSet) -> Iterator[dict[str, Any]]:
    """Where each row went (file and its place there, from 0), who voted for its label, and whether a person did."""
    at: dict[str, dict[str, int]] = {}
    for file, part in exporter.parts(chosen).items() if isinstance(exporter, Rereads) else ():
        for i, example in enumerate(part):
            at.setdefault(example.id, {})[file] = i
    voters = chosen.voters or ((),) * len(chosen.rows)
    for i, row_id in enumerate(chosen.rows.ids.to_pylist()):
        y = int(chosen.labels[i])
        yield {
            "id": row_id,
            "at": at.get(row_id, {}),
            "split": chosen.split[i],
            "label": chosen.space.names[y],
            "probability": float(chosen.probs[i, y]),
            "weight": float(chosen.weights[i]),
            "label_model": chosen.facts.get("label_model"),
            "reviewed": chosen.provenance[i] == "gold",
            "sources": list(voters[i]),
        }


def _install(stage: Path, folder: Path) -> None:
    """Moves the files into place, the lock last, and removes those of the export before that are no more."""
    before = read_lock(folder)["outputs"] if (folder / LOCK).is_file() else {}
    (folder / LOCK).unlink(missing_ok=True)
    fresh = sorted((p.relative_to(stage) for p in stage.rglob("*") if p.is_file()), key=_lock_last)
    for name in set(before) - {path.as_posix() for path in fresh}:
        (folder / name).unlink(missing_ok=True)
    for path in fresh:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / path, folder / path)


_lock_last: Callable[[Path], tuple[bool, str]] = lambda path: (path.name == LOCK, path.as_posix())  # noqa: E731
