"""run: a labeling project from its data to labels, a queue and a report."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quorate import __version__
from quorate.ask import Progress
from quorate.errors import LabelError, RowNotFound, did_you_mean
from quorate.estimating.survey import Survey, survey
from quorate.fuse import fit, predict
from quorate.lakehouse import check_labels_to, write_labels
from quorate.project import Project
from quorate.protocols import SelfTesting
from quorate.reporting.page import page
from quorate.reporting.report import report, row_entry
from quorate.run_files import labels_table, queue_table, votes_table, write_whole
from quorate.shortlist import queue_of
from quorate.store import keep_out_of_git, write_atomically, write_json
from quorate.streaming.looking import look, streams
from quorate.streaming.run import run_streamed
from quorate.told import measures, spent, with_answers
from quorate.trust.doubt import estimate_accuracy
from quorate.values import Labels, Queue, Status, Votes
from quorate.voting import Fused, fused
from quorate.why import explain


@dataclass(frozen=True, eq=False)
class Run:
    """What one run made; `folder` holds it on disk."""

    id: str
    folder: Path
    report: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run makes of them."""

    votes: Votes
    labels: Labels
    queue: Queue
    report: dict[str, Any]


def run(project: Project, progress: Progress | None = None, retry_failed: bool = False, offline: bool = False) -> Run:
    """The finished run of a project; a run that was made before of the same things is read, not made again.

    Offline nothing is sent to any endpoint: rows without a kept answer are skipped.

    Raises:
        ProjectError: the data does not fit the project.
        TooManyFailures: a source failed on too many rows; finished votes are kept.
        EndpointStopped, JournalError: an endpoint answers nothing, or answers cannot be kept.
    """
    check_labels_to(project)
    run_id = project.fingerprint()[:12]
    folder = project.state / "runs" / run_id
    before = None if retry_failed else _finished(folder)
    if before is not None:
        return _latest(project, Run(run_id, folder, before))
    keep_out_of_git(project.state)
    if streams(project):
        found = run_streamed(project, folder, progress, retry_failed, offline)
    else:
        outcome = compute(project, progress, retry_failed, offline)
        write_whole(folder / "votes.parquet", votes_table(outcome.votes))
        write_whole(folder / "labels.parquet", labels_table(outcome.labels))
        write_whole(folder / "queue.parquet", queue_table(outcome.queue))
        found = outcome.report
    numbers = {"schema": found["schema"], "project": project.name, "run": run_id, "quorate": __version__, **found}
    _write(project, folder, numbers)
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
    """Rows vote, votes fuse, disagreements are ranked, and all of it is reported."""
    made, settings = fused(project, progress, retry_failed, offline), project.settings
    data, votes, labels = made.data, made.votes, made.labels
    patterns = made.patterns
    majority = predict(fit(patterns, "majority"), votes, patterns, made.where, gold=data.anchors, name="majority")
    # By the votes alone: what content is sure of hides from the queue where votes err alike.
    queue = queue_of(votes, made.alone, patterns, made.where, data.anchors, rows=data.rows, settings=settings.queue)
    numbers = report(
        data.rows,
        votes,
        labels,
        queue,
        patterns=patterns,
        fitted=made.fitted,
        estimate=estimate_accuracy(patterns, project.label_model, made.fitted),
        majority=majority,
        alone=made.alone if settings.content else None,
        gold=data.gold,
        gold_use=settings.gold.use if settings.gold else "",
        spent=spent(project, made.desk),
        surveyed=_surveyed(made),
    )
    return Outcome(votes, labels, queue, with_answers(numbers, data))


def _surveyed(made: Fused) -> Survey | None:
    """What drawn rows tell of the labels as they were before people answered."""
    drawn = made.data.reviewed
    if drawn is None or not measures(drawn):
        return None
    before = predict(made.fitted, made.votes, made.patterns, made.where, gold=None, name=made.labels.model)
    return survey(made.votes, before, drawn)


def check(project: Project) -> list[str]:
    """What is wrong with the sources' own examples, in sentences; reads the data but asks no source about it."""
    derived = look(project).intake.derived if streams(project) else tuple(project.read().rows.derived.values())
    broken: list[str] = []
    for source in project.sources:
        if isinstance(source, SelfTesting):
            try:
                broken += source.broken_examples(project.space, derived)
            except LabelError as error:
                broken.append(f"{source.name}: an example expects {error}")
    return broken


def show(project: Project, row_id: str) -> dict[str, Any]:
    """Everything known of one row: cells, label, votes and what each did, failures, abstentions.

    Raises:
        RowNotFound: no such row id.
    """
    made = fused(project, offline=True)
    ids = made.data.rows.ids.to_pylist()
    if row_id not in ids:
        raise RowNotFound(f"there is no row {row_id!r} among {len(ids)}.{did_you_mean(row_id, ids[:100_000])}")
    at = ids.index(row_id)
    status = made.votes.status[at]
    reasons = asdict(explain(made.votes, at, made.fitted))
    del reasons["row_id"]
    return {
        "schema": "quorate.row/1",
        **row_entry(at, made.data.rows, made.votes, made.labels),
        "settled": made.data.anchors is not None and row_id in made.data.anchors.ids,
        "contributions": reasons["contributions"],
        "flip": reasons["flip"],
        "log_odds": {key: reasons[key] for key in ("label", "against", "log_odds", "prior_log_odds")},
        "abstained": [s for j, s in enumerate(made.votes.sources) if status[j] == Status.ABSTAINED],
        "failures": [
            {"source": f.source, "reason": f.reason, "message": f.message, "traceback": f.traceback}
            for f in made.votes.failures
            if f.row_id == row_id
        ],
    }


def _write(project: Project, folder: Path, numbers: dict[str, Any]) -> None:
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


def _latest(project: Project, finished: Run) -> Run:
    write_labels(project, finished.id, finished.folder / "labels.parquet")
    latest = project.state / "runs" / "latest"
    write_atomically(latest, lambda beside: beside.write_text(finished.id + "\n"))
    return finished
