"""apply: rows in, votes out. Partitions are the unit of work, a source's column of votes the unit of caching."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.attempt import attempt
from quorate.columns import filled, joined
from quorate.errors import PluginError, TooManyFailures
from quorate.fingerprint import fingerprint
from quorate.misfits import check_sources
from quorate.protocols import Executor, Learner, Source, VoteStore, WorkerDied
from quorate.registry import build, load, names
from quorate.rows import Derives, Rows
from quorate.values import ABSTAIN, Failure, Gold, LabelSpace, Status, VoteColumn, Votes

Progress = Callable[[int, int], None]
"""Called with the rows done and the rows in all."""


def apply(
    rows: Any,
    sources: Sequence[Any],
    labels: LabelSpace | Sequence[str],
    *,
    id: str | None = None,
    gold: Gold | None = None,
    derived: Sequence[Derives] = (),
    executor: Executor | None = None,
    partition_rows: int | None = 10_000,
    store: VoteStore | None = None,
    max_failure_share: float = 0.5,
    progress: Progress | None = None,
) -> Votes:
    """One vote per row and source.

    Args:
        rows: `Rows`, or a frame (pandas, polars, Arrow), with row ids in the column `id`.
        sources: sources, or what a source can be made of (functions of `@labeling_function`, Snorkel's objects).
        labels: the label space, or label names in order.
        gold: what learning sources (scikit-learn classifiers) learn from.
        derived: columns to compute on demand, such as `SpacyDoc("text")`.
        store: votes made before; only rows whose cells are new to a source are asked.
        max_failure_share: past this share of failed rows of one source the run stops.

    Raises:
        TooManyFailures: a source failed on more rows than allowed; finished votes stay in the store.
        TableError, LabelError, PluginError: a column, label or source that does not fit, before anything runs.
    """
    space = labels if isinstance(labels, LabelSpace) else LabelSpace(tuple(labels))
    table = (rows if isinstance(rows, Rows) else Rows.of(rows, id)).deriving(*derived)
    voters = [_learned(as_source(source), table, gold, space) for source in sources]
    check_sources(voters, table, space)
    job = _Job(voters, space, store, [0] * len(voters), len(table), max_failure_share)
    where = executor or build("executors", "local", {})
    parts: list[list[VoteColumn]] = []
    done = 0
    for columns in job.run(where, table.partitions(partition_rows)):
        parts.append(columns)
        done += len(columns[0].labels)
        if progress:
            progress(done, len(table))
    families = [source.family for source in voters]
    return joined(space, table.ids, [source.name for source in voters], families, parts)


def as_source(thing: Any) -> Source:
    """The thing as a source: itself, or adopted by the kind of source that knows it.

    Raises:
        PluginError: nothing knows it.
    """
    if callable(getattr(thing, "vote", None)) and callable(getattr(thing, "fingerprint", None)):
        return thing  # type: ignore[no-any-return]
    for name in names("sources"):
        plugin = load("sources", name)
        adopted = plugin.adopt(thing) if hasattr(plugin, "adopt") else None
        if adopted is not None:
            return adopted  # type: ignore[no-any-return]
    hint = "; decorate it with @labeling_function" if callable(thing) else ""
    raise PluginError(f"{getattr(thing, '__name__', repr(thing))!r} ({type(thing).__name__}) is not a source{hint}")


@dataclass(frozen=True, slots=True)
class _Task:
    """What one worker does at once: which sources to ask about which rows of a partition (None: all of them)."""

    rows: Rows
    asked: tuple[tuple[int, NDArray[np.intp] | None], ...]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A partition whose task is under way, with the votes that were in the store."""

    rows: Rows
    task: _Task
    known: dict[int, tuple[NDArray[np.void], VoteColumn, NDArray[np.bool_]]]


@dataclass(slots=True)
class _Job:
    """One call of `apply`: hands tasks to the executor, files fresh votes in the store, counts failures."""

    sources: Sequence[Source]
    space: LabelSpace
    store: VoteStore | None
    failed: list[int]
    total: int
    max_failure_share: float
    first: dict[int, Failure] = field(default_factory=dict)

    def run(self, executor: Executor, partitions: Iterator[Rows]) -> Iterator[list[VoteColumn]]:
        planned: deque[_Planned] = deque()

        def tasks() -> Iterator[_Task]:
            for rows in partitions:
                planned.append(self._plan(rows))
                if planned[-1].task.asked:
                    yield planned[-1].task

        ask = _Ask(tuple(self.sources), self.space)
        for answer in executor.map(ask, tasks()):
            while not planned[0].task.asked:
                yield self._merged(planned.popleft(), {})
            plan = planned.popleft()
            yield self._merged(
                plan, self._one_by_one(executor, ask, plan.task) if isinstance(answer, WorkerDied) else answer
            )
        while planned:
            yield self._merged(planned.popleft(), {})

    def _plan(self, rows: Rows) -> _Planned:
        if self.store is None:
            return _Planned(rows, _Task(rows, tuple((j, None) for j in range(len(self.sources)))), {})
        known = {}
        asked: list[tuple[int, NDArray[np.intp] | None]] = []
        for j, source in enumerate(self.sources):
            keyed = _Keyed.of(source, rows, self.space)
            keys = rows.keys(source.columns)
            column, hit = self.store.read(keyed, keys, len(self.space))
            known[j] = (keys, column, hit)
            if not hit.all():
                asked.append((j, np.flatnonzero(~hit) if hit.any() else None))
        return _Planned(rows, _Task(rows, tuple(asked)), known)

    def _merged(self, plan: _Planned, fresh: Mapping[int, VoteColumn]) -> list[VoteColumn]:
        columns = (
            [fresh[j] for j in range(len(self.sources))]
            if self.store is None
            else [self._filed(self.store, j, plan, fresh.get(j)) for j in range(len(self.sources))]
        )
        self._check_failures(columns)
        return columns

    def _filed(self, store: VoteStore, j: int, plan: _Planned, fresh: VoteColumn | None) -> VoteColumn:
        keys, column, hit = plan.known[j]
        column = _named(column, self.sources[j].name, plan.rows.ids)
        if fresh is None:
            return column
        column = filled(column, np.flatnonzero(~hit), fresh, len(self.space))
        # The whole partition, with what was found elsewhere: the next run finds it in one file.
        store.write(_Keyed.of(self.sources[j], plan.rows, self.space), keys, column)
        return column

    def _one_by_one(self, executor: Executor, ask: _Ask, task: _Task) -> dict[int, VoteColumn]:
        """After a worker died: each source on its own, so that only the one that kills has failed votes."""
        fresh: dict[int, VoteColumn] = {}
        tasks = [replace(task, asked=(one,)) for one in task.asked]
        for one, answer in zip(tasks, executor.map(ask, tasks), strict=True):
            ((j, _),) = one.asked
            if isinstance(answer, WorkerDied):
                message = (
                    f"the worker process died twice while this source worked on a partition of "
                    f"{len(task.rows)} rows ({answer.message}); run it alone, or with smaller partitions"
                )
                fresh[j] = _all_failed(one, self.sources[j].name, "worker_died", message)
            else:
                fresh |= answer
        return fresh

    def _check_failures(self, columns: Sequence[VoteColumn]) -> None:
        for j, column in enumerate(columns):
            self.failed[j] += len(column.failures)
            if column.failures:
                self.first.setdefault(j, column.failures[0])
            if self.failed[j] > self.max_failure_share * self.total:
                first = self.first[j]
                raise TooManyFailures(
                    f"source {self.sources[j].name!r} failed on {self.failed[j]} of {self.total} rows, more than the "
                    f"allowed {self.max_failure_share:.0%}. First: row {first.row_id!r}: {first.message}\n"
                    f"{first.traceback}".rstrip()
                )


@dataclass(frozen=True)
class _Ask:
    """What workers run: the sources, asked about the rows of a task."""

    sources: tuple[Source, ...]
    space: LabelSpace

    def __call__(self, task: _Task) -> dict[int, VoteColumn]:
        return {j: self._column(j, task, at) for j, at in task.asked}

    def _column(self, j: int, task: _Task, at: NDArray[np.intp] | None) -> VoteColumn:
        rows = task.rows if at is None else task.rows.take(at)
        # A source takes care of its own rows; what it raises as a whole fails all of them.
        answers, faults = attempt(lambda source: source.vote(rows, self.space), [self.sources[j]], time_limit_s=None)
        if not faults:
            return answers[0]  # type: ignore[no-any-return]
        one = replace(task, asked=((j, at),))
        return _all_failed(one, self.sources[j].name, faults[0].reason, faults[0].message, faults[0].traceback)


@dataclass(frozen=True)
class _Keyed:
    """A source as the store knows it: its own fingerprint, those of derived columns it reads, and what labels mean."""

    name: str
    key: str

    @staticmethod
    def of(source: Source, rows: Rows, space: LabelSpace) -> Any:
        read = [rows.derived[name].fingerprint() for name in source.columns or () if name in rows.derived]
        return _Keyed(source.name, fingerprint(source.fingerprint(), read, space.names, dict(space.aliases)))

    def fingerprint(self) -> str:
        return self.key


def _learned(source: Source, rows: Rows, gold: Gold | None, space: LabelSpace) -> Source:
    if isinstance(source, Learner):
        return source.learn(rows, gold or Gold.of((), (), space), space)
    return source


def _all_failed(task: _Task, source: str, reason: str, message: str, traceback: str = "") -> VoteColumn:
    ((_, at),) = task.asked
    ids = task.rows.ids if at is None else task.rows.ids.take(pa.array(at))
    n = len(ids)
    return VoteColumn(
        np.full(n, ABSTAIN),
        np.full(n, Status.FAILED),
        failures=tuple(Failure(row_id, source, reason, message, traceback) for row_id in ids.to_pylist()),
    )


def _named(column: VoteColumn, source: str, ids: pa.StringArray) -> VoteColumn:
    """The column with the ids of these rows in its failures: the store knows cells, not rows."""
    failed = ids.take(pa.array(np.flatnonzero(column.status == Status.FAILED))).to_pylist()
    named = (replace(fault, row_id=i, source=source) for fault, i in zip(column.failures, failed, strict=True))
    return replace(column, failures=tuple(named))
