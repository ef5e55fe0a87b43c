"""Near-duplicate texts: MinHash over character shingles finds candidates, their exact likeness decides.

A. Z. Broder, "On the resemblance and containment of documents", SEQUENCES (1997).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIKENESS = 0.6
"""Two texts are near-duplicates where they share this much of their shingles (Jaccard), or words alone differ not."""

_SHINGLE = 4
_BANDS, _ROWS = 42, 3
# With these a pair of likeness 0.6 is missed once in 27,000, one of 0.7 once in 50 million.
_PRIME = (1 << 61) - 1
_FEATURES = 1 << 20
_ALL_PAIRS = 48
_SEED = 1_997
_NO_WORD = re.compile(r"[\W_]+")


def near_duplicates(texts: Sequence[str], likeness: float = LIKENESS) -> NDArray[np.intp]:
    """The cluster of each text, intp[n], named by the position of its first text; alone, a text is its own.

    Near-duplicates of near-duplicates are in one cluster. Case, punctuation and spaces are no difference.
    """
    first = first_of_each([without_differences(text) for text in texts])
    distinct = np.flatnonzero(first == np.arange(len(texts)))
    if len(distinct) < 2:
        return first
    shingles = _shingles([_words(texts[i]) for i in distinct.tolist()])
    pairs = _candidates(_signatures(shingles))
    near = pairs[_likeness(shingles, pairs) >= likeness]
    return distinct[_components(near, len(distinct))][np.searchsorted(distinct, first)]


def without_differences(text: str) -> str:
    """What is left of a text where case, punctuation and spaces are no difference: the same for the same words."""
    # A text without any word is compared as it is.
    return _words(text) or f"\0{text}"


def _words(text: str) -> str:
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def first_of_each(keys: Sequence[Hashable]) -> NDArray[np.intp]:
    """The position of the first key that equals each, intp[n]."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(key, i) for i, key in enumerate(keys)], np.intp)


def _shingles(texts: Sequence[str]) -> Any:
    """Which shingles each text has, a binary sparse matrix."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer=_cut, n_features=_FEATURES, alternate_sign=False, binary=True, norm=None, dtype=np.float32
    )
    matrix = vectorizer.transform(texts)
    matrix.sort_indices()
    return matrix


def _cut(text: str) -> set[str]:
    return {text[i : i + _SHINGLE] for i in range(max(len(text) - _SHINGLE + 1, 1))}


def _signatures(shingles: Any) -> NDArray[np.uint32]:
    """The least of the permuted shingles of each text, uint32[bands * rows, n]; no text is without a shingle."""
    generator = np.random.default_rng(_SEED)
    scale = generator.integers(1, 1 << 40, _BANDS * _ROWS, dtype=np.uint64)
    shift = generator.integers(0, 1 << 60, _BANDS * _ROWS, dtype=np.uint64)
    found, starts = shingles.indices.astype(np.uint64), shingles.indptr[:-1]
    least = np.empty((_BANDS * _ROWS, len(starts)), np.uint32)
    for i, (a, b) in enumerate(zip(scale, shift, strict=True)):
        mixed = ((found * a + b) % np.uint64(_PRIME)).astype(np.uint32)
        least[i] = np.minimum.reduceat(mixed, starts)
    return least


def _candidates(signatures: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Pairs that agree in a whole band, intp[c, 2], each once."""
    found: list[NDArray[np.intp]] = [np.zeros((0, 2), np.intp)]
    for band in range(_BANDS):
        rows = np.ascontiguousarray(signatures[band * _ROWS : (band + 1) * _ROWS].T)
        keys = rows.view(f"V{rows.shape[1] * rows.itemsize}").reshape(-1)
        order = np.argsort(keys, kind="stable")
        cuts = np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1
        found += [_pairs(np.sort(bucket)) for bucket in np.split(order, cuts) if len(bucket) > 1]
    return np.unique(np.concatenate(found), axis=0)


def _pairs(bucket: NDArray[np.intp]) -> NDArray[np.intp]:
    """Every pair of a small bucket; in a large one, each text with the first few and with the one before it."""
    if len(bucket) <= _ALL_PAIRS:
        i, j = np.triu_indices(len(bucket), 1)
        return np.stack([bucket[i], bucket[j]], axis=1)
    leaders = bucket[: _ALL_PAIRS // 4]
    each = np.stack([np.repeat(leaders, len(bucket)), np.tile(bucket, len(leaders))], axis=1)
    pairs = np.concatenate([each, np.stack([bucket[:-1], bucket[1:]], axis=1)])
    return pairs[pairs[:, 0] < pairs[:, 1]]


def _likeness(shingles: Any, pairs: NDArray[np.intp], at_once: int = 100_000) -> NDArray[np.float64]:
    """The Jaccard index of each pair."""
    sizes = np.diff(shingles.indptr).astype(np.float64)
    shared = [np.zeros(0)]
    for start in range(0, len(pairs), at_once):
        i, j = pairs[start : start + at_once].T
        shared.append(np.asarray(shingles[i].multiply(shingles[j]).sum(axis=1), np.float64).reshape(-1))
    both = np.concatenate(shared)
    return np.asarray(both / (sizes[pairs[:, 0]] + sizes[pairs[:, 1]] - both))


def _components(pairs: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """The first member of each text's connected component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, component = connected_components(links, directed=False)
    _, first = np.unique(component, return_index=True)
    return np.asarray(first[component], np.intp)
