"""endpoints: how near to the wire's speed models are asked, journal and limiter on; memory; a storm of 429.

The server is `quorate.loopback` in a process of its own, on a core of its own where there are two.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measurement import Context, Measurement, WrongAnswer
from benchmarks.timing import medians
from benchmarks.worker import Worker

TARGETS = {
    "openai_time_over_aiohttp_64": 1 / 0.80,
    "openai_time_over_aiohttp_256": 1 / 0.45,
    "http_time_over_aiohttp_64": 1 / 0.80,
    "http_time_over_aiohttp_256": 1 / 0.45,
    "memory_grown_mb": 50,
    "storm_ideal_over_rate": 1 / 0.90,
    "storm_wasted_share": 0.05,
}
_LATENCY_S = 0.2
_LABELS = ("HAM", "SPAM")
_PROMPT = "Is this comment spam? " + "It was written under a music video, among many others like it. " * 12
_STORM_PER_S = 50.0
_WARM_S = 5.0
"""The storm's rate is taken after so long, when the pace is found."""


def measure(context: Context) -> Iterator[Measurement]:
    """Rates at 64 and 256 in flight, memory of a short and a long run, and a server that allows 50 requests/s."""
    rounds, rows = (2, {64: 800, 256: 1600}) if context.quick else (5, {64: 1920, 256: 5120})
    with Worker(server, latency_s=_LATENCY_S) as serving:
        url = serving.ask().answer
        for in_flight, n in rows.items():
            yield from _rates(url, in_flight, n, rounds)
    yield from _memory((2_000, 10_000) if context.quick else (10_000, 200_000))
    yield from _storm(500 if context.quick else 2_000)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """The ratios that the targets are about."""
    found = {(m.case, m.metric): m for m in measurements}
    rates = {
        case.replace(" at ", "_time_over_aiohttp_"): round(m.ours / m.peers["aiohttp"], 4)
        for (case, metric), m in found.items()
        if metric == "time" and "aiohttp" in m.peers
    }
    memory, storm = found["memory", "peak"], found["storm of 429", "rate"]
    return rates | {
        "memory_grown_mb": round(memory.ours - memory.peers["short_run"], 1),
        "storm_ideal_over_rate": round(storm.peers["ideal"] / storm.ours, 4),
        "storm_wasted_share": round(found["storm of 429", "wasted share"].ours, 4),
    }


def _rates(url: str, in_flight: int, n: int, rounds: int) -> Iterator[Measurement]:
    with TemporaryDirectory() as scratch, ExitStack() as stack:
        setup: dict[str, Any] = {"url": url, "in_flight": in_flight, "n": n}
        workers = {"aiohttp": stack.enter_context(Worker(aiohttp_loop, **setup))}
        for kind in ("openai", "http"):
            folder = str(Path(scratch) / kind)
            workers[kind] = stack.enter_context(Worker(asked_by_quorate, kind=kind, folder=folder, **setup))
        for name, worker in workers.items():
            if worker.ask().answer != n:
                raise WrongAnswer(f"{name} did not get {n} right answers")
        times = medians({name: worker.time for name, worker in workers.items()}, rounds)
    for kind in ("openai", "http"):
        case, peer = f"{kind} at {in_flight}", times["aiohttp"]
        yield Measurement(case, "time", times[kind].wall_s, {"aiohttp": peer.wall_s}, "s")
        yield Measurement(case, "rate", n / times[kind].wall_s, {"aiohttp": n / peer.wall_s}, "1/s")
        yield Measurement(case, "cpu", 1e3 * times[kind].cpu_s / n, {"aiohttp": 1e3 * peer.cpu_s / n}, "ms")


def _memory(sizes: tuple[int, int]) -> Iterator[Measurement]:
    peaks = []
    with Worker(server, latency_s=0.0) as serving, TemporaryDirectory() as scratch:
        url = serving.ask().answer
        for n in sizes:
            setup: dict[str, Any] = {
                "url": url,
                "in_flight": 64,
                "n": n,
                "kind": "http",
                "folder": str(Path(scratch) / str(n)),
            }
            with Worker(peak_memory, **setup) as worker:
                peaks.append(worker.ask().answer)
    yield Measurement("memory", "peak", peaks[1], {"short_run": peaks[0]}, "MB")


def _storm(n: int) -> Iterator[Measurement]:
    with Worker(server, latency_s=0.02, requests_per_s=_STORM_PER_S) as serving, TemporaryDirectory() as scratch:
        url = serving.ask().answer
        setup: dict[str, Any] = {"url": url, "in_flight": 64, "n": n, "kind": "http", "folder": scratch}
        with Worker(asked_by_quorate, **setup) as worker:
            reply = worker.ask()
        served = serving.ask(what="log").answer
    if reply.answer != n:
        raise WrongAnswer(f"the storm left {n - reply.answer} rows without an answer")
    refused = sum(status == 429 for status, _ in served)
    good_s = [at_s for status, at_s in served if status == 200]
    sustained = [at_s for at_s in good_s if at_s > good_s[0] + _WARM_S]
    rate = (len(sustained) - 1) / (sustained[-1] - sustained[0])
    yield Measurement("storm of 429", "time", reply.took.wall_s, {"ideal": n / _STORM_PER_S}, "s")
    yield Measurement("storm of 429", "rate", rate, {"ideal": _STORM_PER_S}, "1/s")
    yield Measurement("storm of 429", "wasted share", refused / len(served))


def server(latency_s: float, requests_per_s: float | None = None) -> Callable[..., Any]:
    """A loopback server that says HAM to everything; gives its address, or status and time of all."""
    from quorate.loopback.server import Loopback

    if hasattr(os, "sched_setaffinity"):
        cores = set(range(os.cpu_count() or 1))
        os.sched_setaffinity(0, cores - {max(cores)} or cores)
    answer = {"HAM": 0.9, "SPAM": 0.1}
    serving = Loopback(
        {"model": lambda *_: answer},
        latency_s=latency_s,
        requests_per_s=requests_per_s,
        is_logging=requests_per_s is not None,
    ).__enter__()
    return lambda what="url": (
        serving.url if what == "url" else [(served.status, served.asked.at_s) for served in serving.log]
    )


def aiohttp_loop(url: str, in_flight: int, n: int) -> Callable[[], int]:
    """The bare loop: as many posts in flight as allowed, each body read as JSON; gives how many said HAM."""
    import aiohttp

    from quorate.wire import Question
    from quorate.wires.openai_chat import asked

    question = Question("Choose.", _PROMPT, _LABELS)
    body = {"model": "model", **asked(question, True), "max_completion_tokens": 64}

    async def post_all() -> int:
        left, good = iter(range(n)), 0
        connector = aiohttp.TCPConnector(limit=in_flight)
        timeout = aiohttp.ClientTimeout(60)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

            async def work() -> None:
                nonlocal good
                for i in left:
                    mine = {**body, "messages": [{"role": "user", "content": f"{_PROMPT} {i}"}]}
                    async with session.post(f"{url}/v1/chat/completions", json=mine) as response:
                        raw = await response.json()
                        good += "HAM" in raw["choices"][0]["message"]["content"]

            await asyncio.gather(*(work() for _ in range(in_flight)))
        return good

    return lambda: asyncio.run(post_all())


def asked_by_quorate(url: str, in_flight: int, n: int, kind: str, folder: str) -> Callable[[], int]:
    """`quorate.apply` with a prompt on an endpoint, a journal and the limiter; gives how many rows voted HAM."""
    import pandas as pd

    from quorate import apply
    from quorate.asking.desk import DeskSettings
    from quorate.registry import build
    from quorate.sources.prompt import Prompt

    frame = pd.DataFrame({"text": [f"{_PROMPT} {i}" for i in range(n)]})
    limits = {"at_once": in_flight}
    if kind == "openai":
        options: dict[str, Any] = {"model": "model", "base_url": f"{url}/v1", "key": "", "limits": limits}
    else:
        request = {"model": "model", "messages": "{{ messages }}", "response_format": {"schema": "{{ schema }}"}}
        answer = "choices.0.message.content"
        usage = {"input": "usage.prompt_tokens", "output": "usage.completion_tokens"}
        options = {"url": f"{url}/v1/chat/completions", "request": request, "answer": answer, "usage": usage}
        options["limits"] = limits
    source = Prompt(name="asks", endpoint=build("endpoints", kind, options))
    rounds = count()

    def task() -> int:
        desk = DeskSettings(Path(folder) / str(next(rounds)) / "answers.sqlite")
        votes = apply(frame, [source], list(_LABELS), desk=desk)
        return int((votes.matrix == 0).sum())

    return task


def peak_memory(url: str, in_flight: int, n: int, kind: str, folder: str) -> Callable[[], float]:
    """The peak of resident memory in MB, after asking about so many rows with short texts."""
    import pandas as pd

    from quorate import apply
    from quorate.asking.desk import DeskSettings
    from quorate.registry import build
    from quorate.sources.prompt import Prompt

    frame = pd.DataFrame({"text": [f"a short comment, no. {i}" for i in range(n)]})
    options = {"url": f"{url}/classify", "limits": {"at_once": in_flight}, "model": "model"}
    request = {"model": "model", "text": "{{ prompt }}", "labels": "{{ choices }}"}
    usage = {"input": "usage.input", "output": "usage.output"}
    source = Prompt(name="asks", endpoint=build("endpoints", kind, {**options, "request": request, "usage": usage}))

    def task() -> float:
        votes = apply(frame, [source], list(_LABELS), desk=DeskSettings(Path(folder) / "answers.sqlite"))
        if (votes.matrix != 0).any():
            raise WrongAnswer("a row is without its answer")
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    return task
