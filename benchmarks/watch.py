"""A limit for a contender's process: it is killed when its time is up, or before the machine runs out of memory.

Time is that of the process, so that a busy machine costs no contender its place; by the clock it has three times as
much.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from math import inf
from pathlib import Path
from threading import Event, Thread

_LOOKS_EVERY_S = 0.1
_WALL_TIMES = 3
_GIB = 1024**2


class Stopped(Exception):
    """A contender was not let go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a process may take over one call, how many cores it has, and how much memory it must leave free.

    Who holds less than `blamed_gib` is not stopped when memory runs out: others took it.
    """

    seconds: float = inf
    cores: int = 1
    spare_gib: float = 2.0
    blamed_gib: float = 2.0


class Watch:
    """Kills the process when it breaks a limit while this context is open; `reason` says which one, "" for none."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        self._process, self._limits = process, limits
        self._over = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self.reason = ""

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        most, pid, began = self._limits.seconds, self._process.pid, time.monotonic()
        used = _cpu_s(pid)
        while not self._over.wait(_LOOKS_EVERY_S):
            if _cpu_s(pid) - used > most or time.monotonic() - began > _WALL_TIMES * most:
                self._kill(f"over {self._limits.seconds:g} s")
            elif available_gib() < self._limits.spare_gib and (held := _held_gib(pid)) >= self._limits.blamed_gib:
                self._kill(f"out of memory; {held:.1f} GiB held, the machine has no more")

    def _kill(self, reason: str) -> None:
        if not self.reason:
            self.reason = reason
            self._process.kill()


def available_gib() -> float:
    """The memory that the machine can still give, in GiB; infinite where the system does not say."""
    return _kib(Path("/proc/meminfo"), "MemAvailable", inf) / _GIB


def _cpu_s(pid: int) -> float:
    """What the process has taken of its cores; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _held_gib(pid: int) -> float:
    return _kib(Path(f"/proc/{pid}/status"), "VmRSS", 0.0) / _GIB


def _kib(path: Path, name: str, unknown: float) -> float:
    try:
        found = re.search(rf"{name}:\s+(\d+)", path.read_text())
    except OSError:
        return unknown
    return float(found[1]) if found else unknown
