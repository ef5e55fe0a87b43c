"""Label Studio: tasks with our label as a prediction, and the labelling configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from xml.sax.saxutils import quoteattr

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples
from quorate.training_sets.writing import write_json, write_text
from quorate.values import TrainingSet

BOUNDS = Bounds(takes_control=False)


@dataclass(frozen=True)
class LabelStudio:
    """`tasks.json` and `label_config.xml`; a row that a person settled has an annotation, others a prediction."""

    kind: ClassVar[str] = "exporters"
    model_version: str = "quorate"

    @classmethod
    def example(cls) -> LabelStudio:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {"tasks.json": examples(training_set)}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        tasks = [self._task(i, example) for i, example in enumerate(examples(training_set))]
        config = write_text(folder / "label_config.xml", _config(training_set.space.names))
        return [write_json(folder / "tasks.json", tasks), config]

    def read(self, path: Path) -> list[tuple[str, str]]:
        tasks = json.loads(path.read_bytes())
        chosen = ((task, (task["annotations"] or task["predictions"])[0]["result"][0]) for task in tasks)
        return [(task["data"]["text"], choice["value"]["choices"][0]) for task, choice in chosen]

    def _task(self, i: int, example: Example) -> dict[str, Any]:
        choice = {
            "id": f"r{i}",
            "from_name": "label",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [example.label]},
        }
        prediction = {"model_version": self.model_version, "score": round(example.confidence, 6), "result": [choice]}
        data = {
            "text": example.text,
            "row_id": example.id,
            "split": example.split,
            "sources": ", ".join(example.sources),
        }
        return {
            "data": data,
            "predictions": [] if example.is_reviewed else [prediction],
            "annotations": [{"completed_by": 1, "result": [choice]}] if example.is_reviewed else [],
        }


def _config(names: Sequence[str]) -> str:
    keys = [f' hotkey="{i}"' if i < 10 else "" for i in range(1, len(names) + 1)]
    choices = "".join(f"<Choice value={quoteattr(n)}{key}/>" for n, key in zip(names, keys, strict=True))
    return (
        '<View><Text name="text" value="$text"/>'
        f'<Choices name="label" toName="text" choice="single" showInLine="true">{choices}</Choices></View>\n'
    )


plugin = LabelStudio
