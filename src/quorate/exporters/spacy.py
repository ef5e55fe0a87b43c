"""spaCy: a DocBin per split with text categories, ready for `spacy train` and `spacy debug data`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from quorate.registry import vendor
from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.writing import write_json
from quorate.values import TrainingSet

_FILES = {"train": "train.spacy", "valid": "dev.spacy", "test": "test.spacy"}
BOUNDS = Bounds(train=(1, None), valid=(1, None), advised_rows=200, advised_per_label=20)


@dataclass(frozen=True)
class Spacy:
    """`train.spacy`, `dev.spacy`, `test.spacy` and `labels/textcat.json`; `soft` keeps probabilities in place of 1
    and 0."""

    kind: ClassVar[str] = "exporters"
    language: str = "en"
    soft: bool = False

    @classmethod
    def example(cls) -> Spacy:
        vendor("spacy", "spacy")
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {_FILES[split]: part for split, part in filled_splits(examples(training_set)).items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        names, files = training_set.space.names, []
        for name, part in self.parts(training_set).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._packed(part, names).to_disk(path)
            files.append(path)
        return [*files, write_json(folder / "labels" / "textcat.json", list(names))]

    def read(self, path: Path) -> list[tuple[str, str]]:
        found = vendor("spacy.tokens", "spacy").DocBin().from_disk(path)
        docs = found.get_docs(vendor("spacy", "spacy").blank(self.language).vocab)
        return [(doc.text, max(doc.cats, key=doc.cats.__getitem__)) for doc in docs]

    def _packed(self, part: Sequence[Example], names: Sequence[str]) -> Any:
        nlp = vendor("spacy", "spacy").blank(self.language)
        nlp.max_length = max([nlp.max_length, *(len(e.text) + 1 for e in part)])
        packed = vendor("spacy.tokens", "spacy").DocBin()
        for example in part:
            doc = nlp.make_doc(example.text)
            hard = [float(name == example.label) for name in names]
            doc.cats = dict(zip(names, example.probs if self.soft else hard, strict=True))
            packed.add(doc)
        return packed


plugin = Spacy
