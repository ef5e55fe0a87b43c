"""A Spark cluster: one that is there, or processes of this machine (extra: `quorate[spark]`, and Java 17)."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any, ClassVar, TypeVar

from quorate.errors import ClusterError
from quorate.protocols import WorkerDied
from quorate.registry import vendor
from quorate.shipping import ahead, folded, opened, packed, unless_empty, unlike, worked

T = TypeVar("T")
R = TypeVar("R")

_TRIES = 2
_ALL = {"spark.app.name": "quorate", "spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"}
# A partition travels inside its task.
_ALL |= {"spark.rpc.message.maxSize": "1024"}
_HERE = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


@dataclass(frozen=True)
class Spark:
    """The cluster whose master is `address` ("spark://host:7077", "yarn", …), or `workers` processes here (None: one
    a core).

    In a notebook that has a Spark context the work is done there. A context of our own ends with this process, or by
    `close`; without an address it listens on 127.0.0.1 alone. `conf` are settings of Spark. A task whose worker dies
    is tried again, as Spark has it (twice here, four times elsewhere unless `spark.task.maxFailures` says otherwise);
    then it comes back as `WorkerDied`. Who has no worker for `timeout_s` stops.
    """

    kind: ClassVar[str] = "executors"

    address: str = ""
    workers: int | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0

    @classmethod
    def example(cls) -> Spark:
        vendor("pyspark", "spark")
        return cls(workers=2)

    def map(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R | WorkerDied]:
        some = unless_empty(items)
        if some is None:
            return
        context = _context(self)
        # Two items a core in flight keep them busy without a cluster that holds every partition in memory.
        most = 2 * context.defaultParallelism
        shipped = context.broadcast(packed(fn))
        pool = ThreadPoolExecutor(most, "quorate-spark")

        def send(item: T) -> Callable[[], Any]:
            return partial(_result, context, pool.submit(_job, context, shipped, packed(item)))

        try:
            yield from ahead(some, send, most)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            shipped.unpersist()

    def fold(self, fn: Callable[[T], R], merge: Callable[[R, R], R], items: Iterable[T]) -> R | WorkerDied:
        return folded(self.map(fn, items), merge)

    def close(self) -> None:
        """Ends Spark where this process started it for us."""
        while _OURS:
            _end(_OURS.pop())


@dataclass(frozen=True)
class _Started:
    """A context of our own, the Java process behind it, and what that says."""

    context: Any
    gateway: Any
    said: IO[bytes]


_OURS: list[_Started] = []
"""One at most: a process has one Spark context."""


def _context(where: Spark) -> Any:
    pyspark = vendor("pyspark", "spark")
    # The only way to ask without starting one.
    there = pyspark.SparkContext._active_spark_context
    if there is None:
        there = _started(where)
    elif where.address and there.master != where.address:
        raise ClusterError(
            f"this process has a Spark context at {there.master}, and there can be one only; stop it, or leave out "
            f"the address {where.address}"
        )
    return there


def _started(where: Spark) -> Any:
    pyspark = vendor("pyspark", "spark")
    said = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open as long as Java writes
    conf = pyspark.SparkConf(loadDefaults=False)
    for key, value in _settings(where).items():
        conf.set(key, value)
    gateway = None
    try:
        # Its Java speaks before it knows how loud it may be: into a file, for the message where it does not start.
        gateway = vendor("pyspark.java_gateway", "spark").launch_gateway(conf, {"stdout": said, "stderr": said})
        # It warns of versions of pandas, which no work of ours passes to it.
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            context = pyspark.SparkContext(conf=conf, gateway=gateway)
    except (pyspark.errors.PySparkException, vendor("py4j.protocol", "spark").Py4JError, OSError) as error:
        reason = _last_words(said, error)
        _stop(gateway, said)
        raise ClusterError(
            f"Spark did not start{' at ' + where.address if where.address else ''}: {reason}; it needs Java 17 "
            "(JAVA_HOME, or `java` in the path) and a master that answers"
        ) from None
    if where.address.startswith("local") or not where.address:
        context.pythonExec = sys.executable
    _OURS.append(_Started(context, gateway, said))
    atexit.register(where.close)
    _check(where, context)
    return context


def _settings(where: Spark) -> dict[str, str]:
    here = {} if where.address else _HERE
    master = where.address or f"local[{where.workers or os.cpu_count() or 1},{_TRIES}]"
    return {"spark.master": master, **_ALL, **here, **where.conf}


def _check(where: Spark, context: Any) -> None:
    """Asks one worker who it is; a worker without quorate can tell."""

    def who(_: int) -> tuple[str, str | None]:
        import platform
        from importlib.util import find_spec

        if find_spec("quorate") is None:
            return platform.python_version(), None
        from quorate import __version__

        return platform.python_version(), __version__

    pool = ThreadPoolExecutor(1, "quorate-spark")
    asked = pool.submit(lambda: context.parallelize([0], 1).map(who).collect())
    pool.shutdown(wait=False)
    at, problem = where.address or "127.0.0.1", ""
    try:
        [(python, quorate)] = asked.result(where.timeout_s)
        if unlike(python, quorate):
            problem = f"a Spark worker {unlike(python, quorate)}"
    except TimeoutError:
        problem = f"Spark at {at} took no work within {where.timeout_s:g} s: no master answers, or it has no free cores"
    except vendor("py4j.protocol", "spark").Py4JError as error:
        gone = f"no Spark master answers at {at}"
        broken = f"a Spark worker cannot run Python: {_reason(error)}; PYSPARK_PYTHON names the Python of workers"
        problem = gone if _is_gone(context) else broken
    if problem:
        where.close()
        raise ClusterError(problem)


def _job(context: Any, shipped: Any, item: bytes) -> bytes:
    def work(part: bytes) -> bytes:
        return worked(shipped.value, part)

    [came] = context.parallelize([item], 1).map(work).collect()
    answer: bytes = came
    return answer


def _result(context: Any, job: Any) -> Any:
    py4j = vendor("py4j.protocol", "spark")
    try:
        came = job.result()
    except py4j.Py4JJavaError as error:
        if _is_gone(context):
            raise ClusterError(f"Spark has stopped: {_reason(error)}; finished votes are kept: run again") from None
        return WorkerDied(_reason(error))
    except (py4j.Py4JError, OSError, EOFError) as error:
        raise ClusterError(f"Spark's driver is gone ({error}); finished votes are kept: run again") from None
    return opened(came)


def _is_gone(context: Any) -> bool:
    return context._jsc is None or bool(context._jsc.sc().isStopped())


def _reason(error: Any) -> str:
    """What Spark says happened, without the numbers of stages and tasks, which differ from run to run."""
    told = str(error.java_exception.getMessage()) if hasattr(error, "java_exception") else str(error)
    line = told.strip().splitlines()[0] if told.strip() else type(error).__name__
    last = line.rpartition("): ")[2].removeprefix("org.apache.spark.SparkException: ")
    # Spark adds advice on its own settings.
    return last.partition(" Consider setting")[0]


def _last_words(said: IO[bytes], error: Exception) -> str:
    said.seek(0)
    lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR" in line or "java" in line.lower()]
    return (telling or [_reason(error)])[0].strip()


def _end(started: _Started) -> None:
    started.context.stop()
    _stop(started.gateway, started.said)


def _stop(gateway: Any, said: IO[bytes]) -> None:
    """Ends the Java process too, and lets pyspark start another."""
    pyspark = vendor("pyspark", "spark")
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
    pyspark.SparkContext._gateway = pyspark.SparkContext._jvm = None
    said.close()


plugin = Spark
