"""Datasaur row labelling projects: one CSV with the label beside the text, as their export has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples
from quorate.training_sets.writing import read_rows, write_rows
from quorate.values import TrainingSet

BOUNDS = Bounds(takes_control=False, reads_missing=True)
_HEADER = ("Line", "row_id", "text", "label", "Label Status", "split", "confidence")


@dataclass(frozen=True)
class Datasaur:
    """`final/rows.csv`: line, row id, text, label, whether a person resolved it, split and confidence."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Datasaur:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {"final/rows.csv": examples(training_set)}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        rows = [
            (str(line), e.id, e.text, e.label, _status(e), e.split, f"{e.confidence:.6f}")
            for line, e in enumerate(examples(training_set), 1)
        ]
        return [write_rows(folder / "final" / "rows.csv", rows, _HEADER)]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return [(row[2], row[3]) for row in read_rows(path)[1:]]


def _status(example: Example) -> str:
    return "resolved" if example.is_reviewed else "suggested"


plugin = Datasaur
