"""apply: rows in, votes out. Partitions are the unit of work, a source's column of votes the unit of caching."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.ask import Office, Progress, ask_endpoints
from quorate.asking.desk import DeskSettings
from quorate.attempt import attempt
from quorate.columns import joined
from quorate.errors import PluginError
from quorate.filing import Found, Tally, file_away, look_up
from quorate.misfits import check_sources
from quorate.protocols import Asking, Executor, Learner, Source, VoteStore, WorkerDied
from quorate.registry import build, load, names
from quorate.rows import Derives, Rows
from quorate.values import ABSTAIN, Failure, Gold, LabelSpace, Status, VoteColumn, Votes


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
    desk: DeskSettings | None = None,
) -> Votes:
    """One vote per row and source.

    Args:
        rows: `Rows`, or a frame (pandas, polars, Arrow), with row ids in the column `id`.
        sources: sources, or what a source can be made of (functions of `@labeling_function`, Snorkel's objects).
        labels: the label space, or label names in order.
        gold: what learning sources (scikit-learn classifiers) learn from.
        derived: columns to compute on demand, such as `SpacyDoc("text")`.
        store: votes made before; only rows whose cells are new to a source are asked.
        desk: how endpoints are asked: the journal of answers, the budget, what must not leave the machine.
        max_failure_share: past this share of failed rows of one source the run stops.

    Raises:
        TooManyFailures: a source failed on more rows than allowed; finished votes stay in the store.
        EndpointStopped, JournalError: an endpoint answers nothing, or answers cannot be kept.
        TableError, LabelError, PluginError: a column, label or source that does not fit, before anything runs.
    """
    space = labels if isinstance(labels, LabelSpace) else LabelSpace(tuple(labels))
    table = (rows if isinstance(rows, Rows) else Rows.of(rows, id)).deriving(*derived)
    voters = [learned(as_source(source), table, gold, space) for source in sources]
    check_sources(voters, table, space)
    tally = Tally(len(table), max_failure_share)
    here = [source for source in voters if not isinstance(source, Asking)]
    columns: dict[str, list[VoteColumn]] = {source.name: [] for source in voters}
    done = 0
    store = store and store.opened()
    job = Job(here, space, store, tally)
    for _, part in job.run(executor or here_alone(), table.partitions(partition_rows)):
        for source, column in zip(here, part, strict=True):
            columns[source.name].append(column)
        done += len(part[0].labels)
        if progress:
            progress(done, len(table))
    # After the rules, which cost nothing: what is wrong with them shows before anything is paid.
    asking = [source for source in voters if isinstance(source, Asking)]
    office = Office(desk, space, store, tally, partition_rows, progress)
    columns |= ask_endpoints(office, asking, table)
    return joined(space, table.ids, [(source.name, source.family) for source in voters], columns)


def here_alone() -> Executor:
    """The executor that works in this process."""
    executor: Executor = build("executors", "local", {})
    return executor


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


_MOST_IDLE = 4


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
    known: dict[int, Found]


@dataclass(slots=True)
class Job:
    """Rows on their way to sources: hands tasks to the executor, files fresh votes in the store, counts failures."""

    sources: Sequence[Source]
    space: LabelSpace
    store: VoteStore | None
    tally: Tally

    def run(self, executor: Executor, partitions: Iterable[Rows]) -> Iterator[tuple[Rows, list[VoteColumn]]]:
        """Each partition with the columns of the sources; no more partitions are held than are under way."""
        plans = (self._plan(rows) for rows in (partitions if self.sources else ()))
        for plan in plans:
            if plan.task.asked:
                yield from self._worked(executor, chain([plan], plans))
            else:
                yield self._merged(plan, {})

    def _worked(self, executor: Executor, plans: Iterator[_Planned]) -> Iterator[tuple[Rows, list[VoteColumn]]]:
        """Work until several partitions in a row need none: what is known must not wait, held, for what is not."""
        planned: deque[_Planned] = deque()

        def tasks() -> Iterator[_Task]:
            idle = 0
            while idle < _MOST_IDLE and (plan := next(plans, None)) is not None:
                planned.append(plan)
                idle = 0 if plan.task.asked else idle + 1
                if plan.task.asked:
                    yield plan.task

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
        known = {j: look_up(self.store, source, rows, self.space) for j, source in enumerate(self.sources)}
        asked = tuple((j, found.missing) for j, found in known.items() if found.is_lacking)
        return _Planned(rows, _Task(rows, asked), known)

    def _merged(self, plan: _Planned, fresh: Mapping[int, VoteColumn]) -> tuple[Rows, list[VoteColumn]]:
        columns = (
            [fresh[j] for j in range(len(self.sources))]
            if self.store is None
            else [file_away(self.store, plan.known[j], fresh.get(j)) for j in range(len(self.sources))]
        )
        for source, column in zip(self.sources, columns, strict=True):
            self.tally.add(source.name, column)
        return plan.rows, columns

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


def learned(source: Source, rows: Rows, gold: Gold | None, space: LabelSpace) -> Source:
    """The source after it learned from the gold rows among these; as it is where it does not learn."""
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
