"""Label matrices with gold: the open sets of a data folder, and the projects that come with the package."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import PROJECTS

F1_SETS = ("census", "basketball")
"""Sets that the field scores by the F1 of label 1, because that label is rare."""


@dataclass(frozen=True, slots=True, eq=False)
class VoteSet:
    """A label matrix int16[n, m] (-1 abstains) of k labels, and gold int[n] (-1 unknown).

    `majority` is the accuracy of majority vote on its covered rows as the set's own notes have it, where they do;
    `test` a label matrix of other rows with their gold, where the set has one; `content` texts or numbers of the rows.
    """

    group: str
    name: str
    matrix: NDArray[np.int16]
    gold: NDArray[np.int64]
    k: int
    majority: float | None = None
    test: tuple[NDArray[np.int16], NDArray[np.int64]] | None = None
    content: Any = None

    @property
    def metric(self) -> str:
        return "f1" if self.group == "votes" and self.name in F1_SETS else "accuracy"

    @property
    def covered(self) -> NDArray[np.bool_]:
        return np.asarray((self.matrix >= 0).any(axis=1))


def open_sets(data: Path) -> Iterator[VoteSet]:
    """The sets of `votes/` (their train split), `crowd/` and `llm/`, by name, with the rows that have votes."""
    for found in whole_sets(data):
        kept = found.covered
        yield replace(found, matrix=found.matrix[kept], gold=found.gold[kept], content=None)


def whole_sets(data: Path) -> Iterator[VoteSet]:
    """The same with all their rows, and what these contain where the set says it."""
    for group, read in (("votes", _rule_votes), ("crowd", _crowd_answers), ("llm", _model_labels)):
        for folder in sorted((data / group).glob("*/")):
            yield replace(read(folder), group=group, name=folder.name)


def bundled_sets() -> Iterator[VoteSet]:
    """The votes of the bundled projects that ask no model, on all their rows, made now."""
    from quorate import apply, open_project

    for folder in sorted(PROJECTS.glob("*/")):
        project = open_project(folder)
        if project.endpoints:
            continue
        known = project.read()
        votes = apply(known.rows, project.sources, project.space, gold=known.anchors)
        assert known.gold is not None, "the bundled projects have gold"
        gold = known.gold.aligned(votes.ids).astype(np.int64)
        yield VoteSet("bundled", folder.name, votes.matrix, gold, len(project.space))


def _rule_votes(folder: Path) -> VoteSet:
    arrays, notes = np.load(folder / "votes.npz"), _notes(folder)
    recorded = notes.get("mv", {}).get("train", {}).get("mv_acc_covered_only")
    test = (arrays["L_test"], arrays["Y_test"].astype(np.int64)) if {"L_test", "Y_test"} <= set(arrays) else None
    gold, content = arrays["Y_train"].astype(np.int64), _row_content(folder)
    return VoteSet("", "", arrays["L_train"], gold, notes["k_classes"], recorded, test, content)


def _row_content(folder: Path) -> Any:
    """The texts of the train rows, or their numbers; None where the set has neither."""
    texts, numbers = folder / "train.jsonl.gz", folder / "features.npz"
    if texts.exists():
        with gzip.open(texts, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        # Where a text is about two things that it names, they are marked in it.
        return [row.get("marked") or row["text"] for row in rows]
    return np.load(numbers)["X_train"].astype(np.float64) if numbers.exists() else None


def _crowd_answers(folder: Path) -> VoteSet:
    answers = [(row["item"], row["worker"], row["label"]) for row in _table(next(folder.glob("answers.csv*")))]
    gold = {row["item"]: row["label"] for row in _table(folder / "gold.csv")}
    items = {item: i for i, item in enumerate(dict.fromkeys(item for item, _, _ in answers))}
    workers = {worker: j for j, worker in enumerate(dict.fromkeys(worker for _, worker, _ in answers))}
    labels = {label: y for y, label in enumerate(sorted({label for *_, label in answers} | set(gold.values())))}
    matrix = np.full((len(items), len(workers)), -1, np.int16)
    # Where a worker answered twice, the last answer stands.
    for item, worker, label in answers:
        matrix[items[item], workers[worker]] = labels[label]
    truth = np.array([labels[gold[item]] if item in gold else -1 for item in items])
    notes = _notes(folder)
    twice = notes["duplicate_item_worker_pairs"]
    return VoteSet("", "", matrix, truth, len(labels), None if twice else notes["mv_acc_expected_ties"])


def _model_labels(folder: Path) -> VoteSet:
    rows = list(_table(folder / "labels.csv.gz"))
    models = [column for column in rows[0] if column not in ("item", "text", "gold")]
    said = {row[column] for row in rows for column in ("gold", *models)} - {""}
    labels = {"": -1} | {label: y for y, label in enumerate(sorted(said))}
    matrix = np.array([[labels[row[model]] for model in models] for row in rows], np.int16)
    gold = np.array([labels[row["gold"]] for row in rows])
    texts = [_plain(row["text"]) for row in rows] if any(row.get("text") for row in rows) else None
    return VoteSet("", "", matrix, gold, len(said), _notes(folder).get("mv_acc_expected_ties"), content=texts)


def _plain(text: str) -> str:
    """The values of a text that is a JSON object, in its order; any other text as it is."""
    try:
        parts = json.loads(text)
    except ValueError:
        return text
    return " ".join(map(str, parts.values())) if isinstance(parts, dict) else text


def _notes(folder: Path) -> dict[str, Any]:
    notes: dict[str, Any] = json.loads((folder / "meta.json").read_text("utf-8"))
    return notes


def _table(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines)
