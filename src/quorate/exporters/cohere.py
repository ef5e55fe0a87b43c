"""Text and label as JSON lines: what Cohere's classify took until September 2025, and many others take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.writing import read_json_lines, write_json_lines
from quorate.values import TrainingSet

BOUNDS = Bounds(rows=(40, None), labels=(2, None), per_label=5, text_chars=(1, None))
_RETIRED = "Cohere trains no classifiers since September 2025; others read the same files"


@dataclass(frozen=True)
class Cohere:
    """`train.jsonl`, `valid.jsonl` and `test.jsonl`: text and label, one object a line."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Cohere:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set)) + Findings(warnings=(_RETIRED,))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {f"{split}.jsonl": part for split, part in filled_splits(examples(training_set)).items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        return [
            write_json_lines(folder / name, ({"text": e.text, "label": e.label} for e in part))
            for name, part in self.parts(training_set).items()
        ]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return [(line["text"], line["label"]) for line in read_json_lines(path)]


plugin = Cohere
