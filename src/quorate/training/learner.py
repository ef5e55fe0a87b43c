"""Learner: a scikit-learn classifier that takes probabilities for labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.classifiers import named_classifier
from quorate.errors import PluginError
from quorate.training.inputs import At, Floats, Inputs, Reader

_DEFAULTS = {"LogisticRegression": {"C": 3.0, "max_iter": 1_000, "tol": 1e-3}}
# A row is learned once for each label that is at least so probable.
_LEAST = 0.02


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is to be learned: positions of rows intp[m], P(label) float64[m, k], and what each row counts float64[m]."""

    at: At
    probs: Floats
    weight: Floats

    @staticmethod
    def of(probs: Floats, rows: NDArray[np.bool_] | At, weight: Floats | None = None) -> Lesson:
        """The lesson of some of the rows of a whole table of probabilities float64[n, k]."""
        at = np.flatnonzero(rows) if np.asarray(rows).dtype == np.bool_ else np.asarray(rows, np.intp)
        return Lesson(at, probs[at], np.ones(len(at)) if weight is None else weight[at])

    def only(self, rows: NDArray[np.bool_]) -> Lesson:
        """The lesson without the rows that are False here, bool[n] over the whole table."""
        kept = rows[self.at]
        return Lesson(self.at[kept], self.probs[kept], self.weight[kept])

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, eq=False)
class Model:
    """A trained classifier, and how it reads; its classes are label ints."""

    reader: Reader
    classifier: Any
    k: int
    condenser: Any = None

    def probabilities(self, at: At) -> Floats:
        """P(label) float64[n, k] of rows by position; one-hot where the classifier gives no probabilities."""
        values = self.reader.values(at)
        values = values if self.condenser is None else self.condenser.transform(values)
        probs = np.zeros((len(at), self.k))
        if hasattr(self.classifier, "predict_proba"):
            probs[:, self.classifier.classes_] = self.classifier.predict_proba(values)
        else:
            probs[np.arange(len(at)), self.classifier.predict(values)] = 1.0
        return probs

    @property
    def pipeline(self) -> Any:
        """The same as one scikit-learn pipeline, which takes cells."""
        from sklearn.pipeline import make_pipeline

        condensed = [] if self.condenser is None else [self.condenser]
        return make_pipeline(self.reader.transformer, *condensed, self.classifier)


@dataclass(frozen=True)
class Learner:
    """The classifier to train, by name and parameters; `dimensions` condenses what it reads to so many numbers."""

    estimator: str = "LogisticRegression"
    params: Mapping[str, Any] = field(default_factory=dict)
    dimensions: int = 0

    def fresh(self) -> Any:
        """The classifier, unfitted.

        Raises:
            PluginError: there is none of that name, or it does not take the parameters.
        """
        return named_classifier(self.estimator, self.params, _DEFAULTS.get(self.estimator))

    @property
    def given(self) -> dict[str, Any]:
        """The parameters that are not scikit-learn's own defaults."""
        return {**_DEFAULTS.get(self.estimator, {}), **self.params}

    @property
    def weighs(self) -> bool:
        """Whether rows may count more or less than others."""
        from sklearn.utils.validation import has_fit_parameter

        return bool(has_fit_parameter(self.fresh(), "sample_weight"))

    def fit(self, inputs: Inputs, lesson: Lesson) -> Model:
        """The model of a lesson; one that gives every row the same where the lesson holds a single label.

        Raises:
            PluginError: the classifier cannot learn it.
        """
        from sklearn.dummy import DummyClassifier

        reader = inputs.reader(lesson.at)
        which, labels, weight = _expanded(lesson)
        if not self.weighs:
            which, labels = np.arange(len(lesson)), lesson.probs.argmax(axis=1).astype(np.int64)
        classifier = self.fresh() if len(np.unique(labels)) > 1 else DummyClassifier(strategy="prior")
        values, condenser = self._condensed(reader.values(lesson.at))
        weights = {"sample_weight": weight} if self.weighs else {}
        try:
            classifier.fit(values[which], labels, **weights)
        except (AttributeError, TypeError, ValueError) as error:
            dense = "; [train] dimensions = 300 gives it dense numbers" if "dense" in str(error) else ""
            raise PluginError(
                f"train: {self.estimator} cannot learn from {len(lesson)} rows: {error}{dense}"
            ) from error
        return Model(reader, classifier, lesson.probs.shape[1], condenser)

    def _condensed(self, values: Any) -> tuple[Any, Any]:
        from sklearn.decomposition import TruncatedSVD

        if not self.dimensions or values.ndim < 2 or min(values.shape) < 2:
            return values, None
        dimensions = min(self.dimensions, values.shape[1] - 1, values.shape[0])
        condenser = TruncatedSVD(dimensions, random_state=0)
        return condenser.fit_transform(values), condenser


def _expanded(lesson: Lesson) -> tuple[At, NDArray[np.int64], Floats]:
    """Each row once for each label it may have: which row of the lesson, the label, and what it counts."""
    kept = np.where(lesson.probs >= min(_LEAST, 1 / lesson.probs.shape[1]), lesson.probs, 0.0)
    kept *= (lesson.weight / kept.sum(axis=1))[:, None]
    which, labels = np.nonzero(kept)
    return which, labels.astype(np.int64), kept[which, labels]
