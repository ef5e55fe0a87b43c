"""doccano: JSON lines of text and a list of labels, as its import takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.writing import read_json_lines, write_json, write_json_lines
from quorate.values import TrainingSet

BOUNDS = Bounds(text_chars=(1, None))
_COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#46f0f0", "#f032e6", "#808000")


@dataclass(frozen=True)
class Doccano:
    """`train.jsonl`, `valid.jsonl`, `test.jsonl` with one list of labels a line, and `label_config.json`."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Doccano:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {f"{split}.jsonl": part for split, part in filled_splits(examples(training_set)).items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        labels = [
            {"text": name, "backgroundColor": _COLOURS[y % len(_COLOURS)], "textColor": "#ffffff"}
            for y, name in enumerate(training_set.space.names)
        ]
        return [write_json(folder / "label_config.json", labels)] + [
            write_json_lines(folder / name, ({"text": e.text, "label": [e.label], "row_id": e.id} for e in part))
            for name, part in self.parts(training_set).items()
        ]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return [(line["text"], line["label"][0]) for line in read_json_lines(path)]


plugin = Doccano
