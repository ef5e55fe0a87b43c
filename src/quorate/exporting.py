"""export: the training set of a project in the format that a platform takes, with its card, provenance and lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from quorate.assemble import assemble
from quorate.choosing import Believed
from quorate.errors import ExportBroken, ExportRefused
from quorate.fuse import fuse
from quorate.lock import LOCK, VOTES, hashes, install, locked, votes_table
from quorate.project import Project
from quorate.protocols import Exporter, Limited, Rereads
from quorate.registry import build
from quorate.run_files import write_whole
from quorate.streaming.export import check_streamed, write_streamed
from quorate.streaming.looking import streams
from quorate.training_sets.bounds import Findings
from quorate.training_sets.card import card
from quorate.training_sets.examples import text_column
from quorate.training_sets.writing import write_json, write_json_lines, write_text
from quorate.values import TrainingSet
from quorate.voting import Fused, fused
from quorate.wanted import CARD, PROVENANCE, Wanted, Written, accuracy, cleaned, least_probability, provenance

__all__ = ["Wanted", "check", "export", "training_set", "write_files"]


def check(project: Project, wanted: Wanted) -> dict[str, Any]:
    """What the platform would say of the training set, with nothing written.

    Raises:
        ExportRefused: it would refuse it.
    """
    if streams(project):
        rows, warnings = check_streamed(project, wanted)
    else:
        exporter = build("exporters", wanted.format, wanted.options)
        chosen = training_set(project, wanted, fused(project, offline=True))
        rows, warnings = len(chosen.rows), _accepted(exporter, chosen, wanted).warnings
    return {"schema": "quorate.export.check/1", "format": wanted.format, "rows": rows, "warnings": list(warnings)}


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
    with TemporaryDirectory(dir=folder, prefix=".export-") as beside:
        stage = Path(beside)
        if streams(project):
            made = write_streamed(project, wanted, stage)
        else:
            made = write_files(project, wanted, fused(project, offline=True), stage)
        write_json(stage / LOCK, locked(project, asdict(wanted), made.votes, stage))
        install(stage, folder)
    return {
        "schema": "quorate.export/1",
        "format": wanted.format,
        "rows": made.rows,
        "left_out": made.left_out,
        "files": [str(folder / file) for file in made.files],
        "card": str(folder / CARD),
        "provenance": str(folder / PROVENANCE),
        "lock": str(folder / LOCK),
        "warnings": list(made.warnings),
    }


def write_files(project: Project, wanted: Wanted, made: Fused, folder: Path) -> Written:
    """Writes all but the lock into an empty folder."""
    exporter: Exporter = build("exporters", wanted.format, wanted.options)
    chosen = training_set(project, wanted, made)
    found = _accepted(exporter, chosen, wanted)
    files = [path.relative_to(folder) for path in exporter.write(chosen, folder)]
    _reread(exporter, chosen, folder)
    if Path(CARD) not in files:
        write_text(folder / CARD, card(chosen))
    write_json_lines(folder / PROVENANCE, _provenance(exporter, chosen))
    write_whole(folder / VOTES, votes_table(made.votes))
    left_out = len(made.data.rows) - len(chosen.rows)
    return Written(files, len(chosen.rows), left_out, found.warnings, hashes(made.votes))


def training_set(project: Project, wanted: Wanted, made: Fused) -> TrainingSet:
    """The training set of a run: `target_precision` finds its threshold on gold that the labels have not seen."""
    blind = fuse(made.votes, project.label_model) if made.data.anchors else made.labels
    least, policy = least_probability(wanted, blind, made.data.gold)
    text = wanted.text or project.settings.data.text or ""
    rows = cleaned(made.data.rows, text) if wanted.clean_text else made.data.rows
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
    believed = Believed.of(chosen.probs[np.arange(len(chosen.labels)), chosen.labels])
    facts = {**chosen.facts, **policy, **licence, "accuracy": accuracy(believed, blind, made.data.gold, least)}
    return replace(chosen, facts=facts)


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
    at: dict[str, dict[str, int]] = {}
    for file, part in exporter.parts(chosen).items() if isinstance(exporter, Rereads) else ():
        for i, example in enumerate(part):
            at.setdefault(example.id, {})[file] = i
    for i, row_id in enumerate(chosen.rows.ids.to_pylist()):
        yield provenance(chosen, i, at.get(row_id, {}))
