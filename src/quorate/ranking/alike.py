"""alike: rows that read the same to a person, and how long a row takes to read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quorate.rows import Rows

# Silent reading of English takes 238 words a minute (M. Brysbaert, Journal of Memory and Language 109, 2019).
_WORDS_A_SECOND = 238 / 60
_DECISION_S = 2.0
_LONGEST_S = 120.0


def reading_s(rows: Rows) -> NDArray[np.float64]:
    """How long a person takes over each row, in seconds: its texts read once, and a decision; float64[n]."""
    words = np.zeros(len(rows))
    for text in text_columns(rows):
        spaces = pc.count_substring(pc.fill_null(text, ""), " ")
        words += np.asarray(spaces, np.float64) + 1
    return np.minimum(_DECISION_S + words / _WORDS_A_SECOND, _LONGEST_S)


def same_reading(rows: Rows) -> NDArray[np.intp]:
    """A number for each row, intp[n]; rows share it when their texts differ in case, digits and punctuation alone.

    Rows without any letter in any text are like no other row.
    """
    alone = np.arange(len(rows), dtype=np.intp)
    texts = [_essence(text) for text in text_columns(rows)]
    if not texts or not len(rows):
        return alone
    joined = pc.binary_join_element_wise(*texts, "\n")
    codes = np.asarray(joined.dictionary_encode().indices, np.intp)
    empty = np.asarray(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(joined)), 0), bool)
    return np.where(empty, alone + len(rows), codes).astype(np.intp)


def text_columns(rows: Rows) -> list[pa.Array]:
    """The columns of texts."""
    columns = [rows.arrow(name) for name in rows.columns]
    return [column for column in columns if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)]


def _essence(text: pa.Array) -> pa.Array:
    lowered = pc.utf8_lower(pc.fill_null(text, "").cast(pa.string()))
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(lowered, r"[^\pL\pM]+", " "))
