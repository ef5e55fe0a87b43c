"""Features: what rows contain, as numbers: texts as hashed and condensed TF-IDF, or embeddings as they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.errors import TableError
from quorate.frozen import frozen_array
from quorate.rows import Rows

Floats = NDArray[np.float64]

FOLDS = 5
_HASHED = 2**18
# Words and their pairs, and pieces of words: the latter carry over inflection, spelling and names.
WORDS: dict[str, Any] = {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
PIECES: dict[str, Any] = {"ngram_range": (3, 5), "analyzer": "char_wb"}
_FEWEST_ROWS = 2
_DIMENSIONS = 300
_TURNS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """`values` float64[n, d]; `speaks` bool[n], whether a row has content; `fold` int64[n].

    Rows of the same content are in the same of five folds, wherever they stand: no row is judged by its own copy.
    """

    values: Floats
    speaks: NDArray[np.bool_]
    fold: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, dtype in (("values", np.float64), ("speaks", np.bool_), ("fold", np.int64)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))

    @staticmethod
    def of(content: Any) -> Features:
        """Features of texts (a sequence of str or None), or of embeddings float[n, d], NaN where a row has none.

        Raises:
            ValueError: neither texts nor a table of numbers.
        """
        array = np.asarray(content)
        if array.ndim == 2 and array.dtype.kind in "fiub":
            return _of_embeddings(array.astype(np.float64))
        if array.ndim == 1 and all(text is None or isinstance(text, str) for text in content):
            return _of_texts([text or "" for text in content])
        raise ValueError(
            f"features are texts, one a row, or numbers float[n, d]; got {type(content).__name__} of shape "
            f"{array.shape} and type {array.dtype}"
        )

    def __len__(self) -> int:
        return len(self.values)


def numbers(rows: Rows, name: str) -> Floats:
    """A column of numbers or of equally long lists of numbers, float64[n, d], NaN for empty cells.

    Raises:
        TableError: it holds anything else.
    """
    cells = [cell if isinstance(cell, list | tuple | np.ndarray) else [cell] for cell in rows.values(name)]
    width = max((len(cell) for cell in cells), default=1)
    empty = [float("nan")] * width
    try:
        table = [empty if cell is None or any(x is None for x in cell) else [float(x) for x in cell] for cell in cells]
        return np.array(table, np.float64).reshape(len(cells), width)
    except (TypeError, ValueError):
        raise TableError(f"column {name!r} must hold numbers, or lists of as many numbers in every row") from None


def _of_embeddings(array: Floats) -> Features:
    speaks = np.asarray(np.isfinite(array).all(axis=1), np.bool_)
    known = array[speaks]
    spread = known.std(axis=0) if len(known) else np.ones(array.shape[1])
    # Columns alike in scale, and rows of length one or so, as texts are.
    scale = np.where(spread > 0, spread, 1.0) * np.sqrt(max(array.shape[1], 1))
    values = np.zeros_like(array)
    values[speaks] = (known - (known.mean(axis=0) if len(known) else 0.0)) / scale
    return Features(values, speaks, _folds([row.tobytes() for row in array]))


def _of_texts(texts: Sequence[str]) -> Features:
    table = weighed(texts if len(texts) else [""])[: len(texts)]
    speaks = np.asarray(table.getnnz(axis=1) > 0, np.bool_)
    fold = _folds([text.encode("utf-8", "surrogatepass") for text in texts])
    dimensions = min(_DIMENSIONS, min(table.shape) - 1)
    if dimensions < 1:
        return Features(np.zeros((len(texts), 1)), np.zeros(len(texts), bool), fold)
    return Features(_condensed(table, dimensions), speaks, fold)


def _condensed(table: Any, dimensions: int) -> Floats:
    """The leading principal components of the rows, float64[n, d], by subspace iteration on `table @ table.T`.

    Only matrices with as many rows as the table are made orthogonal: it has far more columns than rows.
    """
    spare = min(dimensions + 10, table.shape[0])
    basis = np.random.default_rng(0).standard_normal((table.shape[0], spare))
    for _ in range(_TURNS):
        basis = np.linalg.qr(table @ (table.T @ basis))[0]
    seen = table.T @ basis
    strength, turned = np.linalg.eigh(seen.T @ seen)
    leading = np.argsort(-strength)[:dimensions]
    return np.asarray(basis @ turned[:, leading] * np.sqrt(np.maximum(strength[leading], 0.0)))


def weighed(texts: Sequence[str], analysers: Sequence[dict[str, Any]] = (WORDS, PIECES)) -> Any:
    """TF-IDF of what occurs in two rows or more, rows of length one, CSR float64[n, d]; d may be 0."""
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.preprocessing import normalize

    parts = []
    for options in analysers:
        hashed = HashingVectorizer(n_features=_HASHED, alternate_sign=False, norm=None, **options).transform(texts)
        kept = hashed[:, np.bincount(hashed.indices, minlength=_HASHED) >= _FEWEST_ROWS]
        if kept.shape[1]:
            parts.append(TfidfTransformer(sublinear_tf=True).fit_transform(kept))
    return normalize(sparse.hstack(parts).tocsr()) if parts else sparse.csr_matrix((len(texts), 0))


def _folds(contents: Sequence[bytes]) -> NDArray[np.int64]:
    """Distinct contents dealt into folds in the order of their hashes."""
    digests = np.frombuffer(b"".join(blake2b(content, digest_size=8).digest() for content in contents), ">u8")
    return np.unique(digests, return_inverse=True)[1].reshape(-1).astype(np.int64) % FOLDS
