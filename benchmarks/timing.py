"""Times contenders so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from statistics import median

from benchmarks.worker import Took, environment

_IMPORT = """
import time
from benchmarks.worker import stay_on_one_core
stay_on_one_core()
wall, cpu = time.perf_counter(), time.process_time()
import {modules}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def medians(contenders: Mapping[str, Callable[[], Took]], rounds: int) -> dict[str, Took]:
    """The medians of what each contender took over rounds in which every contender runs once, in the order given."""
    took: dict[str, list[Took]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            took[name].append(run())
    return {name: Took(*map(median, zip(*times, strict=True))) for name, times in took.items()}


def import_time(modules: str) -> Took:
    """What it takes a fresh process to import some modules; the start of Python itself is not counted."""
    program = _IMPORT.format(modules=modules)
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, env=environment()
    )
    return Took(*map(float, printed.stdout.split()))
