"""A comparison of two sources over a large file, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.contenders import resident

SETTLED = 1_000
_WORDS = ("parcel", "late", "refund", "card", "thanks", "great", "where", "is", "my", "order", "please", "help")


def write_labels(path: Path, rows: int, labels: int) -> None:
    """Writes a table of two sources that are right on .8 and .7 of the rows, and a thousand settled ones."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator = np.random.default_rng(0)
    gold, words = generator.integers(0, labels, rows), np.array(_WORDS)

    def coded(code: Any) -> Any:
        return pa.DictionaryArray.from_arrays(pa.array(code, pa.int32()), [f"label {y}" for y in range(labels)])

    def source(skill: float) -> Any:
        return coded(np.where(generator.random(rows) < skill, gold, generator.integers(0, labels, rows)))

    text = [" ".join(line) for line in words[generator.integers(0, len(words), (rows, 8))].tolist()]
    known = pa.array(np.where(np.arange(rows) < SETTLED, gold, -1), pa.int32())
    settled = coded(pa.array([None if y < 0 else y for y in known.to_pylist()], pa.int32()))
    pq.write_table(pa.table({"a": source(0.8), "b": source(0.7), "gold": settled, "text": text}), path)


def compare_file(path: str) -> Callable[[], dict[str, float]]:
    """Compares the file and makes the page; its size in MB, the peak memory in GiB, and the verdict."""

    def task() -> dict[str, float]:
        import quorate

        found = quorate.compare(path, "a", "b", gold="gold", text="text")
        size = len(found.html().encode("utf-8")) / 1e6
        # Of this process alone: what the system says of its parent's size at the fork does not count.
        peak = resident("VmHWM") / 1024
        return {"page_mb": size, "peak_gib": peak, "a_is_better": float(found.report["verdict"]["outcome"] == "a")}

    return task
