"""Hugging Face `datasets`: Parquet by split with a ClassLabel, and a card that says which file is which split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
from pyarrow import parquet

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.card import card
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.writing import write_text
from quorate.values import TrainingSet

_NAMES = {"train": "train", "valid": "validation", "test": "test"}
_SHARD = "-00000-of-00001.parquet"
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


@dataclass(frozen=True)
class Hf:
    """`README.md` and `data/SPLIT-00000-of-00001.parquet`: what `load_dataset("./folder")` and the Hub take."""

    kind: ClassVar[str] = "exporters"
    language: str = "en"
    licence: str = "other"

    @classmethod
    def example(cls) -> Hf:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(Bounds(advised_rows=100, advised_per_label=8), training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        splits = filled_splits(examples(training_set))
        return {f"data/{_NAMES[split]}{_SHARD}": part for split, part in splits.items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        names, parts = training_set.space.names, self.parts(training_set)
        files = [write_text(folder / "README.md", card(training_set, self._front(training_set, parts)))]
        for name, part in parts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            parquet.write_table(_table(part, names), path)
            files.append(path)
        return files

    def read(self, path: Path) -> list[tuple[str, str]]:
        table = parquet.read_table(path)
        names = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["label"]["names"]
        read = zip(table.column("text").to_pylist(), table.column("label").to_pylist(), strict=True)
        return [(text, names[y]) for text, y in read]

    def _front(self, training_set: TrainingSet, parts: Mapping[str, Sequence[Example]]) -> str:
        rows = sum(map(len, parts.values()))
        kinds = {"gold": "expert-generated", "votes": "machine-generated"}
        made = sorted({kinds[provenance] for provenance in training_set.provenance})
        stems = [Path(name.removesuffix(_SHARD)) for name in parts]
        files = [f"  - {{split: {stem.name}, path: '{stem.as_posix()}-*'}}" for stem in stems]
        names = ", ".join(f"'{y}': {json.dumps(name)}" for y, name in enumerate(training_set.space.names))
        lines = [
            "---",
            f"language: [{json.dumps(self.language)}]",
            f"license: {json.dumps(self.licence)}",
            "task_categories: [text-classification]",
            "task_ids: [multi-class-classification]",
            f"annotations_creators: [{', '.join(made)}]",
            f"size_categories: ['{next((name for most, name in _SIZES if rows < most), 'n>10M')}']",
            "configs:",
            "- config_name: default",
            "  data_files:",
            *files,
            "dataset_info:",
            "  features:",
            "  - {name: text, dtype: string}",
            f"  - name: label\n    dtype: {{class_label: {{names: {{{names}}}}}}}",
            "  - {name: label_probs, sequence: float32}",
            "  - {name: weight, dtype: float64}",
            "  - {name: row_id, dtype: string}",
            "  - {name: is_reviewed, dtype: bool}",
            "  - {name: sources, sequence: string}",
            "---",
            "",
        ]
        return "\n".join(lines)


def _table(part: Sequence[Example], names: Sequence[str]) -> pa.Table:
    columns = {
        "text": pa.array([e.text for e in part], pa.string()),
        "label": pa.array([e.y for e in part], pa.int64()),
        "label_probs": pa.array([e.probs for e in part], pa.list_(pa.float32())),
        "weight": pa.array([e.weight for e in part], pa.float64()),
        "row_id": pa.array([e.id for e in part], pa.string()),
        "is_reviewed": pa.array([e.is_reviewed for e in part], pa.bool_()),
        "sources": pa.array([e.sources for e in part], pa.list_(pa.string())),
    }
    plain = {name: {"dtype": str(column.type), "_type": "Value"} for name, column in columns.items()}
    features = plain | {
        "weight": {"dtype": "float64", "_type": "Value"},
        "label": {"names": list(names), "_type": "ClassLabel"},
        "label_probs": {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "List"},
        "sources": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
    }
    # What `datasets` leaves there itself: with it, load_dataset gives a ClassLabel.
    known = json.dumps({"info": {"features": features}}, ensure_ascii=True)
    return pa.table(columns).replace_schema_metadata({"huggingface": known})


plugin = Hf
