"""run: a labeling project from its data to labels, a queue and a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from quorate import __version__
from quorate.analysis import estimate_accuracy
from quorate.apply import apply
from quorate.ask import Progress
from quorate.asking.desk import DeskSettings
from quorate.asking.journal import Journal, Spent
from quorate.connections import check_keys
from quorate.errors import LabelError, RowNotFound, did_you_mean
from quorate.fuse import fit, predict
from quorate.page import page
from quorate.patterns import fold
from quorate.project import Project
from quorate.protocols import SelfTesting
from quorate.rank import rank
from quorate.report import report, row_entry
from quorate.rows import Rows
from quorate.store import Store, write_atomically, write_json
from quorate.values import Gold, Labels, Queue, Status, Votes


@dataclass(frozen=True, eq=False)
class Run:
    """What one run made; `folder` holds it on disk."""

    id: str
    folder: Path
    report: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """The values of a run, for those who go on working with them."""

    rows: Rows
    votes: Votes
    labels: Labels
    queue: Queue
    report: dict[str, Any]
    anchors: Gold | None
    gold: Gold | None = None


def run(project: Project, progress: Progress | None = None, retry_failed: bool = False, offline: bool = False) -> Run:
    """The finished run of a project; a run that was made before of the same things is read, not made again.

    Offline nothing is sent to any endpoint: rows without a kept answer are skipped.

    Raises:
        ProjectError: the data does not fit the project.
        TooManyFailures: a source failed on too many rows; finished votes are kept.
        EndpointStopped, JournalError: an endpoint answers nothing, or answers cannot be kept.
    """
    run_id = project.fingerprint()[:12]
    folder = project.state / "runs" / run_id
    before = None if retry_failed else _finished(folder)
    if before is not None:
        return _latest(project, Run(run_id, folder, before))
    outcome = compute(project, progress, retry_failed, offline)
    numbers = {
        "schema": outcome.report["schema"],
        "project": project.name,
        "run": run_id,
        "quorate": __version__,
        **outcome.report,
    }
    _write(project, folder, outcome, numbers)
    return _latest(project, Run(run_id, folder, numbers))


def _finished(folder: Path) -> dict[str, Any] | None:
    """The report of the run in this folder, or None where it was cut short or is damaged."""
    if not (folder / "manifest.json").exists():
        return None
    try:
        numbers: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    # Rows that nobody was asked about may be asked about now.
    return None if (numbers.get("spend") or {}).get("skipped") else numbers


def compute(
    project: Project, progress: Progress | None = None, retry_failed: bool = False, offline: bool = False
) -> Outcome:
    """Rows vote, votes fuse, disagreements are ranked."""
    data = project.read()
    settings = project.settings
    rows, gold, anchors = data.rows, data.gold, data.anchors
    store = Store(project.state, retry_failed)
    if not offline:
        check_keys(project.endpoints)
    rules = replace(project.desk.rules, is_offline=offline, asks_again=retry_failed)
    desk = replace(project.desk, rules=rules)
    votes = apply(
        rows,
        project.sources,
        project.space,
        gold=anchors,
        executor=project.executor,
        store=store,
        partition_rows=settings.run.partition_rows,
        max_failure_share=settings.run.max_failure_share,
        progress=progress,
        desk=desk,
    )
    patterns, where = fold(votes, anchors)
    fitted = fit(patterns, project.label_model)
    labels = predict(fitted, votes, patterns, where, gold=anchors, name=str(settings.label_model["kind"]))
    majority = predict(fit(patterns, "majority"), votes, patterns, where, gold=anchors, name="majority")
    queue = rank(
        votes,
        labels,
        settings.queue.signals,
        size=settings.queue.size,
        random_share=settings.queue.random_share,
        gold=anchors,
    )
    estimate = estimate_accuracy(patterns, project.label_model, fitted)
    numbers = report(
        rows,
        votes,
        labels,
        queue,
        patterns=patterns,
        fitted=fitted,
        estimate=estimate,
        majority=majority,
        gold=gold,
        gold_use=settings.gold.use if settings.gold else "",
        spent=_spent(desk) if project.endpoints else None,
    )
    return Outcome(rows, votes, labels, queue, numbers, anchors, gold)


def _spent(desk: DeskSettings) -> Spent:
    with Journal(desk.journal) as journal:
        return journal.spent()


def check(project: Project) -> list[str]:
    """What is wrong with the sources' own examples, in sentences; reads the data but asks no source about it."""
    derived = tuple(project.read().rows.derived.values())
    broken: list[str] = []
    for source in project.sources:
        if isinstance(source, SelfTesting):
            try:
                broken += source.broken_examples(project.space, derived)
            except LabelError as error:
                broken.append(f"{source.name}: an example expects {error}")
    return broken


def show(project: Project, row_id: str) -> dict[str, Any]:
    """Everything known of one row: cells, label, votes, failures, abstentions.

    Raises:
        RowNotFound: no such row id.
    """
    outcome = compute(project, offline=True)
    ids = outcome.rows.ids.to_pylist()
    if row_id not in ids:
        raise RowNotFound(f"there is no row {row_id!r} among {len(ids)}.{did_you_mean(row_id, ids[:100_000])}")
    at = ids.index(row_id)
    status = outcome.votes.status[at]
    return {
        "schema": "quorate.row/1",
        **row_entry(at, outcome.rows, outcome.votes, outcome.labels),
        "abstained": [s for j, s in enumerate(outcome.votes.sources) if status[j] == Status.ABSTAINED],
        "failures": [
            {"source": f.source, "reason": f.reason, "message": f.message, "traceback": f.traceback}
            for f in outcome.votes.failures
            if f.row_id == row_id
        ],
    }


def _write(project: Project, folder: Path, outcome: Outcome, numbers: dict[str, Any]) -> None:
    ignore = project.state / ".gitignore"
    if not ignore.exists():
        write_atomically(ignore, lambda beside: beside.write_text("*\n"))
    _write_table(folder / "votes.parquet", _votes_table(outcome.votes))
    _write_table(folder / "labels.parquet", _labels_table(outcome.labels))
    _write_table(folder / "queue.parquet", _queue_table(outcome.queue))
    write_json(folder / "report.json", numbers)
    write_atomically(folder / "report.html", lambda beside: beside.write_text(page(numbers), encoding="utf-8"))
    # Last: a run without a manifest was cut short and is made again.
    write_json(
        folder / "manifest.json",
        {
            "schema": "quorate.manifest/1",
            "run": numbers["run"],
            "quorate": __version__,
            "project": project.name,
            "settings": project.settings.model_dump(mode="json"),
            "sources": {source.name: source.fingerprint() for source in project.sources},
        },
    )


def _write_table(path: Path, table: pa.Table) -> None:
    write: Callable[[Path], Any] = lambda beside: parquet.write_table(table, beside)  # noqa: E731
    write_atomically(path, write)


def _votes_table(votes: Votes) -> pa.Table:
    """The row id, then one column of label names per source (null where it did not vote)."""
    names = pa.array(votes.space.names, pa.string())
    columns = {"row_id": votes.ids}
    for j, source in enumerate(votes.sources):
        codes = pa.array(votes.matrix[:, j].astype("int32"), mask=votes.status[:, j] != Status.VOTED)
        columns[source] = names.take(codes)
    return pa.table(columns)


def _labels_table(labels: Labels) -> pa.Table:
    probs = {f"p_{name}": labels.probs[:, y] for y, name in enumerate(labels.space.names)}
    return pa.table(
        {
            "row_id": labels.ids,
            "label": pa.array(labels.names, pa.string()),
            "covered": labels.covered,
            **probs,
        }
    )


def _queue_table(queue: Queue) -> pa.Table:
    return pa.table({"row_id": queue.ids, "score": queue.score, "inclusion": queue.inclusion, **queue.reasons})


def _latest(project: Project, finished: Run) -> Run:
    latest = project.state / "runs" / "latest"
    write_atomically(latest, lambda beside: beside.write_text(finished.id + "\n"))
    return finished
