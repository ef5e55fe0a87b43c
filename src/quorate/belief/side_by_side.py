"""Side by side: the same work on many parts of arrays, on all cores; NumPy computes without holding the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

# Fewer parts are done before threads have started.
_FEWEST_PARTS = 4
_MOST_THREADS = 8


def side_by_side(work: Callable[[slice], None], parts: Sequence[slice]) -> None:
    """Does the work on every part; it must write to places of its own."""
    threads = min(_cores(), len(parts), _MOST_THREADS)
    if threads < 2 or len(parts) < _FEWEST_PARTS:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, parts):
            pass


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
