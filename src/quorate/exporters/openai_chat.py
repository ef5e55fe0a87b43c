"""Chat fine-tuning in the shape that OpenAI began and Azure OpenAI, Together and Mistral read too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.instructions import instruction
from quorate.training_sets.writing import read_json_lines, write_json_lines
from quorate.values import TrainingSet

_FILES = {"train": "train.jsonl", "valid": "validation.jsonl", "test": "test.jsonl"}
BOUNDS = Bounds(train=(10, None), advised_rows=50, text_chars=(1, 250_000))


@dataclass(frozen=True)
class OpenaiChat:
    """`train.jsonl`, `validation.jsonl` and `test.jsonl`: instruction, text and label as three messages a line."""

    kind: ClassVar[str] = "exporters"
    system: str = ""

    @classmethod
    def example(cls) -> OpenaiChat:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {_FILES[split]: part for split, part in filled_splits(examples(training_set)).items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        system = self.system or instruction(training_set.space)
        return [
            write_json_lines(folder / name, (_messages(example, system) for example in part))
            for name, part in self.parts(training_set).items()
        ]

    def read(self, path: Path) -> list[tuple[str, str]]:
        said = ([turn["content"] for turn in line["messages"]] for line in read_json_lines(path))
        return [(user, assistant) for _, user, assistant in said]


def _messages(example: Example, system: str) -> dict[str, Any]:
    said = (("system", system), ("user", example.text), ("assistant", example.label))
    return {"messages": [{"role": role, "content": content} for role, content in said]}


plugin = OpenaiChat
