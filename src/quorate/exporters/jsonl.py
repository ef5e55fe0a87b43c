"""JSON lines: one object a row, soft labels as a mapping."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quorate.cells import file_name, plain
from quorate.training_sets.bounds import Findings
from quorate.training_sets.examples import Example
from quorate.training_sets.flat import as_ids
from quorate.training_sets.writing import label_faults
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
        with self.growing(training_set, path) as add:
            add(training_set)
        return [path]

    @contextmanager
    def growing(self, like: TrainingSet, path: Path) -> Iterator[Callable[[TrainingSet], None]]:
        with path.open("w", encoding="utf-8", newline="\n") as out:
            yield lambda part: out.writelines(_lines(part, like.space.names))

    def reading(self, path: Path) -> Iterator[tuple[str, str]]:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                record = json.loads(line)
                yield record["id"], record["label"]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return list(self.reading(path))


def _lines(part: TrainingSet, names: tuple[str, ...]) -> Iterator[str]:
    for i, cells in enumerate(part.rows.table.to_pylist()):
        record = {
            "id": part.rows.ids[i].as_py(),
            "label": names[part.labels[i]],
            "probabilities": dict(zip(names, part.probs[i].tolist(), strict=True)),
            "weight": float(part.weights[i]),
            "split": part.split[i],
            "provenance": part.provenance[i],
            "row": plain(cells),
        }
        yield json.dumps(record, ensure_ascii=False) + "\n"


plugin = Jsonl
