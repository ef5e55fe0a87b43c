"""Small real models to stand in for large ones: they answer by probability, and are wrong now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

Answerer = Callable[[str, Sequence[str]], Mapping[str, float]]
"""From a text and the choices allowed to a probability per choice; no choices: the model's own classes."""

_REMEMBERED = 100_000


def word_model(texts: Sequence[str], labels: Sequence[str]) -> Answerer:
    """Logistic regression on the words and pairs of words of a text."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    return _answerer(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10.0), texts, labels)


def letter_model(texts: Sequence[str], labels: Sequence[str]) -> Answerer:
    """Naive Bayes on the sequences of two to four letters of a text."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    return _answerer(CountVectorizer(analyzer="char_wb", ngram_range=(2, 4)), MultinomialNB(), texts, labels)


def _answerer(features: Any, classifier: Any, texts: Sequence[str], labels: Sequence[str]) -> Answerer:
    classifier.fit(features.fit_transform(texts), list(labels))
    classes = [str(name) for name in classifier.classes_]

    @lru_cache(_REMEMBERED)
    def known(text: str) -> dict[str, float]:
        probs = classifier.predict_proba(features.transform([text]))[0].tolist()
        return dict(zip(classes, probs, strict=True))

    def answer(text: str, choices: Sequence[str]) -> dict[str, float]:
        probs = known(text)
        if not choices:
            return probs
        # A choice that it never saw, such as "cannot tell", is never its answer.
        shares = {choice: probs.get(choice, 0.0) for choice in choices}
        total = sum(shares.values())
        return {choice: p / total if total else 1 / len(shares) for choice, p in shares.items()}

    return answer
