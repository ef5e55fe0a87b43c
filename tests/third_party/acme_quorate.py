"""What a stranger writes to add a source, a label model, a signal and a file format; quorate knows nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate import ABSTAIN, Labels, LabelSpace, Rows, TrainingSet, VotePatterns, Votes
from quorate.fingerprint import fingerprint
from quorate.values import VoteColumn


@dataclass(frozen=True)
class Shouting:
    """Votes `label` where at least `share` of the letters of a text are capitals."""

    kind: ClassVar[str] = "sources"
    family: ClassVar[str] = "rule"

    name: str
    label: str
    column: str = "text"
    share: float = 0.5

    @classmethod
    def example(cls) -> Shouting:
        return cls("shouting", "SPAM", share=0.2)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)

    def fingerprint(self) -> str:
        return fingerprint(type(self), self.label, self.column, self.share)

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        shouts = [self._shouts(text or "") for text in rows.values(self.column)]
        return VoteColumn.hard(np.where(shouts, space.index(self.label), ABSTAIN).reshape(len(rows)))

    def _shouts(self, text: str) -> bool:
        letters = [letter for letter in text if letter.isalpha()]
        return bool(letters) and sum(map(str.isupper, letters)) >= self.share * len(letters)


@dataclass(frozen=True)
class WeightedVote:
    """Votes count by the weight of their source; 1 where `weights` names none."""

    kind: ClassVar[str] = "label_models"

    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def example(cls) -> WeightedVote:
        return cls({"source_0": 2.0})

    def fit(self, patterns: VotePatterns) -> FittedWeightedVote:
        weights = np.array([self.weights.get(name, 1.0) for name in patterns.sources])
        return FittedWeightedVote(len(patterns.space), weights)


@dataclass(frozen=True, eq=False)
class FittedWeightedVote:
    """`weights` float64[m]."""

    k: int
    weights: NDArray[np.float64]

    @property
    def prior(self) -> NDArray[np.float64]:
        return np.full(self.k, 1 / self.k)

    def probabilities(self, matrix: NDArray[np.int16]) -> NDArray[np.float64]:
        mass = np.stack([((matrix == y) * self.weights).sum(axis=1) for y in range(self.k)], axis=1) + 1e-6
        shares: NDArray[np.float64] = mass / mass.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True)
class Alone:
    """1 where a single source voted: nobody confirms what it says."""

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> Alone:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        alone: NDArray[np.bool_] = (votes.matrix != ABSTAIN).sum(axis=1) == 1
        return alone.astype(np.float32)


@dataclass(frozen=True)
class Tsv:
    """`NAME.tsv`: row id, label, then the probability of each label."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Tsv:
        return cls()

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        names, path = training_set.space.names, folder / f"{training_set.name}.tsv"
        with path.open("w", encoding="utf-8", newline="\n") as out:
            out.write("\t".join(["row_id", "label", *names]) + "\n")
            for row_id, y, probs in zip(
                training_set.rows.ids.to_pylist(), training_set.labels, training_set.probs.tolist(), strict=True
            ):
                out.write("\t".join([row_id, names[y], *map(repr, probs)]) + "\n")
        return [path]
