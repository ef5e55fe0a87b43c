"""taught: what a project gives a model to learn from and to be judged by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.errors import TableError, did_you_mean, listed
from quorate.kept_model import cells_of, keys_of
from quorate.project import Data, Project
from quorate.standing import joined_gold
from quorate.training.inputs import Inputs, inputs_of
from quorate.training.judging import Judges, folds
from quorate.training.learner import Lesson
from quorate.training.lessons import Lessons
from quorate.training_sets.duplicates import first_of_each, near_duplicates
from quorate.training_sets.examples import column_of_text
from quorate.values import ABSTAIN
from quorate.voting import Fused, fused_anew

FEWEST_GOLD = 20
"""Fewer gold rows judge nothing and teach no model alone."""


@dataclass(frozen=True, eq=False)
class Settled:
    """What people said: `truth` int16[n], -1 where nobody did; `weight` float64[n], how many rows each judged row
    stands for, 0 where it was picked for being doubtful; `caveat` says what scores on them cannot say."""

    truth: NDArray[np.int16]
    weight: NDArray[np.float64]
    caveat: str = ""


def settled(data: Data) -> Settled:
    """What people said of the rows, an answer of a review before the gold column."""
    known = joined_gold(data.gold, data.reviewed)
    truth = np.full(len(data.rows), ABSTAIN, np.int16) if known is None else known.aligned(data.rows.ids)
    if data.gold is not None:
        return Settled(truth, (data.gold.aligned(data.rows.ids) != ABSTAIN).astype(np.float64))
    chance = dict(zip(data.reviewed.ids, data.reviewed.inclusion, strict=False)) if data.reviewed is not None else {}
    of_row = np.array([chance.get(row_id, 1.0) for row_id in data.rows.ids.to_pylist()], np.float64)
    if (of_row < 1).sum() >= FEWEST_GOLD:
        return Settled(truth, np.where(of_row < 1, 1 / of_row, 0.0))
    return Settled(
        truth,
        (truth != ABSTAIN).astype(np.float64),
        "the reviewed rows were picked for being doubtful, so scores are of such rows; review more of the rows that "
        "the queue draws at random, or set [gold]",
    )


@dataclass(frozen=True, eq=False)
class Taught:
    """What the rows of a project hold, say and were said to be."""

    project: Project
    made: Fused
    min_probability: float

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return _columns(self.project, self.made)

    @cached_property
    def reads(self) -> Literal["texts", "numbers"]:
        schema = self.made.data.rows.table.schema
        of_text = [name for name in self.columns if pa.types.is_string(schema.field(name).type)]
        if of_text and len(self.columns) > 1:
            raise TableError(f"train.columns are one column of texts or several of numbers; {of_text[0]!r} holds texts")
        return "texts" if of_text else "numbers"

    @cached_property
    def _cells(self) -> tuple[Any, NDArray[np.bool_]]:
        return cells_of(self.made.data.rows, self.columns, self.reads)

    @cached_property
    def inputs(self) -> Inputs:
        reads = self.project.settings.train.reads if self.reads == "texts" else "numbers"
        return inputs_of(self._cells[0], reads, self.sentences)

    @property
    def sentences(self) -> str:
        """The model of sentences: a folder of the project or of this machine, else a name as their package knows it."""
        name = self.project.settings.train.sentences
        places = (place for place in (self.project.folder / name, Path(name)) if name and place.is_dir())
        return next((str(place.resolve()) for place in places), name)

    @cached_property
    def clusters(self) -> NDArray[np.intp]:
        if self.reads == "texts":
            return near_duplicates(self._cells[0])
        return first_of_each(keys_of(self._cells[0]))

    @cached_property
    def settled(self) -> Settled:
        return settled(self.made.data)

    @cached_property
    def judges(self) -> Judges:
        fold = folds(self.made.data.rows.ids.to_pylist(), self.clusters)
        weight = self.settled.weight * self._cells[1]
        return Judges(self.settled.truth, weight, self.clusters, fold, len(self.project.space))

    @cached_property
    def lessons(self) -> Lessons:
        made, truth = self.made, self.settled.truth
        none = np.full(len(truth), ABSTAIN, np.int16)
        return Lessons(
            made.votes,
            made.labels,
            lambda gold: fused_anew(self.project, made, gold).labels,
            truth,
            none if made.data.anchors is None else made.data.anchors.aligned(made.data.rows.ids),
            self._cells[1],
            self.min_probability,
        )

    def lesson(self, name: str, seen: NDArray[np.bool_]) -> Lesson:
        """What the seen rows teach, by the name of a method of `Lessons`."""
        taught: Lesson = getattr(self.lessons, name)(seen)
        return taught


def _columns(project: Project, made: Fused) -> tuple[str, ...]:
    """The columns to read: those of [train], else the text column, else what [content] reads, else all numbers.

    Raises:
        TableError: there is no such column, or none to learn from.
    """
    settings, rows = project.settings, made.data.rows
    content = settings.content
    of_content = ((content.column,) if content.column else content.embeddings) if content else ()
    text = settings.data.text or column_of_text(rows)
    wanted = settings.train.columns or ((text,) if text else ()) or of_content
    for name in wanted:
        if name not in rows.columns:
            raise TableError(
                f"train: there is no column {name!r}; the columns are {listed(rows.columns)}."
                f"{did_you_mean(name, rows.columns)}"
            )
    found = wanted or tuple(name for name in rows.columns if _is_number(rows.table.schema.field(name).type))
    if not found:
        raise TableError("train: which columns are to be read? Name them in quorate.toml: [train] columns = [...]")
    return found


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))
