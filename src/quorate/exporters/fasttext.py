"""fastText: one line per text, its label in front as `__label__NAME`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.writing import on_one_line, write_json, write_text
from quorate.values import TrainingSet

_MARK = "__label__"


def _marked(example: Example) -> str:
    return f"whose text holds {_MARK}, which fastText would read as a label" if _MARK in example.text else ""


BOUNDS = Bounds(train=(1, None), text_chars=(1, None), takes_control=False, takes_line_ends=False, also=(_marked,))


@dataclass(frozen=True)
class Fasttext:
    """`train.txt`, `valid.txt`, `test.txt`, and `labels.json`: what spaces in label names became."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Fasttext:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        names = training_set.space.names
        names, written = training_set.space.names, Counter(map(_token, training_set.space.names))
        clash = [f"label {n!r} becomes {_token(n)!r}, and so does another" for n in names if written[_token(n)] > 1]
        return findings(BOUNDS, training_set, examples(training_set)) + Findings(errors=tuple(clash))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        found = (replace(e, text=on_one_line(e.text), label=_token(e.label)) for e in examples(training_set))
        return {f"{split}.txt": part for split, part in filled_splits(found).items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        files = [write_json(folder / "labels.json", {_token(name): name for name in training_set.space.names})]
        for name, part in self.parts(training_set).items():
            lines = [f"{_MARK}{example.label} {example.text}\n" for example in part]
            files.append(write_text(folder / name, "".join(lines)))
        return files

    def read(self, path: Path) -> list[tuple[str, str]]:
        lines = path.read_bytes().decode("utf-8").split("\n")[:-1]
        pairs = (line.removeprefix(_MARK).partition(" ") for line in lines)
        return [(text, label) for label, _, text in pairs]


def _token(name: str) -> str:
    return "_".join(name.split())


plugin = Fasttext
