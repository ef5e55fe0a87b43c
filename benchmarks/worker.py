"""A process of its own for each contender: one core, one thread, and only the packages of its environment.

A contender is a module-level function that sets up and returns the task to be timed. This module and the module of
the contender are all that its process imports, so they may import nothing at the top that a peer's environment lacks.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

from benchmarks.watch import Limits, Stopped, Watch

Contender = Callable[..., Callable[..., Any]]

_ROOT = Path(__file__).parents[1]
_ONE_CORE = Limits()
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class Took(NamedTuple):
    """What a task took: by the clock on the wall, and of the one core it runs on.

    On an idle machine the two are close; on a busy one the clock also counts the neighbours.
    """

    wall_s: float
    cpu_s: float


class Reply(NamedTuple):
    """What a task took and gave."""

    took: Took
    answer: Any


class Worker:
    """The process of one contender; `ask` runs its task once, with the call alone being timed."""

    def __init__(
        self, contender: Contender, python: str = sys.executable, limits: Limits = _ONE_CORE, **setup: Any
    ) -> None:
        self._errors = TemporaryFile()  # noqa: SIM115
        self._limits = limits
        self._command = [python, "-m", "benchmarks.worker", contender.__module__, contender.__qualname__]
        self._command.append(str(limits.cores))
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=_ROOT,
            env=environment(limits.cores),
        )
        try:
            self._call(setup)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def ask(self, *, keep: bool = True, **arguments: Any) -> Reply:
        """The reply of the task; without `keep` the answer stays in the process.

        Raises:
            RuntimeError: the process died; the message ends with what it printed last.
            Stopped: it broke a limit.
        """
        took, answer = self._call((keep, arguments))
        return Reply(Took(*took), answer)

    def time(self) -> Took:
        """What the task took this time."""
        return self.ask(keep=False).took

    def _call(self, message: Any) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None, "both ends are pipes"
        watch = Watch(self._process, self._limits)
        try:
            with watch:
                pickle.dump(message, stdin)
                stdin.flush()
                return pickle.load(stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            self._process.wait()
            if watch.reason:
                raise Stopped(watch.reason) from None
            self._errors.seek(0)
            printed = self._errors.read().decode(errors="replace")
            raise RuntimeError(f"{' '.join(self._command)} died:\n{printed[-2000:]}") from None


def environment(cores: int = 1) -> dict[str, str]:
    """The environment of a process that is to use so many threads."""
    return {**os.environ, **dict.fromkeys(_THREADS, str(cores)), "ARROW_IO_THREADS": str(cores)}


def stay_on_one_core() -> None:
    """Pins this process, where the system can, to the last core that it may use."""
    stay_on_cores(1)


def stay_on_cores(cores: int) -> None:
    """Pins this process, where the system can, to the last cores that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[-cores:]))


def _serve(contender: Contender, requests: IO[bytes], replies: IO[bytes]) -> None:
    task = contender(**pickle.load(requests))
    _send(None, replies)
    while True:
        try:
            keep, arguments = pickle.load(requests)
        except EOFError:
            return
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        answer = task(**arguments)
        took = (time.perf_counter() - wall, time.process_time() - cpu)
        _send((took, answer if keep else None), replies)
        # Else the answer would be freed while the next one is made, inside what is timed.
        del answer


def _send(message: Any, replies: IO[bytes]) -> None:
    pickle.dump(message, replies, protocol=4)
    replies.flush()


def main() -> None:
    """Serves the contender named by the arguments until the parent goes away."""
    stay_on_cores(int(sys.argv[3]))
    # What a library prints must not be taken for a reply.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _serve(getattr(import_module(sys.argv[1]), sys.argv[2]), sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
