"""Contenders that do not behave, for the tests of races; each is run in a process of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scaling.contenders import judged


def sleeper(seconds: float) -> Callable[[], float]:
    """Takes so long."""

    def task() -> float:
        time.sleep(seconds)
        return seconds

    return task


def dies(folder: str, labels: int) -> Callable[[], Any]:
    """Is broken."""
    raise ValueError("no such thing")


def falls_silent(folder: str, labels: int) -> Callable[[], Any]:
    """Is killed at once."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead already")


def half(folder: str, labels: int) -> Callable[[], Any]:
    """Answers half of the rows."""
    truth = np.load(Path(folder) / "truth.npy")
    probs = np.eye(labels)[truth[: len(truth) // 2]]
    return lambda: {"laps": {"fit": (0.1, 0.1)}, "peak_mib": 1.0, **judged(probs, truth)}
