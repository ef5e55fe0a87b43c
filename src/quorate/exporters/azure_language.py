"""Azure AI Language, custom text classification: a labels file and one text file per document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples
from quorate.training_sets.writing import write_json, write_text
from quorate.values import TrainingSet

BOUNDS = Bounds(
    rows=(10, 100_000),
    labels=(1, 200),
    label_chars=50,
    label_without=":$&%*()+~#/?",
    advised_per_label=15,
    text_chars=(1, 128_000),
)
_LABELS = "labels.json"


@dataclass(frozen=True)
class AzureLanguage:
    """`labels.json` (project import) and `documents/dN.txt`, which go to the root of the storage container."""

    kind: ClassVar[str] = "exporters"
    language: str = "en-us"
    container: str = "documents"
    multilingual: bool = False

    @classmethod
    def example(cls) -> AzureLanguage:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {_LABELS: examples(training_set)}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        found = examples(training_set)
        assets = {
            "projectKind": "CustomSingleLabelClassification",
            "classes": [{"category": name} for name in training_set.space.names],
            "documents": [self._document(i, example) for i, example in enumerate(found)],
        }
        project = {
            "projectFileVersion": "2022-05-01",
            "stringIndexType": "Utf16CodeUnit",
            "metadata": self._metadata(training_set.name),
            "assets": assets,
        }
        texts = [write_text(folder / "documents" / _location(i), e.text) for i, e in enumerate(found)]
        return [write_json(folder / _LABELS, project), *texts]

    def read(self, path: Path) -> list[tuple[str, str]]:
        from json import loads

        documents = loads(path.read_bytes())["assets"]["documents"]
        return [((path.parent / "documents" / d["location"]).read_bytes().decode(), _category(d)) for d in documents]

    def _metadata(self, name: str) -> dict[str, Any]:
        plain = "".join(c if (c.isascii() and c.isalnum()) or c in "_.-" else "_" for c in name)[:50]
        return {
            "projectKind": "CustomSingleLabelClassification",
            "storageInputContainerName": self.container,
            "settings": {},
            "projectName": plain or "quorate",
            "multilingual": self.multilingual,
            "description": "Labels by weak supervision, exported by quorate",
            "language": self.language,
        }

    def _document(self, i: int, example: Example) -> dict[str, Any]:
        return {
            "location": _location(i),
            "language": self.language,
            "dataset": "Test" if example.split == "test" else "Train",
            "class": {"category": example.label},
        }


def _location(i: int) -> str:
    return f"d{i:06}.txt"


def _category(document: Mapping[str, Any]) -> str:
    return str(document["class"]["category"])


plugin = AzureLanguage
