"""Candidates from a plain table of labels that somebody already has: a column for each source, and one for gold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from quorate.comparing.candidates import Asked, Candidates, Settled, check_names
from quorate.comparing.grouped import groups_of
from quorate.errors import LabelError, TableError, did_you_mean, listed
from quorate.ranking.drawing import lottery
from quorate.rows import Rows
from quorate.values import ABSTAIN, LabelSpace, Status, Votes

_MOST_LABELS = 1_000
_SEPARATOR = "|"


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what. `sources` are compared, `others` only help; `again`, `confidence` and
    `usd_per_1000` are by source; a cell of `gold` with `a|b` holds two labels that both fit; `second` is what another
    person said; rows with the same cell of `group` belong together.
    """

    sources: tuple[str, ...]
    gold: str | None = None
    second: str | None = None
    text: str | None = None
    id: str | None = None
    others: tuple[str, ...] = ()
    again: Mapping[str, str] = field(default_factory=dict)
    confidence: Mapping[str, str] = field(default_factory=dict)
    usd_per_1000: Mapping[str, float] = field(default_factory=dict)
    group: str | None = None

    @property
    def votes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.sources, *self.again.values(), *self.others)))

    @property
    def every(self) -> tuple[str, ...]:
        named = (*self.votes, self.gold, self.second, self.text, self.id, self.group, *self.confidence.values())
        return tuple(name for name in named if name is not None)


def tabled(
    table: Any,
    columns: Columns,
    *,
    title: str = "labels",
    labels: Sequence[str] | None = None,
    sampled: str = "",
    answers: pa.Table | None = None,
) -> Candidates:
    """The candidates of a table (anything that `Rows` reads); an empty cell is no answer, and no gold.

    Args:
        labels: the labels there are; None: every value that is found. What a source says beside them is a failure.
        sampled: how gold rows were chosen, `random` or `strata`; empty where that is not known.
        answers: what people answered in a list of rows to settle, columns `id` and `gold`, in the order of answering.

    Raises:
        TableError: a column that is not there, or holds no labels.
        LabelError: fewer than two labels, or a gold label that is not among those given.
    """
    rows = Rows.of(table, columns.id)
    _check(rows, columns)
    texts = {name: _texts(rows, name) for name in columns.votes}
    gold = None if columns.gold is None else _gold(rows, columns.gold)
    answered = None if answers is None else answers_of(answers, rows)
    space = _space(texts, [each for each in (gold, answered and answered[1]) if each is not None], labels)
    matrix = np.stack([_coded(text, space) for text in texts.values()], axis=1)
    said = np.stack([~_is_empty(text) for text in texts.values()], axis=1)
    status = np.where(matrix != ABSTAIN, Status.VOTED, np.where(said, Status.SKIPPED, Status.ABSTAINED)).astype(
        np.uint8
    )
    votes = Votes(space, rows.ids, columns.votes, ("model",) * len(texts), matrix, status, _confidence(rows, columns))
    settled = _settled(gold, space, sampled)
    if answered is not None:
        settled = settled.then(_settled(answered[1], space, sampled, answered[0]), lottery(rows.ids))
    used = {*columns.votes, columns.gold, columns.second, *columns.confidence.values()}
    kept = Rows(rows.table.drop_columns([name for name in rows.columns if name in used]), rows.ids)
    return Candidates(
        title,
        kept,
        votes,
        columns.sources,
        settled
        if answered is None
        else settled.then(_settled(answered[1], space, sampled, answered[0]), lottery(rows.ids)),
        columns.text,
        dict(columns.again),
        _asked(columns, len(rows), texts, matrix),
        second=None if columns.second is None else _coded(_texts(rows, columns.second), space),
        groups=None if columns.group is None else groups_of(rows, columns.group),
    )


def _asked(columns: Columns, rows: int, texts: Mapping[str, Any], matrix: NDArray[np.int16]) -> dict[str, Asked]:
    found = {}
    for place, name in enumerate(texts):
        unknown = int(((matrix[:, place] == ABSTAIN) & ~_is_empty(texts[name])).sum())
        price = columns.usd_per_1000.get(name)
        reasons = {"unknown_label": unknown} if unknown else {}
        if reasons or price is not None:
            found[name] = Asked(reasons=reasons, usd=None if price is None else price * rows / 1000)
    return found


def _check(rows: Rows, columns: Columns) -> None:
    for name in columns.every:
        if name not in rows.columns:
            hint = did_you_mean(name, rows.columns)
            raise TableError(f"there is no column {name!r}; the columns are {listed(rows.columns)}.{hint}")
    check_names(columns.sources, rows.columns)
    for name in (*columns.again, *columns.confidence, *columns.usd_per_1000):
        check_names((name, *(other for other in columns.sources if other != name)), columns.votes)
    if columns.gold in columns.votes:
        raise TableError(f"column {columns.gold!r} cannot be gold and be compared with it")


def _texts(rows: Rows, name: str) -> pa.DictionaryArray:
    """A column as texts, each distinct one once."""
    column = rows.arrow(name)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        trimmed = compute.utf8_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowException:
        raise TableError(f"column {name!r} holds {column.type}; labels are texts or numbers") from None
    return trimmed.dictionary_encode()


def _gold(rows: Rows, name: str) -> pa.DictionaryArray:
    cells = _texts(rows, name)
    if not any(cells.dictionary.to_pylist()):
        raise TableError(f"gold column {name!r} holds no label")
    return cells


def answers_of(answers: pa.Table, rows: Rows) -> tuple[NDArray[np.intp], pa.DictionaryArray]:
    """Where the answered rows of a list stand among the rows, and what was answered.

    Raises:
        TableError: no columns `id` and `gold`, a row twice, or one that is not there.
    """
    for name in ("id", "gold"):
        if name not in answers.column_names:
            there = listed(answers.column_names)
            raise TableError(f"answers have columns 'id' and 'gold', as `--to-review` writes them; there are {there}")
    listed_rows = Rows.of(answers, "id")
    place = {row_id: at for at, row_id in enumerate(rows.ids.to_pylist())}
    ids = listed_rows.ids.to_pylist()
    strange = [row_id for row_id in ids if row_id not in place]
    if strange:
        raise TableError(
            f"{len(strange)} of {len(ids)} answers are about rows that are not there: {listed(strange[:5])}; "
            "the ids of both files must be the same (`--id`)"
        )
    return np.array([place[row_id] for row_id in ids], np.intp), _gold(listed_rows, "gold")


def _is_empty(text: pa.DictionaryArray) -> NDArray[np.bool_]:
    words = np.array([word == "" for word in text.dictionary.to_pylist()] + [True])
    return np.asarray(words[_indices(text)])


def _indices(text: pa.DictionaryArray) -> NDArray[np.int64]:
    """The place of each cell's word in the dictionary; the place behind the last where it is null."""
    return np.asarray(compute.fill_null(text.indices, len(text.dictionary)).to_numpy(zero_copy_only=False), np.int64)


def _space(texts: Mapping[str, Any], settled: Sequence[Any], labels: Sequence[str] | None) -> LabelSpace:
    if labels is not None:
        return LabelSpace(tuple(labels))
    found: set[str] = set()
    for name, text in texts.items():
        words = [word for word in text.dictionary.to_pylist() if word]
        if len(words) > _MOST_LABELS:
            raise TableError(f"column {name!r} holds {len(words):,} different values: those are no labels")
        found.update(words)
    # A value that holds the separator is one label where a source says it, too.
    said = frozenset(found)
    for cells in settled:
        for word in cells.dictionary.to_pylist():
            found.update(part.strip() for part in ([word] if word in said else word.split(_SEPARATOR)))
    found.discard("")
    if len(found) < 2:
        raise LabelError(f"there is one label or none ({listed(sorted(found))}), so there is nothing to compare")
    return LabelSpace(_unfolded(found))


def _unfolded(found: set[str]) -> tuple[str, ...]:
    """The labels in order; of those that differ only in case or spaces, the first."""
    by_look: dict[str, str] = {}
    for word in sorted(found):
        by_look.setdefault(" ".join(word.split()).casefold(), word)
    return tuple(by_look.values())


def _coded(text: pa.DictionaryArray, space: LabelSpace) -> NDArray[np.int16]:
    """The label of each cell, int16[n], -1 where it is empty or no label."""
    return np.asarray(
        np.array([*(_code(w, space) for w in text.dictionary.to_pylist()), ABSTAIN], np.int16)[_indices(text)]
    )


def _code(word: str, space: LabelSpace) -> int:
    try:
        return space.index(word) if word else ABSTAIN
    except LabelError:
        return ABSTAIN


def _settled(gold: Any, space: LabelSpace, sampled: str, places: NDArray[np.intp] | None = None) -> Settled:
    """The rows with a label in `gold`, which stand at `places`; every row where there are none."""
    if gold is None:
        return Settled(np.zeros(0, np.intp), np.zeros((0, len(space)), bool))
    words = gold.dictionary.to_pylist()
    fits = np.zeros((len(words) + 1, len(space)), bool)
    for i, word in enumerate(words):
        parts = [word] if _code(word, space) != ABSTAIN else word.split(_SEPARATOR)
        for part in parts:
            if part.strip():
                fits[i, space.index(part)] = True
    labelled = np.flatnonzero(~_is_empty(gold))
    position = labelled if places is None else places[labelled]
    return Settled(position, fits[_indices(gold)[labelled]], sampled=sampled)


def _confidence(rows: Rows, columns: Columns) -> NDArray[np.float32] | None:
    if not columns.confidence:
        return None
    matrix = np.full((len(rows), len(columns.votes)), np.nan, np.float32)
    for source, name in columns.confidence.items():
        try:
            numbers = rows.arrow(name).cast(pa.float32())
        except pa.ArrowException:
            raise TableError(f"column {name!r} is to be a certainty from 0 to 1, and does not hold numbers") from None
        matrix[:, columns.votes.index(source)] = compute.fill_null(numbers, np.nan).to_numpy(zero_copy_only=False)
    return matrix
