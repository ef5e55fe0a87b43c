"""Argilla: the folder that `Dataset.from_disk` takes, our label as a suggestion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples
from quorate.training_sets.writing import write_json
from quorate.values import TrainingSet

BOUNDS = Bounds(labels=(2, None), text_chars=(1, None))
_NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Argilla:
    """`records.json`, `.argilla/settings.json` and `.argilla/dataset.json`; what a person settled is a response."""

    kind: ClassVar[str] = "exporters"
    guidelines: str = ""

    @classmethod
    def example(cls) -> Argilla:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {"records.json": examples(training_set)}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        records = [_record(example) for example in examples(training_set)]
        return [
            write_json(folder / "records.json", records),
            write_json(folder / ".argilla" / "settings.json", self._settings(training_set)),
            write_json(folder / ".argilla" / "dataset.json", {"name": training_set.name}),
        ]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return [(r["fields"]["text"], r["suggestions"]["label"]["value"]) for r in json.loads(path.read_bytes())]

    def _settings(self, training_set: TrainingSet) -> dict[str, Any]:
        options = [{"value": name, "text": name} for name in training_set.space.names]
        selection = {"type": "label_selection", "options": options, "visible_options": None}
        return {
            "guidelines": self.guidelines or None,
            "questions": [{"name": "label", "title": "label", "required": True, "settings": selection}],
            "fields": [
                {
                    "name": "text",
                    "title": "text",
                    "required": True,
                    "settings": {"type": "text", "use_markdown": False},
                }
            ],
            "vectors": [],
            "metadata": [
                {"name": "sources", "title": "sources", "settings": {"type": "terms"}},
                {"name": "split", "title": "split", "settings": {"type": "terms"}},
                {"name": "confidence", "title": "confidence", "settings": {"type": "float"}},
            ],
            "allow_extra_metadata": True,
            "distribution": {"strategy": "overlap", "min_submitted": 1},
            "mapping": None,
        }


def _record(example: Example) -> dict[str, Any]:
    confidence = round(example.confidence, 6)
    suggestion = {"value": example.label, "score": confidence, "agent": "quorate"}
    response = {"value": example.label, "user_id": _NOBODY}
    return {
        "id": example.id,
        "fields": {"text": example.text},
        "metadata": {"sources": list(example.sources), "split": example.split, "confidence": confidence},
        "suggestions": {"label": suggestion},
        "responses": {"label": [response]} if example.is_reviewed else {},
        "vectors": {},
        "status": "completed" if example.is_reviewed else "pending",
        "_server_id": None,
    }


plugin = Argilla
