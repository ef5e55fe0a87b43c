"""similar: which rows read the same but for case, signs, spaces, links and numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quorate.rows import Rows

_FOLDS = ((r"https?://\S+|www\.\S+", " "), (r"\pN+", "0"), (r"[^\pL\pN\pM]+", " "))


class Similar:
    """Groups of near-identical rows, by the main text or, without one, by every cell."""

    def __init__(self, rows: Rows, text: str | None) -> None:
        self._group = _groups(rows, text)
        self._order = np.argsort(self._group, kind="stable")
        self._sorted = self._group[self._order]

    def others(self, at: int) -> NDArray[np.intp]:
        """The places of the rows that read as this one does, without it, in the order of the rows."""
        low, high = np.searchsorted(self._sorted, [self._group[at], self._group[at] + 1])
        found = self._order[low:high]
        return np.asarray(found[found != at], np.intp)


def _groups(rows: Rows, text: str | None) -> NDArray[np.int64]:
    """The number of each row's group, int64[n]; rows with nothing to compare are groups of their own."""
    keys = _folded(rows.arrow(text)) if text and _is_text(rows.arrow(text)) else None
    if keys is None:
        _, group = np.unique(rows.keys(None), return_inverse=True)
        return np.asarray(group.reshape(-1), np.int64)
    group = keys.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    says_nothing = pc.equal(pc.utf8_length(keys), 0).to_numpy(zero_copy_only=False)
    group[says_nothing] = len(group) + np.flatnonzero(says_nothing)
    return np.asarray(group)


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _folded(column: pa.Array) -> pa.Array:
    folded = pc.utf8_lower(pc.fill_null(column, ""))
    for pattern, put in _FOLDS:
        folded = pc.replace_substring_regex(folded, pattern, put)
    return pc.utf8_trim_whitespace(folded)
