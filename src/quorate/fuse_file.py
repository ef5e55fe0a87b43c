"""fuse_file: votes in Parquet files in, labels in a Parquet file out, in two passes and bounded memory.

The first pass counts vote patterns and fits the label model, the second looks every row up and writes it. Where there
can be more patterns than a table of them holds, the model is fitted on rows that are drawn by a hash of their number
(gold rows always), and judges every row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from quorate.errors import TableError
from quorate.fuse import fit, name_of
from quorate.packing import distinct, fits_table, looked_up, scrambled
from quorate.patterns import VotePatterns
from quorate.protocols import FittedLabelModel, LabelModel
from quorate.store import write_atomically
from quorate.values import ABSTAIN, Labels, LabelSpace
from quorate.vote_files import VoteFile, VotePart

# Where patterns are not counted in a table: votes of the rows that the label model is fitted on.
_MOST_CELLS = 1 << 25


@dataclass(frozen=True, slots=True)
class FusedFile:
    """What became of a table of votes: `rows` with a label by its name, "undecided" ones, and those with votes.

    `learned` rows taught the label model, of `patterns` distinct vote patterns; `balance` is the class balance that it
    estimated.
    """

    path: Path
    label_model: str
    rows: int
    covered: int
    learned: int
    patterns: int
    distribution: dict[str, int]
    balance: dict[str, float]


def fuse_file(
    votes: Path | str,
    to: Path | str,
    labels: Any,
    *,
    id: str | None = None,
    gold: str | None = None,
    model: str | LabelModel = "quorum",
) -> FusedFile:
    """Writes the labels of a table of votes, whole or not at all: the label, whether anybody voted, probabilities.

    The file has the rows in their order: the column of ids if one is named, `label` (null where nobody voted or the
    best labels tie), `covered`, and `p_<label>` float32 for each label.

    Args:
        votes: a Parquet file, or a folder of them. Every column but `id` and `gold` is a source; a vote is a label's
            name or int, and null, "" and -1 abstain.
        labels: the label names in order, or a LabelSpace.
        gold: the column of labels that people gave; they anchor the model, and their rows keep them.

    Raises:
        TableError: no such file or column, or a damaged one.
        LabelError: a vote that is no label.
    """
    table = VoteFile.open(votes, labels, id, gold)
    if Path(to).resolve() in [path.resolve() for path in table.paths]:
        raise TableError(f"{to} holds the votes; name another file for the labels")
    patterns = _counted(table)
    fitted = fit(patterns, model)
    tally: Counter[str] = Counter()
    judge = _judge(patterns, fitted, name_of(model))

    def write(beside: Path) -> None:
        schema = _schema(table)
        with parquet.ParquetWriter(beside, schema, compression="zstd", use_dictionary=["label"]) as writer:
            for part in table.parts(ids=True):
                writer.write_table(_written(part, judge, schema, table.space, tally))

    write_atomically(Path(to), write)
    names, learned = table.space.names, int(patterns.counts.sum())
    distribution = {name: tally[name] for name in (*names, "undecided")}
    balance = dict(zip(names, np.asarray(fitted.prior).tolist(), strict=True))
    return FusedFile(
        Path(to), name_of(model), table.rows, tally["covered"], learned, len(patterns), distribution, balance
    )


def fused_file(done: FusedFile) -> dict[str, Any]:
    """The same as a documented object."""
    return {
        "schema": "quorate.fuse_file/1",
        "file": str(done.path),
        "label_model": done.label_model,
        "rows": done.rows,
        "covered": done.covered,
        "learned": done.learned,
        "patterns": done.patterns,
        "distribution": done.distribution,
        "prior": done.balance,
    }


def _counted(table: VoteFile) -> VotePatterns:
    """The vote patterns of all rows where a table holds all there can be, else those of rows that are drawn."""
    if fits_table(len(table.sources), len(table.space)):
        total = _patterns(table, np.zeros((0, len(table.sources)), np.int16), None)
        for part in table.parts():
            total = total + _patterns(table, part.matrix, part.gold)
        return total
    drawn = [_drawn(part, _MOST_CELLS / max(table.rows * len(table.sources), 1)) for part in table.parts()]
    matrix = np.concatenate([matrix for matrix, _ in drawn] or [np.zeros((0, len(table.sources)), np.int16)])
    gold = np.concatenate([gold for _, gold in drawn if gold is not None] or [np.zeros(0, np.int16)])
    return _patterns(table, matrix, gold if table.gold else None)


def _drawn(part: VotePart, share: float) -> tuple[NDArray[np.int16], NDArray[np.int16] | None]:
    """The votes and gold of this share of the rows, and of all gold rows."""
    if share >= 1:
        return part.matrix, part.gold
    chosen = scrambled([np.arange(part.first, part.first + len(part))]) < share
    if part.gold is not None:
        chosen |= part.gold != ABSTAIN
    return part.matrix[chosen], None if part.gold is None else part.gold[chosen]


def _patterns(table: VoteFile, matrix: NDArray[np.int16], gold: NDArray[np.int16] | None) -> VotePatterns:
    found, k = distinct(matrix, len(table.space)), len(table.space)
    settled = np.zeros((len(found.matrix), k), np.int64)
    if gold is not None:
        known = gold != ABSTAIN
        np.add.at(settled, (found.where[known], gold[known]), 1)
    return VotePatterns(table.space, table.sources, found.matrix, found.counts, settled)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Of `rows` of a part: `hard` int16 labels, `probs` float32[n, k], `covered` bool[n]."""

    hard: NDArray[np.int16]
    probs: NDArray[np.float32]
    covered: NDArray[np.bool_]


def _judge(patterns: VotePatterns, fitted: FittedLabelModel, name: str) -> Callable[[NDArray[np.int16]], _Judged]:
    """How rows of votes int16[n, m] are judged: by a table of all patterns, or each on its own."""

    def judged(matrix: NDArray[np.int16]) -> _Judged:
        covered = np.asarray((matrix != ABSTAIN).any(axis=1))
        numbers = pa.array(np.arange(len(matrix))).cast(pa.string())
        labels = Labels(patterns.space, numbers, fitted.probabilities(matrix), covered, name)
        return _Judged(labels.hard, labels.probs.astype(np.float32), covered)

    if not fits_table(len(patterns.sources), len(patterns.space)):
        return judged
    known, place = judged(patterns.matrix), looked_up(patterns.matrix, len(patterns.space))

    def recalled(matrix: NDArray[np.int16]) -> _Judged:
        where = place(matrix)
        return _Judged(known.hard.take(where), known.probs.take(where, axis=0), known.covered.take(where))

    return recalled


def _schema(table: VoteFile) -> pa.Schema:
    head = parquet.read_schema(table.paths[0])
    fields = [] if table.id is None else [head.field(table.id)]
    label = pa.field("label", pa.dictionary(pa.int16(), pa.string()))
    probs = [pa.field(f"p_{name}", pa.float32()) for name in table.space.names]
    return pa.schema([*fields, label, pa.field("covered", pa.bool_()), *probs])


def _written(
    part: VotePart, judge: Callable[[NDArray[np.int16]], _Judged], schema: pa.Schema, space: LabelSpace, tally: Any
) -> pa.Table:
    found = judge(part.matrix)
    hard, probs, covered = found.hard, found.probs, found.covered
    if part.gold is not None:
        known = part.gold != ABSTAIN
        hard, covered = np.where(known, part.gold, hard), covered | known
        probs[known] = np.eye(len(space), dtype=np.float32)[part.gold[known]]
    counts = np.bincount(hard + 1, minlength=len(space) + 1).tolist()
    tally.update(dict(zip(("undecided", *space.names), counts, strict=True)) | {"covered": int(covered.sum())})
    names = pa.DictionaryArray.from_arrays(pa.array(hard, mask=hard == ABSTAIN), pa.array(space.names))
    columns: Iterator[Any] = (np.ascontiguousarray(probs[:, y]) for y in range(len(space)))
    ids = [] if part.ids is None else [part.ids]
    return pa.Table.from_arrays([*ids, names, pa.array(covered), *map(pa.array, columns)], schema=schema)
