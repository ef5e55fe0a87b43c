"""Few-shot examples: gold rows that a prompt shows before it asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import numpy as np

from quorate.fingerprint import fingerprint


@dataclass(frozen=True)
class Shot:
    """One example: the prompt of a gold row, its answer, and the text by which it is found."""

    prompt: str
    answer: str
    text: str


@dataclass(frozen=True)
class Shots:
    """Gold examples and how those of a row are chosen: the same for all, or the most similar by TF-IDF cosine."""

    known: tuple[Shot, ...]
    count: int
    choice: Literal["fixed", "similar"]

    def fingerprint(self) -> str:
        return fingerprint([(shot.prompt, shot.answer, shot.text) for shot in self.known], self.count, self.choice)

    def of(self, texts: Sequence[str]) -> list[tuple[Shot, ...]]:
        """The examples for each text, the most telling last; a text is never its own example."""
        if not texts or not self.known:
            return [()] * len(texts)
        if self.choice == "fixed":
            order = _balanced(self.known)
            return [tuple(islice((shot for shot in order if shot.text != text), self.count)) for text in texts]
        nearness = self._index.transform(texts) @ self._index.transform([shot.text for shot in self.known]).T
        return [
            self._nearest(text, np.asarray(row.todense()).ravel()) for text, row in zip(texts, nearness, strict=True)
        ]

    def _nearest(self, text: str, nearness: Any) -> tuple[Shot, ...]:
        # Stable, so that equal texts get equal prompts in every run.
        order = np.argsort(-np.round(nearness, 6), kind="stable")
        found = [self.known[i] for i in order.tolist() if self.known[i].text != text][: self.count]
        return tuple(reversed(found))

    @cached_property
    def _index(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\S+")
        return words.fit([*(shot.text for shot in self.known), "."])


def _balanced(known: Sequence[Shot]) -> list[Shot]:
    """The examples, of each answer in turn."""
    by_answer: dict[str, list[Shot]] = defaultdict(list)
    for shot in known:
        by_answer[shot.answer].append(shot)
    longest = max(map(len, by_answer.values()), default=0)
    return [shots[i] for i in range(longest) for shots in by_answer.values() if i < len(shots)]
