"""Hugging Face AutoTrain: JSON lines by split, and the configuration that trains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.writing import read_json_lines, write_json_lines, write_text
from quorate.values import TrainingSet

# Without a validation file AutoTrain splits by label, which fails for a label with one row.
BOUNDS = Bounds(train=(1, None), labels=(2, None), per_label=2, advised_per_label=8)
_CONFIG = """\
task: text_classification
base_model: {model}
project_name: {name}
log: tensorboard
backend: local
data:
  path: data/
  train_split: train
  valid_split: {valid}
  column_mapping:
    text_column: text
    target_column: target
"""


@dataclass(frozen=True)
class Autotrain:
    """`data/train.jsonl`, `data/valid.jsonl`, `data/test.jsonl` (text, target) and `config.yml`."""

    kind: ClassVar[str] = "exporters"
    model: str = "distilbert-base-uncased"

    @classmethod
    def example(cls) -> Autotrain:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {f"data/{split}.jsonl": part for split, part in filled_splits(examples(training_set)).items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        parts = self.parts(training_set)
        valid = "valid" if "data/valid.jsonl" in parts else "null"
        config = _CONFIG.format(model=self.model, name=json.dumps(training_set.name), valid=valid)
        return [
            write_text(folder / "config.yml", config),
            *(
                write_json_lines(folder / name, ({"text": e.text, "target": e.label} for e in part))
                for name, part in parts.items()
            ),
        ]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return [(line["text"], line["target"]) for line in read_json_lines(path)]


plugin = Autotrain
