"""JSON lines: one object a row, soft labels as a mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quorate.cells import file_name, plain
from quorate.training_sets.bounds import Findings
from quorate.training_sets.examples import Example
from quorate.training_sets.flat import as_ids
from quorate.training_sets.writing import label_faults, read_json_lines
from quorate.values import TrainingSet


@dataclass(frozen=True)
class Jsonl:
    """`NAME.jsonl`: the row's columns under `row`, then its id, label, probabilities, weight, split, provenance."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Jsonl:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return Findings(warnings=tuple(label_faults(training_set.space.names)))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {f"{file_name(training_set.name)}.jsonl": as_ids(training_set)}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        path = folder / f"{file_name(training_set.name)}.jsonl"
        names = training_set.space.names
        with path.open("w", encoding="utf-8", newline="\n") as out:
            for i, cells in enumerate(training_set.rows.table.to_pylist()):
                probs = dict(zip(names, training_set.probs[i].tolist(), strict=True))
                record = {
                    "id": training_set.rows.ids[i].as_py(),
                    "label": names[training_set.labels[i]],
                    "probabilities": probs,
                    "weight": float(training_set.weights[i]),
                    "split": training_set.split[i],
                    "provenance": training_set.provenance[i],
                    "row": plain(cells),
                }
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
        return [path]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return [(line["id"], line["label"]) for line in read_json_lines(path)]


plugin = Jsonl
