"""Where A and B differ: by what they said, clustered by text, the most telling rows first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.comparing.candidates import Candidates
from quorate.values import ABSTAIN

Floats = NDArray[np.float64]
_PAIRS = 8
_CLUSTERS = 3
_EXAMPLES = 3
_READ = 400
"""Rows of a pair of labels whose texts are compared; a greater pair is sampled evenly."""
_ALIKE = 0.2
_SAME = 0.9
_TEXT_SHOWN = 300


@dataclass(frozen=True)
class Cluster:
    """Rows with like texts on which A and B differ in the same way: their share of the read rows, and examples."""

    share: float
    rows: int
    words: tuple[str, ...]
    examples: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class LabelPair:
    """All rows of which A says one label and B another (None: no answer)."""

    a: str | None
    b: str | None
    rows: int
    share: float
    clusters: tuple[Cluster, ...]


def disagreements(candidates: Candidates, a: str, b: str) -> list[LabelPair]:
    """The most frequent pairs of labels on which A and B differ, each with its clusters."""
    one, other = candidates.column(a).astype(np.int64), candidates.column(b).astype(np.int64)
    differ = np.flatnonzero(one != other)
    if not len(differ):
        return []
    k = len(candidates.votes.space) + 1
    cell = (one[differ] + 1) * k + other[differ] + 1
    counts = np.bincount(cell, minlength=k * k)
    weight = _telling(candidates, a, b)
    names = (None, *candidates.votes.space.names)
    pairs = []
    for code in np.argsort(-counts, kind="stable")[:_PAIRS].tolist():
        if counts[code]:
            mine = differ[cell == code]
            clusters = _clusters(candidates, mine, weight)
            share = len(mine) / len(differ)
            pairs.append(LabelPair(names[code // k], names[code % k], len(mine), share, clusters))
    return pairs


def _telling(candidates: Candidates, a: str, b: str) -> Floats:
    """How much there is to learn of a row, float64[n] in [0, 1]: both are sure of themselves, and others are torn."""
    n = len(candidates)
    said = [c for c in (candidates.confidence(a), candidates.confidence(b)) if c is not None]
    sure = np.mean([np.nan_to_num(c, nan=0.5) for c in said], axis=0) if said else np.full(n, 0.5)
    others = [candidates.column(name) for name in candidates.others]
    if not others:
        return np.asarray(sure, np.float64)
    for_a = np.sum([column == candidates.column(a) for column in others], axis=0)
    for_b = np.sum([column == candidates.column(b) for column in others], axis=0)
    voted = np.sum([column != ABSTAIN for column in others], axis=0)
    torn = 1 - np.abs(for_a - for_b) / np.maximum(voted, 1)
    return np.asarray((sure + np.where(voted > 0, torn, 0.5)) / 2, np.float64)


def _clusters(candidates: Candidates, rows: NDArray[np.intp], weight: Floats) -> tuple[Cluster, ...]:
    """The largest clusters of like texts, near-duplicates folded into one example."""
    read = rows[np.unique(np.linspace(0, len(rows) - 1, min(_READ, len(rows))).astype(np.intp))]
    texts = _texts(candidates, read)
    likeness, words = _likeness(texts)
    order = np.lexsort((np.arange(len(read)), -weight[read] - likeness.mean(axis=1)))
    left = np.ones(len(read), bool)
    found: list[tuple[NDArray[np.intp], tuple[str, ...]]] = []
    for leader in order.tolist():
        if not left[leader] or len(found) == _CLUSTERS:
            continue
        near = np.flatnonzero(left & (likeness[leader] >= _ALIKE))
        members = np.array([leader, *near[near != leader].tolist()])
        left[members] = False
        found.append((members, words(members)))
    found.sort(key=lambda cluster: -len(cluster[0]))
    return tuple(
        Cluster(len(m) / len(read), len(m), told, tuple(_examples(candidates, read, m, texts, likeness)))
        for m, told in found
    )


def _texts(candidates: Candidates, rows: NDArray[np.intp]) -> list[str]:
    if candidates.text is None:
        return [""] * len(rows)
    cells = candidates.rows.arrow(candidates.text).take(rows).to_pylist()
    return ["" if cell is None else str(cell) for cell in cells]


def _likeness(texts: list[str]) -> tuple[Floats, Any]:
    """The cosine of every two texts by their words, float64[r, r], and the words that mark some of them."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        vectorizer = TfidfVectorizer(sublinear_tf=True, max_features=20_000, stop_words="english")
        vectors = vectorizer.fit_transform([text[:2_000] for text in texts])
    except ValueError:
        # No text has a word: they are alike, and none is a copy of another.
        return np.full((len(texts), len(texts)), (_ALIKE + _SAME) / 2), lambda _: ()
    terms = vectorizer.get_feature_names_out()

    def marking(rows: NDArray[np.intp]) -> tuple[str, ...]:
        mean = np.asarray(vectors[rows].mean(axis=0)).ravel()
        return tuple(str(terms[i]) for i in np.argsort(-mean, kind="stable")[:4] if mean[i] > 0)

    return np.asarray((vectors @ vectors.T).toarray(), np.float64), marking


def _examples(
    candidates: Candidates, read: NDArray[np.intp], members: NDArray[np.intp], texts: list[str], likeness: Floats
) -> list[dict[str, Any]]:
    shown: list[int] = []
    folded: dict[int, int] = {}
    for i in members.tolist():
        twin = next((j for j in shown if likeness[i, j] >= _SAME), None)
        if twin is not None:
            folded[twin] = folded.get(twin, 0) + 1
        elif len(shown) < _EXAMPLES:
            shown.append(i)
    return [_example(candidates, int(read[i]), texts[i], folded.get(i, 0)) for i in shown]


def _example(candidates: Candidates, at: int, text: str, like_it: int) -> dict[str, Any]:
    votes, names = candidates.votes, candidates.votes.space.names
    said = {s: names[v] for s, v in zip(votes.sources, votes.matrix[at].tolist(), strict=True) if v != ABSTAIN}
    settled = np.flatnonzero(candidates.settled.position == at)
    fits = candidates.settled.fits[settled[0]] if len(settled) else None
    return {
        "id": votes.ids[at].as_py(),
        "text": text if len(text) <= _TEXT_SHOWN else f"{text[:_TEXT_SHOWN]}…",
        "said": said,
        "gold": None if fits is None else [names[y] for y in np.flatnonzero(fits).tolist()],
        "near_duplicates": like_it,
    }
