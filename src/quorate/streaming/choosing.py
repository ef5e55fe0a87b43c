"""choosing: which rows of a table that need not fit into memory are exported, once they voted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.assemble import HELD_OUT, MOST_TESTED
from quorate.choosing import Chosen, Sums, settled_of, voters_of
from quorate.errors import TableError
from quorate.fuse import fit
from quorate.patterns import VotePatterns
from quorate.project import Project
from quorate.reporting.sums import labels_of
from quorate.rows import Rows
from quorate.streaming.labels import Teller, fitted_teller, voted
from quorate.streaming.looking import Looked
from quorate.streaming.spill import Passed, Spill
from quorate.streaming.voting import Folded
from quorate.training_sets.examples import column_of_text, text_column
from quorate.training_sets.spreading import Spread, Spreading
from quorate.training_sets.twins import Part, Twins, hashes
from quorate.values import ABSTAIN, Gold, Labels, TrainingSet, Votes
from quorate.wanted import Wanted, accuracy, cleaned, least_probability

Ints = NDArray[np.intp]
TOGETHER = (
    "rows whose texts differ in case, punctuation and spaces alone are in one split together; the table is read a "
    "partition at a time, so other near-duplicates may be in two"
)


@dataclass(frozen=True, eq=False)
class Labelled:
    """The rows of a project after they voted: on the disk, with who tells their labels."""

    project: Project
    wanted: Wanted
    looked: Looked
    families: tuple[str, ...]
    patterns: VotePatterns
    spill: Spill
    teller: Teller

    @staticmethod
    def of(
        project: Project, wanted: Wanted, looked: Looked, families: tuple[str, ...], told: tuple[Folded, Spill]
    ) -> Labelled:
        """With the label model fitted on what was folded."""
        folded, spill = told
        patterns = folded.patterns
        _, teller = fitted_teller(project, looked.data, patterns, folded.levels, spill)
        return Labelled(project, wanted, looked, families, patterns, spill, teller)

    def parts(self) -> Iterator[tuple[int, Passed, Ints]]:
        """Each partition with how many rows stand before it, and the sort of each row."""
        first = 0
        for passed in self.spill:
            yield first, passed, self.teller.sorts.at(passed)
            first += len(passed)

    def votes(self, passed: Passed) -> Votes:
        """Who voted what, and no more."""
        return voted(self.patterns, self.families, passed.ids, passed.matrix[passed.where])

    def blind(self) -> Labels:
        """The labels of the gold rows, by a label model that has seen no gold."""
        data, sorts = self.looked.data, self.teller.sorts
        probs = None
        if data.anchors:
            unanchored = replace(self.patterns, gold=np.zeros_like(self.patterns.gold))
            probs = sorts.unsettled(fit(unanchored, self.project.label_model))
        k, model = len(self.patterns.space), self.teller.model
        parts = [Labels(self.patterns.space, pa.array([], pa.string()), np.zeros((0, k)), np.zeros(0, bool), model)]
        if data.gold is None:
            return parts[0]
        for _, passed, sort in self.parts():
            labels = self.teller.labels(passed, sort)
            if probs is not None:
                labels = replace(labels, probs=probs[sort], covered=self.votes(passed).covered)
            parts.append(labels_of(labels, np.flatnonzero(data.gold.aligned(passed.ids) != ABSTAIN)))
        return joined_labels(parts)

    def column(self) -> str:
        """The column whose texts decide which rows are alike, "" where none can be told."""
        empty = self.empty()
        if self.text:
            return text_column(empty)
        if "text" in empty.rows.columns:
            return "text"
        names = {column_of_text(rows) for _, rows in self.looked.intake.partitions() if len(rows)}
        return names.pop() if len(names) == 1 else ""

    def empty(self) -> TrainingSet:
        """The training set without its rows."""
        rows, k = self.rows(self.looked.intake.rows(self.looked.intake.scan.schema.empty_table(), 0)), self.patterns
        return TrainingSet(
            self.patterns.space,
            rows,
            np.zeros(0, np.int16),
            np.zeros((0, len(k.space))),
            np.zeros(0),
            (),
            (),
            self.project.name,
            self.text,
            facts={"label_model": self.teller.model},
        )

    def rows(self, rows: Rows) -> Rows:
        """The rows with clean texts, where these are wanted."""
        return cleaned(rows, self.text) if self.wanted.clean_text else rows

    @property
    def text(self) -> str:
        """The column to learn from, where one was named."""
        return self.wanted.text or self.project.settings.data.text or ""


def joined_labels(parts: list[Labels]) -> Labels:
    """The labels of rows that come one part after another."""
    probs, covered = (np.concatenate([getattr(part, name) for part in parts]) for name in ("probs", "covered"))
    return Labels(parts[0].space, pa.concat_arrays([part.ids for part in parts]), probs, covered, parts[0].model)


@dataclass(frozen=True, eq=False)
class Choice:
    """Which rows are exported, with what weight, in which split; `facts` are for the card."""

    labelled: Labelled
    twins: Twins
    spread: Spread
    golds: tuple[Gold | None, ...]
    least: float
    sums: Sums
    facts: dict[str, Any]

    @staticmethod
    def of(labelled: Labelled, folder: Path) -> Choice:
        """What all rows have to be looked at for; `folder` holds eight bytes of each."""
        data, wanted = labelled.looked.data, labelled.wanted
        blind = labelled.blind()
        least, policy = least_probability(wanted, blind, data.gold)
        twins = Twins.of(_hashes(labelled, folder / "texts"))
        held_out = None if data.anchors else data.gold
        tested = _tested(labelled, twins, held_out)
        golds = (data.anchors, held_out if len(tested) else None)
        spreading, sums = Spreading(len(labelled.patterns.space), tested), None
        for passed, labels, chosen, part in _chosen(labelled, twins, golds, least):
            spreading.add(part.of(chosen.keep), chosen.hard[chosen.keep])
            here = Sums.of(labels, chosen, labelled.votes(passed))
            sums = here if sums is None else sums + here
        assert sums is not None, "there is at least one partition"
        facts: dict[str, Any] = {
            **policy,
            "label_model": labelled.teller.model,
            "weights": "the probability of the label" + (", every label weighing the same in all" * wanted.balance),
            "splits": f"{TOGETHER}{HELD_OUT * bool(len(tested))}",
            "accuracy": accuracy(sums.believed, blind, data.gold, least),
            **sums.facts(labelled.patterns.sources, labelled.families),
            **({"licence": wanted.licence} if wanted.licence else {}),
        }
        return Choice(labelled, twins, spreading.spread(), golds, least, sums, facts)

    def parts(self) -> Iterator[TrainingSet]:
        """The training set, a partition at a time.

        Raises:
            TableError: the data is not what was voted on.
        """
        labelled, empty = self.labelled, self.labelled.empty()
        voted_on = _chosen(labelled, self.twins, self.golds, self.least)
        partitions = labelled.looked.intake.partitions()
        for (_, rows), (passed, _, chosen, part) in zip(partitions, voted_on, strict=True):
            if not rows.ids.equals(passed.ids):
                raise TableError("the data has changed while it was exported; export again")
            keep = chosen.keep
            shown = labelled.rows(rows)
            yield replace(
                empty,
                rows=Rows(shown.table.take(pa.array(keep)), shown.ids.take(pa.array(keep))),
                labels=chosen.hard[keep].astype(np.int16),
                probs=chosen.probs[keep],
                weights=self.sums.weights(chosen, labelled.wanted.balance),
                split=self.spread.splits(part.of(keep)),
                provenance=chosen.provenance,
                voters=voters_of(labelled.votes(passed), chosen),
            )


def _chosen(
    labelled: Labelled, twins: Twins, golds: tuple[Gold | None, ...], least: float
) -> Iterator[tuple[Passed, Labels, Chosen, Part]]:
    for first, passed, sort in labelled.parts():
        labels = labelled.teller.labels(passed, sort)
        chosen = Chosen.of(labels, settled_of(passed.ids, *golds), least)
        yield passed, labels, chosen, twins.part(first, passed.ids)


def _hashes(labelled: Labelled, path: Path) -> NDArray[np.uint64] | None:
    """The hash of each row's text, on the disk; None where no column holds texts, or there are no rows."""
    column = labelled.column()
    if not column or not labelled.looked.intake.total:
        return None
    with path.open("wb") as file:
        for _, rows in labelled.looked.intake.partitions():
            cells = labelled.rows(rows).stored(column)
            file.write(hashes("" if cell is None else str(cell) for cell in cells).tobytes())
    return np.memmap(path, np.uint64, "r")


def _tested(labelled: Labelled, twins: Twins, held_out: Gold | None) -> Ints:
    """The clusters that hold gold to test on, in order; none where that would leave too little to train on."""
    found, sizes, first = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], 0
    if held_out is None:
        return found[0]
    for passed in labelled.spill:
        at = np.flatnonzero(held_out.aligned(passed.ids) != ABSTAIN)
        cluster, size = twins.clusters(first, first + len(passed))
        found.append(cluster[at])
        sizes.append(size[at])
        first += len(passed)
    tested, one = np.unique(np.concatenate(found), return_index=True)
    share = int(np.concatenate(sizes)[one].sum()) / first if first else 0.0
    return tested if share <= MOST_TESTED else tested[:0]
