"""The same rules spread over two workers: of this machine, of Dask and of Spark, against one worker here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from benchmarks.measurement import Measurement, WrongAnswer
from benchmarks.spam import LABELS, RULES
from benchmarks.suites.apply import on_text
from benchmarks.timing import medians
from benchmarks.watch import Limits, Stopped
from benchmarks.worker import Worker

_PARTITIONS = 16
OURS, ONE, TWO = "two_workers", "one_worker", ", two workers"
CLUSTERS = {"dask": "distributed", "spark": "pyspark"}


def spread(texts: list[str], kind: str, workers: int) -> Callable[[], Any]:
    """Ten functions over these texts by so many workers, which have been at work before; the label matrix."""
    import pandas as pd

    from quorate import apply, labeling_function
    from quorate.registry import build

    frame = pd.DataFrame({"text": texts})
    sources = [labeling_function(name=rule.name)(on_text(rule.pattern, rule.label, None)) for rule in RULES]
    executor = build("executors", kind, {"workers": workers})

    def task() -> Any:
        part = max(len(texts) // _PARTITIONS, 1)
        return apply(frame, sources, LABELS, executor=executor, partition_rows=part).matrix

    task()
    return task


def workers(texts: list[str], rounds: int, limit_s: float) -> Iterator[Measurement]:
    """Time by the clock of two workers here against one, and of two of each cluster that is installed.

    Raises:
        WrongAnswer: votes depend on who makes them.
    """
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        racing = {name: _started(stack, texts, limit_s, "local", n) for name, n in ((OURS, 2), (ONE, 1))}
        for kind, package in CLUSTERS.items():
            try:
                racing[kind] = _started(stack, texts, limit_s, kind, 2)
            except (RuntimeError, Stopped) as error:
                reason = str(error).strip().splitlines()[-1]
                missing[kind] = f"absent; {package} is not installed" if package in reason else f"died; {reason}"
        _check_identical({name: worker.ask().answer for name, worker in racing.items()})
        times = medians({name: worker.time for name, worker in racing.items()}, rounds)
    peers = {name: took.wall_s for name, took in times.items() if name != OURS}
    yield Measurement(f"ten functions, {len(texts):,} rows{TWO}", "time", times[OURS].wall_s, peers, "s", missing)


def _started(stack: ExitStack, texts: list[str], limit_s: float, kind: str, count: int) -> Worker:
    return stack.enter_context(Worker(spread, limits=Limits(limit_s, cores=2), texts=texts, kind=kind, workers=count))


def _check_identical(answers: dict[str, Any]) -> None:
    for name, matrix in answers.items():
        if matrix.shape != answers[ONE].shape or (matrix != answers[ONE]).any():
            raise WrongAnswer(f"{name}: two workers vote other than one")
