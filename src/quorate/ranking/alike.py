"""alike: rows that read the same to a person, and how long a row takes to read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quorate.rows import Rows

# Silent reading of English takes 238 words a minute (M. Brysbaert, Journal of Memory and Language 109, 2019).
_WORDS_A_SECOND = 238 / 60
_DECISION_S = 2.0
_LONGEST_S = 120.0
_FOLDS = ((r"https?://\S+|www\.\S+", " "), (r"\pN+", "0"), (r"[^\pL\pN\pM]+", " "))


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What rows are to a person: `groups` intp[n], from 0 on, shared by rows that read alike; `seconds` float64[n]."""

    groups: NDArray[np.intp]
    seconds: NDArray[np.float64]

    @staticmethod
    def of(rows: Rows) -> Reading:
        """By every text of a row."""
        return Reading(same_reading(rows), reading_s(rows))

    @property
    def minutes(self) -> NDArray[np.float64]:
        """The same as `seconds`, in minutes."""
        return self.seconds / 60


def reading_s(rows: Rows) -> NDArray[np.float64]:
    """How long a person takes over each row, in seconds: its texts read once, and a decision; float64[n]."""
    words = np.zeros(len(rows))
    for text in text_columns(rows):
        spaces = pc.count_substring(pc.fill_null(text, ""), " ")
        words += np.asarray(spaces, np.float64) + 1
    return np.minimum(_DECISION_S + words / _WORDS_A_SECOND, _LONGEST_S)


def same_reading(rows: Rows, text: str | None = None) -> NDArray[np.intp]:
    """A number for each row, intp[n], from 0 on, by the column `text`, or by every text of a row.

    Rows share it when these differ in case, links, punctuation and in which numbers they name alone. Rows without any
    letter are like no other row.
    """
    columns = text_columns(rows) if text is None else [rows.arrow(text)]
    alone = np.arange(len(rows), dtype=np.intp)
    if not columns or not len(rows):
        return alone
    joined = pc.binary_join_element_wise(*(_essence(column) for column in columns), "\n")
    codes = np.asarray(joined.dictionary_encode().indices, np.intp)
    silent = ~np.asarray(pc.match_substring_regex(joined, r"\pL"), bool)
    return np.unique(np.where(silent, alone + len(rows), codes), return_inverse=True)[1].reshape(-1).astype(np.intp)


def text_columns(rows: Rows) -> list[pa.Array]:
    """The columns of texts."""
    columns = [rows.arrow(name) for name in rows.columns]
    return [column for column in columns if is_text(column)]


def is_text(column: pa.Array) -> bool:
    """Whether a column holds texts."""
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _essence(text: pa.Array) -> pa.Array:
    folded = pc.utf8_lower(pc.fill_null(text, "").cast(pa.string()))
    for pattern, put in _FOLDS:
        folded = pc.replace_substring_regex(folded, pattern, put)
    return pc.utf8_trim_whitespace(folded)
