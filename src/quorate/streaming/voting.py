"""voting: the first pass of the run of a project whose table need not fit into memory.

Two passes over partitions. In the first, rows are read and voted on; votes are written, and their patterns folded. The
label model is fitted on the patterns. The second goes over what the first kept of each row on the disk: labels are
written, what the report counts is added up, and a sieve keeps the few rows among which the queue is ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from quorate.apply import Job, learned
from quorate.ask import Office, Progress, ask_endpoints
from quorate.asking.desk import DeskSettings
from quorate.belief.confidence import Levels, sureness
from quorate.columns import joined
from quorate.filing import Tally
from quorate.patterns import VotePatterns, fold
from quorate.project import Project
from quorate.protocols import Asking, Source
from quorate.reporting.sums import FailureGroups, status_counts
from quorate.rows import Rows
from quorate.store import Store
from quorate.streaming.looking import Looked
from quorate.streaming.spill import Passed, Spill
from quorate.values import ABSTAIN, Status, VoteColumn, Votes


@dataclass(slots=True)
class Folded:
    """What the votes of all partitions amount to."""

    statuses: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    failures: FailureGroups = field(default_factory=FailureGroups)
    levels: Levels | None = None
    _parts: list[VotePatterns] = field(default_factory=list)

    def add(self, votes: Votes, patterns: VotePatterns) -> None:
        """Counts a partition."""
        self.statuses = self.statuses + status_counts(votes)
        self.failures.add(votes.failures)
        sure = sureness(votes)
        if sure is not None:
            levels = Levels.of(votes.matrix, sure)
            self.levels = levels if self.levels is None else self.levels + levels
        self._parts.append(patterns)
        # Together when they are as many as what is there already, so that every pattern is merged a few times only.
        while len(self._parts) > 1 and len(self._parts[-1]) * 2 > len(self._parts[-2]):
            last = self._parts.pop()
            self._parts[-1] = self._parts[-1] + last

    @property
    def patterns(self) -> VotePatterns:
        while len(self._parts) > 1:
            last = self._parts.pop()
            self._parts[-1] = self._parts[-1] + last
        return self._parts[0]


@dataclass(frozen=True, eq=False)
class Voting:
    """How the rows of a project come to votes, a partition at a time."""

    project: Project
    looked: Looked
    desk: DeskSettings
    sources: tuple[Source, ...]
    retry_failed: bool
    progress: Progress | None

    @staticmethod
    def of(
        project: Project, looked: Looked, desk: DeskSettings, retry_failed: bool, progress: Progress | None
    ) -> Voting:
        """With sources that learned what they learn from gold."""
        data = looked.data
        sources = tuple(learned(source, data.rows, data.anchors, project.space) for source in project.sources)
        return Voting(project, looked, desk, sources, retry_failed, progress)

    def partitions(self) -> Iterator[Votes]:
        """The votes of each partition.

        Raises:
            TooManyFailures, EndpointStopped, JournalError: finished votes are kept.
        """
        rules = [source for source in self.sources if not isinstance(source, Asking)]
        asking = [source for source in self.sources if isinstance(source, Asking)]
        tally = self._tally()
        if not asking:
            yield from (self._joined(rows, columns) for rows, columns in self._told(rules, tally, self.retry_failed))
            return
        # After the rules, which cost nothing: what is wrong with them shows before anything is paid.
        for _ in self._told(rules, tally, self.retry_failed) if rules else ():
            pass
        office = Office(self.desk, self.project.space, Store(self.project.state, self.retry_failed), tally, None, None)
        done = 0
        for rows, columns in self._again(rules):
            asked = ask_endpoints(office, asking, rows)
            done += len(rows)
            if self.progress:
                self.progress(done, self.looked.intake.total)
            yield self._joined(rows, columns | {name: parts[0] for name, parts in asked.items()})

    def _again(self, rules: list[Source]) -> Iterator[tuple[Rows, dict[str, VoteColumn]]]:
        """The partitions with votes that are in the store by now."""
        if rules:
            yield from self._told(rules, self._tally(1.0), False)
        else:
            yield from ((rows, {}) for _, rows in self.looked.intake.partitions())

    def _told(
        self, sources: list[Source], tally: Tally, retry_failed: bool
    ) -> Iterator[tuple[Rows, dict[str, VoteColumn]]]:
        job = Job(sources, self.project.space, Store(self.project.state, retry_failed), tally)
        partitions = (rows for _, rows in self.looked.intake.partitions())
        done = 0
        for rows, columns in job.run(self.project.executor, partitions):
            done += len(rows)
            if self.progress:
                self.progress(done, self.looked.intake.total)
            yield rows, {source.name: column for source, column in zip(sources, columns, strict=True)}

    def _tally(self, share: float | None = None) -> Tally:
        most = self.project.settings.run.max_failure_share if share is None else share
        return Tally(self.looked.intake.total, most)

    def _joined(self, rows: Rows, columns: dict[str, VoteColumn]) -> Votes:
        named = [(source.name, source.family) for source in self.sources]
        return joined(self.project.space, rows.ids, named, {name: [column] for name, column in columns.items()})


def vote_through(voting: Voting, write: Callable[[Votes], object], spill: Spill) -> Folded:
    """The first pass: votes are handed to `write`, and what is needed of each row goes to `spill`."""
    gold = voting.looked.data.anchors
    folded = Folded(np.zeros((len(voting.sources), len(Status)), np.int64))
    for votes in voting.partitions():
        patterns, where = fold(votes, gold)
        settled = np.full(len(votes), ABSTAIN, np.int16) if gold is None else gold.aligned(votes.ids)
        folded.add(votes, patterns)
        write(votes)
        spill.add(Passed(votes.ids, patterns.matrix, where, settled, sureness(votes)))
    spill.close()
    return folded


def without_rows(looked: Looked) -> Looked:
    """What was found, without the rows that sources have learned from by now."""
    return replace(looked, data=replace(looked.data, rows=looked.data.rows.take(np.zeros(0, np.intp))))
