"""Votes that lie in a file larger than memory should be: read twice in partitions, labels written beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contenders import resident
from benchmarks.measurement import Measurement, WrongAnswer
from benchmarks.scaling.contenders import Laps
from benchmarks.scaling.synthetic import Shape, write_parquet
from benchmarks.watch import Limits
from benchmarks.worker import Worker

PARQUET = ", Parquet"
_CORES = 2


def streamed(path: str, to: str, sources: list[str], labels: list[str]) -> Callable[[], dict[str, Any]]:
    """Folds the file partition by partition, fits, and writes P(label) of every row; what each step took in all."""
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
        laps, patterns, groups = Laps(), None, 0
        for votes in partitions(laps):
            some, groups = VotePatterns.of(votes), groups + 1
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
        return {"laps": laps.took, "peak_mib": resident("VmHWM"), "partitions": groups, "patterns": len(patterns)}

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


def fused_file(shape: Shape, limit_s: float, cores: int = _CORES) -> dict[str, Any]:
    """What fusing a Parquet file of this shape took, step by step, in a process of its own, and how well it did.

    Raises:
        WrongAnswer: rows were lost, or labels are no better than guesses.
    """
    with TemporaryDirectory() as folder:
        path, to = str(Path(folder) / "votes.parquet"), str(Path(folder) / "labels.parquet")
        write_parquet(Path(path), shape)
        setup: dict[str, Any] = {"path": path, "to": to, "sources": shape.columns, "labels": shape.names}
        with Worker(streamed, limits=Limits(limit_s, cores), **setup) as worker:
            reply = worker.ask()
        answer = {**reply.answer, "took": reply.took, "accuracy": _accuracy(Path(path), Path(to), shape)}
    if answer["accuracy"] <= 100 / shape.labels:
        raise WrongAnswer(f"{shape.title}{PARQUET}: {answer['accuracy']:.1f} % right, no better than a guess")
    return answer


def lines(shape: Shape, answer: dict[str, Any]) -> Iterator[Measurement]:
    """Time, memory and accuracy of one file."""
    case = f"{shape.title}{PARQUET}"
    yield Measurement(case, "time", answer["took"].wall_s, unit="s")
    yield Measurement(case, "cpu_time", answer["took"].cpu_s, unit="s")
    yield Measurement(case, "peak_memory", answer["peak_mib"], unit="MiB")
    yield Measurement(case, "accuracy", answer["accuracy"], unit="%")


def _accuracy(votes: Path, labels: Path, shape: Shape) -> float:
    """In percent, of all rows; both files are read a million rows at a time."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    right = rows = 0
    names = pa.array(shape.names)
    with parquet.ParquetFile(votes) as given, parquet.ParquetFile(labels) as made:
        if given.metadata.num_rows != made.metadata.num_rows:
            raise WrongAnswer(f"{made.metadata.num_rows:,} rows of {given.metadata.num_rows:,} were labeled")
        parts = zip(given.iter_batches(columns=["truth"]), made.iter_batches(), strict=True)
        for truth, probs in parts:
            gold = pa.compute.index_in(truth["truth"].dictionary_decode(), names).to_numpy()
            said = np.stack([column.to_numpy() for column in probs.columns], axis=1)
            if np.abs(said.sum(axis=1) - 1).max() > 1e-6:
                raise WrongAnswer(f"{shape.title}{PARQUET}: probabilities do not sum to 1")
            right, rows = right + int((said.argmax(axis=1) == gold).sum()), rows + len(gold)
    return 100 * right / rows
