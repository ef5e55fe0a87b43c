"""Google Vertex AI: supervised tuning of Gemini, or the import schema of AutoML text classification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.instructions import instruction
from quorate.training_sets.writing import read_json_lines, write_json_lines
from quorate.values import TrainingSet

GEMINI = Bounds(rows=(1, 1_000_000), valid=(0, 5_000), advised_rows=100, text_chars=(1, 500_000))
AUTOML = Bounds(
    rows=(20, 1_000_000), labels=(2, 5_000), per_label=10, text_chars=(1, None), most_to_least=100, advised_rows=1_000
)
_GEMINI_FILES = {"train": "train.jsonl", "valid": "validation.jsonl", "test": "test.jsonl"}
_USES = {"train": "training", "valid": "validation", "test": "test"}
_USE = "aiplatform.googleapis.com/ml_use"


@dataclass(frozen=True)
class Vertex:
    """`form = "gemini"`: `train.jsonl`, `validation.jsonl` and `test.jsonl` with one conversation a line;
    `form = "automl"`: `automl.jsonl` (AutoML Text itself ended in June 2025)."""

    kind: ClassVar[str] = "exporters"
    form: Literal["gemini", "automl"] = "gemini"
    system: str = ""

    @classmethod
    def example(cls) -> Vertex:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        if self.form == "gemini":
            return findings(GEMINI, training_set, examples(training_set))
        ended = 'Vertex AI AutoML Text trains no models since June 2025: form = "gemini" is what can be trained'
        return findings(AUTOML, training_set, examples(training_set)) + Findings(warnings=(ended,))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        found = examples(training_set)
        if self.form == "automl":
            return {"automl.jsonl": found}
        return {_GEMINI_FILES[split]: part for split, part in filled_splits(found).items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        system = self.system or instruction(training_set.space)
        lines = {
            name: [_automl(e) if self.form == "automl" else _gemini(e, system) for e in part]
            for name, part in self.parts(training_set).items()
        }
        return [write_json_lines(folder / name, part) for name, part in lines.items()]

    def read(self, path: Path) -> list[tuple[str, str]]:
        lines = read_json_lines(path)
        if path.name == "automl.jsonl":
            return [(line["textContent"], line["classificationAnnotation"]["displayName"]) for line in lines]
        said = ([turn["parts"][0]["text"] for turn in line["contents"]] for line in lines)
        return [(user, model) for user, model in said]


def _automl(example: Example) -> dict[str, Any]:
    return {
        "classificationAnnotation": {"displayName": example.label},
        "textContent": example.text,
        "dataItemResourceLabels": {_USE: _USES.get(example.split, "training")},
    }


def _gemini(example: Example, system: str) -> dict[str, Any]:
    return {
        "systemInstruction": {"role": "system", "parts": [{"text": system}]},
        "contents": [
            {"role": "user", "parts": [{"text": example.text}]},
            {"role": "model", "parts": [{"text": example.label}]},
        ],
    }


plugin = Vertex
