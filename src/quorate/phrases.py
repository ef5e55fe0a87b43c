"""phrases: the words and phrases of texts, and which rows hold which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORD = r"(?u)[^\W_]+(?:['\u2019][^\W_]+)*"
_MOST = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Phrases:
    """`names` in lower case, in alphabetical order; `table` CSC int8[n, p], 1 where a row holds the phrase."""

    names: tuple[str, ...]
    table: Any

    @staticmethod
    def of(texts: Sequence[str], longest: int = 1, fewest: int = 2) -> Phrases:
        """The phrases of up to `longest` words that at least `fewest` texts hold; the most common 50,000 of them."""
        from scipy import sparse
        from sklearn.feature_extraction.text import CountVectorizer

        reader = CountVectorizer(
            binary=True,
            ngram_range=(1, longest),
            min_df=fewest,
            max_features=_MOST,
            token_pattern=WORD,
            dtype=np.int8,
        )
        # The reader refuses texts that hold no phrase often enough.
        anchored = [*texts, *["quorate"] * fewest]
        table = reader.fit_transform(anchored)[: len(texts)].tocsc()
        names = reader.get_feature_names_out()
        kept = np.flatnonzero(table.getnnz(axis=0) >= fewest)
        return Phrases(tuple(names[kept].tolist()), sparse.csc_matrix(table[:, kept]))

    def rows(self, phrase: int) -> NDArray[np.intp]:
        """The places of the rows that hold a phrase, intp[r]."""
        begin, end = self.table.indptr[phrase : phrase + 2]
        return np.asarray(self.table.indices[begin:end], np.intp)
