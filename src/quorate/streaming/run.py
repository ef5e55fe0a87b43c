"""run: labels, queue and report of a table that need not fit into memory, once its rows voted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.ask import Progress
from quorate.asking.desk import DeskSettings
from quorate.connections import check_keys
from quorate.estimating.survey import Survey, survey
from quorate.fuse import fit
from quorate.patterns import VotePatterns
from quorate.project import Data, Project
from quorate.protocols import FittedLabelModel
from quorate.rank import rank
from quorate.ranking.drawing import lottery
from quorate.ranking.sieve import Sieve
from quorate.reporting.report import QUEUE_SHOWN, Counted, queue_entry, report_of
from quorate.reporting.sums import LabelSums, Settled
from quorate.rows import Rows
from quorate.run_files import growing, labels_schema, labels_table, queue_table, votes_schema, votes_table, write_whole
from quorate.shortlist import Outlook, queue_among
from quorate.streaming.labels import Sorts, Teller, fitted_teller, voted
from quorate.streaming.looking import Looked, look
from quorate.streaming.spill import Passed, Spill, spilling
from quorate.streaming.voting import Folded, Voting, vote_through
from quorate.told import measures, spent, with_answers
from quorate.trust.doubt import estimate_accuracy
from quorate.values import ABSTAIN, Labels, Queue, Votes

Ints = NDArray[np.intp]


def run_streamed(
    project: Project, folder: Path, progress: Progress | None, retry_failed: bool, offline: bool
) -> dict[str, Any]:
    """Writes votes, labels and queue into the folder; gives the report."""
    if not offline:
        check_keys(project.endpoints)
    desk = replace(project.desk, rules=replace(project.desk.rules, is_offline=offline, asks_again=retry_failed))
    looked = look(project)
    voting = Voting.of(project, looked, desk, retry_failed, progress)
    with spilling(project.state / "runs") as beside, Spill(beside / "rows") as spill:
        names = tuple(source.name for source in voting.sources)
        with growing(beside / "votes.parquet", votes_schema(names)) as add:
            folded = vote_through(voting, lambda votes: add(votes_table(votes)), spill)
        families = tuple(source.family for source in voting.sources)
        numbers = _Second.of(project, looked, folded, families, spill).finish(beside, desk)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("votes.parquet", "labels.parquet", "queue.parquet"):
            (beside / name).replace(folder / name)
    return numbers


@dataclass
class _Gathered:
    """What the second pass takes with it."""

    sums: LabelSums | None = None
    settled: list[Settled] = field(default_factory=list)
    votes: list[Votes] = field(default_factory=list)
    labels: list[Labels] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Second:
    """The second pass: over what the first kept of each row."""

    project: Project
    looked: Looked
    folded: Folded
    patterns: VotePatterns
    families: tuple[str, ...]
    fitted: FittedLabelModel
    spill: Spill
    sorts: Sorts
    teller: Teller

    @staticmethod
    def of(project: Project, looked: Looked, folded: Folded, families: tuple[str, ...], spill: Spill) -> _Second:
        """With the label model fitted on the patterns."""
        patterns = folded.patterns
        fitted, teller = fitted_teller(project, looked.data, patterns, folded.levels, spill)
        return _Second(project, looked, folded, patterns, families, fitted, spill, teller.sorts, teller)

    def finish(self, folder: Path, desk: DeskSettings) -> dict[str, Any]:
        """Labels and queue written, the report told."""
        kinds, by_sort = self.sorts.kinds(self.teller.probs)
        wanted = self.project.settings.queue
        outlook = Outlook.of(kinds, self.families, wanted.signals)
        sieve = None if self.patterns.rows <= wanted.candidates else outlook.sieve(wanted)
        gathered = self._pass(folder, outlook, sieve, by_sort)
        if sieve is None:
            queue, entries = self._ranked_whole(gathered)
        else:
            queue, entries = self._ranked(outlook, sieve)
        write_whole(folder / "queue.parquet", queue_table(queue))
        return self._report(gathered, entries, desk)

    def _pass(self, folder: Path, outlook: Outlook, sieve: Sieve | None, by_sort: Ints) -> _Gathered:
        data, space = self.looked.data, self.patterns.space
        majority = self._majority()
        gathered, first = _Gathered(), 0
        with growing(folder / "labels.parquet", labels_schema(space)) as add:
            for passed in self.spill:
                sort = self.sorts.at(passed)
                labels = self.teller.labels(passed, sort)
                add(labels_table(labels))
                sums = LabelSums.of(labels)
                gathered.sums = sums if gathered.sums is None else gathered.sums + sums
                if data.gold is not None:
                    by_majority = majority.labels(passed, sort)
                    gathered.settled.append(Settled.among(data.gold, self._votes(passed), labels, by_majority))
                if sieve is None:
                    gathered.votes.append(self._votes(passed))
                    gathered.labels.append(labels)
                else:
                    at = np.flatnonzero(passed.settled == ABSTAIN)
                    tickets = lottery(passed.ids.take(pa.array(at)))
                    sieve.offer(by_sort[sort[at]], first + at, tickets, outlook.keys(first + at, tickets))
                first += len(passed)
        return gathered

    def _majority(self) -> Teller:
        by_majority = fit(self.patterns, "majority").probabilities(self.patterns.matrix)[self.sorts.pattern]
        return Teller(self.sorts, by_majority, "majority", pa.array([], pa.string()))

    def _votes(self, passed: Passed, at: Ints | None = None) -> Votes:
        where = passed.where if at is None else passed.where[at]
        ids = passed.ids if at is None else passed.ids.take(pa.array(at))
        return voted(self.patterns, self.families, ids, passed.matrix[where])

    def _ranked_whole(self, gathered: _Gathered) -> tuple[Queue, list[dict[str, Any]]]:
        """Few rows are ranked as if they had been in memory, where they now are."""
        rows = self.looked.intake.taken(np.arange(self.patterns.rows))
        votes, labels = _joined_votes(gathered.votes), _joined_labels(gathered.labels)
        wanted, gold = self.project.settings.queue, self.looked.data.anchors
        queue = rank(
            votes,
            labels,
            wanted.signals,
            size=wanted.size,
            random_share=wanted.random_share,
            gold=gold,
            rows=rows,
        )
        return queue, _shown(queue, rows, votes, labels)

    def _ranked(self, outlook: Outlook, sieve: Sieve) -> tuple[Queue, list[dict[str, Any]]]:
        position, kind = sieve.candidates()
        rows = self.looked.intake.taken(position)
        matrix = self.patterns.matrix[outlook.kinds.pattern[kind]]
        votes = voted(self.patterns, self.families, rows.ids, matrix)
        passed = Passed(rows.ids, matrix, np.arange(len(rows)), np.full(len(rows), ABSTAIN, np.int16), None)
        told = replace(self.teller, probs=outlook.kinds.probs)
        labels = told.labels(passed, kind)
        queue = queue_among(outlook, position, kind, rows=rows, labels=labels, settings=self.project.settings.queue)
        return queue, _shown(queue, rows, votes, labels)

    def _report(self, gathered: _Gathered, entries: list[dict[str, Any]], desk: DeskSettings) -> dict[str, Any]:
        data, gold = self.looked.data, self.project.settings.gold
        assert gathered.sums is not None, "there is at least one partition"
        counted = Counted(
            patterns=self.patterns,
            families=self.families,
            label_model=self.teller.model,
            statuses=self.folded.statuses,
            labels=gathered.sums,
            failures=self.folded.failures,
            settled=_joined_settled(gathered.settled),
            queue=entries,
        )
        numbers = report_of(
            counted,
            self.fitted,
            estimate_accuracy(self.patterns, self.project.label_model, self.fitted),
            gold=data.gold,
            gold_use=gold.use if gold else "",
            spent=spent(self.project, desk),
            surveyed=self._surveyed(data),
        )
        return with_answers(numbers, data)

    def _surveyed(self, data: Data) -> Survey | None:
        """What drawn rows tell of the labels as they were before people answered: settled rows one by one, all others
        as many as there are of a sort."""
        if data.reviewed is None or not measures(data.reviewed):
            return None
        open_sorts = np.flatnonzero((self.sorts.settled == ABSTAIN) & (self.sorts.counts > 0))
        ids, sorts = [f"\0{i}" for i in open_sorts.tolist()], [open_sorts]
        for passed in self.spill:
            at = np.flatnonzero(passed.settled != ABSTAIN)
            ids += passed.ids.take(pa.array(at)).to_pylist()
            sorts.append(self.sorts.at(passed)[at])
        sort = np.concatenate(sorts)
        counts = np.concatenate([self.sorts.counts[open_sorts], np.ones(len(sort) - len(open_sorts), np.int64)])
        votes = voted(
            self.patterns, self.families, pa.array(ids, pa.string()), self.patterns.matrix[self.sorts.pattern[sort]]
        )
        before = Labels(
            votes.space, votes.ids, self.sorts.unsettled(self.fitted)[sort], votes.covered, self.teller.model
        )
        return survey(votes, before, data.reviewed, counts)


def _shown(queue: Queue, rows: Rows, votes: Votes, labels: Labels) -> list[dict[str, Any]]:
    return [queue_entry(queue, i, rows, votes, labels) for i in range(min(len(queue), QUEUE_SHOWN))]


def _joined_settled(parts: list[Settled]) -> Settled | None:
    if not parts:
        return None
    votes = _joined_votes([part.votes for part in parts])
    labels = [_joined_labels([getattr(part, name) for part in parts]) for name in ("labels", "majority")]
    return Settled(votes, *labels)


def _joined_votes(parts: list[Votes]) -> Votes:
    first = parts[0]
    matrix, status = (np.concatenate([getattr(part, name) for part in parts]) for name in ("matrix", "status"))
    ids = pa.concat_arrays([part.ids for part in parts])
    return Votes(first.space, ids, first.sources, first.families, matrix, status)


def _joined_labels(parts: list[Labels]) -> Labels:
    probs, covered = (np.concatenate([getattr(part, name) for part in parts]) for name in ("probs", "covered"))
    return Labels(parts[0].space, pa.concat_arrays([part.ids for part in parts]), probs, covered, parts[0].model)
