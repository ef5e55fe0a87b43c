"""A kept end model as a source: what `quorate train` left in a folder votes in the next run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from quorate.classifiers import confident_votes, of_labels
from quorate.fingerprint import fingerprint
from quorate.kept_model import KeptModel, read_about, read_model
from quorate.rows import Rows
from quorate.values import LabelSpace, VoteColumn


@dataclass(frozen=True, eq=False)
class EndModel:
    """The model of a folder as a voter; it abstains where its best probability is below `min_confidence`.

    A row that it learned from is judged by a model that did not see the row or its near-duplicates, so it does not
    repeat what it was taught. Reading the folder runs the code in it: it is a pickle.
    """

    kind: ClassVar[str] = "sources"
    family: ClassVar[str] = "model"

    name: str
    path: Path
    min_confidence: float = 0.5
    _kept: KeptModel | None = None

    @classmethod
    def example(cls) -> EndModel:
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.naive_bayes import BernoulliNB
        from sklearn.pipeline import make_pipeline

        from quorate.classifiers import OutOfFold
        from quorate.kept_model import SCHEMA

        model = make_pipeline(HashingVectorizer(n_features=64, alternate_sign=False), BernoulliNB())
        model.fit(["my channel", "free money", "lovely song", "love it"], [1, 1, 0, 0])
        about = {"schema": SCHEMA, "labels": ["HAM", "SPAM"], "columns": ["text"], "reads": "texts", "sha256": ""}
        return cls("end_model", Path("model"), _kept=KeptModel(about, OutOfFold(model, (), {})))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._about["columns"])

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._about["labels"])

    def fingerprint(self) -> str:
        return fingerprint("model", self._about["sha256"], self.labels, self.columns, self.min_confidence)

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        own, speaks = self._model.probabilities(rows)
        probs = of_labels(own, self.labels, space)
        return confident_votes(np.where(speaks[:, None], probs, np.nan), self.min_confidence)

    @cached_property
    def _about(self) -> dict[str, Any]:
        return read_about(self.path) if self._kept is None else dict(self._kept.about)

    @cached_property
    def _model(self) -> KeptModel:
        return self._kept or read_model(self.path)


plugin = EndModel
