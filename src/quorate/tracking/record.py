"""record: what a tracker is told of a run: parameters, metrics, the digest of the data, and files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quorate.collector import FILE
from quorate.fingerprint import fingerprint
from quorate.project import Project
from quorate.run import Run

_ARTEFACTS = ("report.html", "report.json", "labels.parquet")
_SHARES = ("coverage", "overlap", "conflict", "accuracy", "accuracy_covered", "majority_accuracy")
# What every tracker takes in the name of a metric.
_ODD = re.compile(r"[^\w./ -]")


@dataclass(frozen=True, slots=True)
class Record:
    """A run as trackers take it: `digest` is of the content of the data, `files` are there to be copied.

    Nothing in it names a folder of this machine or holds a key.
    """

    project: str
    run: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    data: str
    digest: str
    rows: int
    files: tuple[Path, ...]


def record_of(project: Project, made: Run) -> Record:
    """What trackers are told of a finished run."""
    report, settings = made.report, project.settings
    sources = {source.name: source.fingerprint() for source in project.sources}
    return Record(
        project=project.name,
        run=made.id,
        params={
            "label_model": str(report["label_model"]["name"]),
            "label_model_options": _options(settings.label_model),
            "labels": ", ".join(report["labels"]),
            "rows": str(report["rows"]),
            "n_sources": str(len(sources)),
            "sources_digest": fingerprint("sources", sources),
            "gold_use": settings.gold.use if settings.gold else "none",
            "text_column": settings.data.text or "",
            "queue_size": str(settings.queue.size),
        },
        metrics={_ODD.sub("_", name): value for name, value in _metrics(report)},
        tags={"quorate.run": made.id, "quorate.version": report["quorate"], "quorate.project": project.name},
        data=settings.data.path.rstrip("/").rpartition("/")[2],
        digest=fingerprint("data", project.scan().fingerprint())[:12],
        rows=int(report["rows"]),
        files=(*(made.folder / name for name in _ARTEFACTS), project.folder / FILE),
    )


def _metrics(report: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name in _SHARES:
        if report[name] is not None:
            yield name, float(report[name])
    yield "failures", float(sum(group["rows"] for group in report["failures"]))
    if report["spend"]:
        yield "spent_usd", float(report["spend"]["usd"])
        yield "spent_tokens", float(report["spend"]["tokens"])
    for label, share in report["label_model"]["prior"].items():
        yield f"prior/{label}", float(share)
    for source in report["sources"]:
        yield f"source_coverage/{source['name']}", float(source["coverage"])
        if source["accuracy"] is not None:
            yield f"est_accuracy/{source['name']}", float(source["accuracy"])


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(options.items()) if key != "kind")
