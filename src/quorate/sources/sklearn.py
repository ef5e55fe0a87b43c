"""scikit-learn classifiers as sources: trained on a handful of gold rows, or fitted elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.classifiers import OutOfFold, confident_votes, named_classifier, of_labels
from quorate.errors import PluginError, listed
from quorate.fingerprint import fingerprint
from quorate.rows import Rows
from quorate.values import ABSTAIN, Gold, LabelSpace, VoteColumn


@dataclass(frozen=True, eq=False)
class Classifier:
    """A text classifier as a voter; it abstains where its best probability is below `min_confidence`.

    `estimator` names any scikit-learn classifier with `predict_proba` (it gets TF-IDF of word 1-2-grams and learns
    from the project's gold), or is an object: a fitted classifier or pipeline that takes a list of texts, whose
    classes are label names. Rows it learned from get votes from `folds` models that did not see them.
    """

    kind: ClassVar[str] = "sources"
    family: ClassVar[str] = "model"

    name: str
    estimator: Any = "LogisticRegression"
    column: str = "text"
    min_confidence: float = 0.5
    folds: int = 5
    params: Mapping[str, Any] = field(default_factory=dict)
    learned: _Learned | None = None

    @classmethod
    def example(cls) -> Classifier:
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.naive_bayes import BernoulliNB
        from sklearn.pipeline import make_pipeline

        model = make_pipeline(HashingVectorizer(n_features=64, alternate_sign=False), BernoulliNB())
        return cls(
            "bayes",
            model.fit(["my channel", "free money", "lovely song", "love it"], ["SPAM", "SPAM", "HAM", "HAM"]),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(map(str, self.estimator.classes_)) if self._is_fitted else ()

    def fingerprint(self) -> str:
        return fingerprint(
            "sklearn", _content(self.estimator), self.column, self.min_confidence, dict(self.params), self.learned
        )

    def __post_init__(self) -> None:
        if isinstance(self.estimator, str):
            _ = self._pipeline
        elif isinstance(self.estimator, type):
            raise PluginError(f"{self.name!r}: {self.estimator.__name__} is a class; give its name or an object of it")
        elif self.params:
            raise PluginError(f"{self.name!r}: `params` are for an estimator given by name; this one has its own")
        elif not hasattr(self.estimator, "predict_proba"):
            raise PluginError(f"{self.name!r}: {type(self.estimator).__name__} gives no probabilities (predict_proba)")

    def learn(self, rows: Rows, gold: Gold, space: LabelSpace) -> Classifier:
        """The classifier trained on the gold rows, with out-of-fold models for them.

        Raises:
            PluginError: the gold rows hold fewer than two labels or a label with fewer than two different texts, or
                scikit-learn cannot learn from them.
        """
        if self._is_fitted:
            return self
        labels = gold.aligned(rows.ids)
        known = np.flatnonzero(labels != ABSTAIN)
        if not len(known):
            raise PluginError(f"{self.name!r} learns from gold rows, and the project has no gold to anchor on")
        cells = rows.values(self.column)
        texts = [cells[i] or "" for i in known]
        # Equal texts share a fold, so they count once.
        counts = Counter(y for _, y in set(zip(texts, labels[known].tolist(), strict=True)))
        rare = [space.names[y] for y, count in counts.items() if count < 2]
        if len(counts) < 2 or rare:
            lacking = f", and too few say {listed(rare)}" if rare else ""
            raise PluginError(
                f"{self.name!r} learns from gold and needs at least two rows of each of two labels, with different "
                f"texts; there are {len(known)} gold rows over {len(counts)} label(s){lacking}"
            )
        try:
            return replace(
                self, learned=_train(self._pipeline, texts, labels[known], min(self.folds, *counts.values()))
            )
        except (AttributeError, TypeError, ValueError) as error:
            raise PluginError(f"{self.name!r} cannot learn from column {self.column!r}: {error}") from error

    @property
    def _is_fitted(self) -> bool:
        return not isinstance(self.estimator, str) and hasattr(self.estimator, "classes_")

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        texts = rows.values(self.column)
        probs = self._probabilities([text or "" for text in texts], space)
        probs[[i for i, text in enumerate(texts) if text is None]] = np.nan
        return confident_votes(probs, self.min_confidence)

    def _probabilities(self, texts: list[str], space: LabelSpace) -> NDArray[np.float64]:
        if self.learned is not None:
            return self.learned.probabilities(texts, texts, len(space))
        classes = self.estimator.classes_
        return of_labels(self.estimator.predict_proba(texts) if texts else np.zeros((0, len(classes))), classes, space)

    @cached_property
    def _pipeline(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline

        if not isinstance(self.estimator, str):
            return self.estimator
        defaults = {"C": 10.0, "max_iter": 1000} if self.estimator == "LogisticRegression" else {}
        try:
            classifier = named_classifier(self.estimator, self.params, defaults)
        except PluginError as error:
            raise PluginError(f"{self.name!r}: {error}") from None
        # Of the object, as some classes have probabilities with some parameters only.
        if not hasattr(classifier, "predict_proba"):
            raise PluginError(f"{self.name!r}: {self.estimator} gives no probabilities (predict_proba)")
        return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), classifier)


@dataclass(frozen=True, eq=False)
class _Learned(OutOfFold):
    """Known by the text: one seen in training gets the model that did not see it."""

    def fingerprint(self) -> str:
        return fingerprint(dict(self.fold_of), self.whole.get_params()["steps"][-1][1], self.whole.classes_.tolist())


def _content(thing: Any) -> Any:
    """What an estimator computes with: its parameters and what it learned, arrays by their content.

    scikit-learn keeps `id(stop_words)` in an attribute, which is another in every process.
    """
    from joblib import hash as content_hash

    if hasattr(thing, "get_params") and not isinstance(thing, type):
        names = sorted(name for name in vars(thing) if not name.endswith("_id"))
        return [type(thing).__qualname__, *((name, _content(vars(thing)[name])) for name in names)]
    if isinstance(thing, list | tuple):
        return [_content(part) for part in thing]
    return content_hash(thing) if hasattr(thing, "__array__") or hasattr(thing, "tocsr") else thing


def _train(pipeline: Any, texts: list[str], labels: NDArray[np.int16], folds: int) -> _Learned:
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedGroupKFold

    # Equal texts share a fold, else the copy of a row would give its answer away.
    split = StratifiedGroupKFold(folds).split(texts, labels, groups=texts)
    parts, fold_of = [], {}
    for fold, (seen, held) in enumerate(split):
        parts.append(clone(pipeline).fit([texts[i] for i in seen], labels[seen]))
        fold_of.update({texts[i]: fold for i in held})
    return _Learned(clone(pipeline).fit(texts, labels), tuple(parts), fold_of)


plugin = Classifier
