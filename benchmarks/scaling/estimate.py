"""On paper: ten thousand million rows on a cluster, from what one partition costs here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import log2
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measurement import Measurement
from benchmarks.scaling.contenders import Laps
from benchmarks.scaling.synthetic import Shape, write_parquet
from benchmarks.watch import Limits
from benchmarks.worker import Worker

ROWS, PARTITION = 10**10, 10**6
WORKERS = (16, 64)
ASSUMED = {
    "passes": "two: read and fold; read, fold, predict and write",
    "worker": "one core as fast as this one, a disk or bucket that keeps up with it",
    "merging": "each worker adds up its own patterns, then pairs of workers in turn; patterns stay as many as here",
    "fitting": "once, in one place",
    "left out": "the start of the cluster, stragglers, partitions done twice",
}
_STEPS = ("read", "fold", "predict", "write")


def steps(path: str, to: str, sources: list[str], labels: list[str]) -> Callable[[], dict[str, Any]]:
    """Does what workers do with partitions, one after another; what each step took in all, and how many there were."""
    import pyarrow as pa
    from pyarrow import parquet

    from quorate import Votes
    from quorate.fuse import fit, fuse, predict
    from quorate.patterns import VotePatterns, fold

    schema = pa.schema([(f"p_{name}", pa.float64()) for name in labels])
    # What is imported late is imported now.
    fuse(Votes.of([[y % len(labels)] * len(sources) for y in range(4)], labels, sources))

    def partitions(laps: Laps) -> Iterator[Any]:
        with parquet.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                votes = _votes(file.read_row_group(group, sources), sources, labels)
                laps.note("read")
                yield votes

    def task() -> dict[str, Any]:
        laps, patterns, number = Laps(), None, 0
        for votes in partitions(laps):
            some, number = VotePatterns.of(votes), number + 1
            laps.note("fold")
            patterns = some if patterns is None else patterns + some
            laps.note("merge")
        assert patterns is not None, "a file has a partition"
        fitted = fit(patterns)
        laps.note("fit")
        with parquet.ParquetWriter(to, schema) as writer:
            for votes in partitions(laps):
                some, where = fold(votes)
                laps.note("fold")
                probs = predict(fitted, votes, some, where, gold=None, name="quorum").probs
                laps.note("predict")
                writer.write_table(pa.table(list(probs.T), schema=schema))
                laps.note("write")
        return {"laps": laps.took, "partitions": number}

    return task


def _votes(table: Any, sources: list[str], labels: list[str]) -> Any:
    import numpy as np
    import pyarrow as pa

    from quorate import Votes

    names, matrix = pa.array(labels), np.empty((table.num_rows, len(sources)), np.int16)
    for j, name in enumerate(sources):
        column = table[name].combine_chunks()
        at = pa.compute.index_in(column.dictionary, names).to_numpy(zero_copy_only=False).astype(np.int16)
        codes = column.indices.fill_null(len(at)).to_numpy(zero_copy_only=False)
        matrix[:, j] = np.append(at, np.int16(-1))[codes]
    return Votes.of(matrix, labels, sources)


def measured(shape: Shape, limit_s: float) -> dict[str, Any]:
    """What each step took on a file of this shape, on one core."""
    with TemporaryDirectory() as folder:
        path, to = Path(folder) / "votes.parquet", str(Path(folder) / "labels.parquet")
        write_parquet(path, shape)
        setup: dict[str, Any] = {"path": str(path), "to": to, "sources": shape.columns, "labels": shape.names}
        with Worker(steps, limits=Limits(limit_s), **setup) as worker:
            answer: dict[str, Any] = worker.ask().answer
    return answer


def costs(shape: Shape, answer: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of a core for each step of one partition of a million rows, both passes; of one merge; of the fit."""
    spent = {name: cpu_s for name, (_, cpu_s) in answer["laps"].items()}
    found = {name: spent[name] * PARTITION / shape.rows for name in _STEPS}
    found["merge"] = spent["merge"] / max(answer["partitions"] - 1, 1)
    return {**found, "fit": spent["fit"]}


def hours(cost: Mapping[str, float], workers: int) -> float:
    """How long so many workers take for all rows."""
    partitions = ROWS / PARTITION
    of_each = (sum(cost[name] for name in _STEPS) + cost["merge"]) * partitions / workers
    return (of_each + log2(workers) * cost["merge"] + cost["fit"]) / 3600


def lines(shape: Shape, answer: Mapping[str, Any]) -> Iterator[Measurement]:
    """The cost of a partition by step, and the hours of the whole."""
    cost = costs(shape, answer)
    for name, seconds in cost.items():
        case = "the label model" if name == "fit" else f"a partition of {PARTITION:,} rows x {shape.sources}"
        yield Measurement(case, f"cpu_time_to_{name}", seconds, unit="s")
    for workers in WORKERS:
        yield Measurement(f"{ROWS:,} rows, {workers} workers", "estimated_time", hours(cost, workers), unit="h")
