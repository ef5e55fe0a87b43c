"""Prodigy: one answered choice task a line, for `prodigy db-in` and the review recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples
from quorate.training_sets.writing import read_json_lines, write_json_lines
from quorate.values import TrainingSet

BOUNDS = Bounds(text_chars=(1, None))


@dataclass(frozen=True)
class Prodigy:
    """`tasks.jsonl`: every label as an option, ours accepted; a row that a person settled has the session `gold`."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Prodigy:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {"tasks.jsonl": examples(training_set)}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        options = [{"id": name, "text": name} for name in training_set.space.names]
        return [write_json_lines(folder / "tasks.jsonl", (_task(e, options) for e in examples(training_set)))]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return [(task["text"], task["accept"][0]) for task in read_json_lines(path)]


def _task(example: Example, options: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {
        "text": example.text,
        "options": list(options),
        "_view_id": "choice",
        "config": {"choice_style": "single"},
        "accept": [example.label],
        "answer": "accept",
        "meta": {
            "row_id": example.id,
            "split": example.split,
            "confidence": round(example.confidence, 6),
            "sources": ", ".join(example.sources),
        },
        "_session_id": "gold" if example.is_reviewed else "quorate",
    }


plugin = Prodigy
