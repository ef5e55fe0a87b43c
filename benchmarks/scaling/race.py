"""A race: contenders on the same votes, each time in a fresh process, one after another, round after round."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measurement import Measurement, WrongAnswer
from benchmarks.peers import absence, python_with
from benchmarks.scaling import contenders
from benchmarks.scaling.synthetic import Shape, write_arrays
from benchmarks.watch import Limits, Stopped, available_gib
from benchmarks.worker import Took, Worker

_OFF, _SLOW_S = 1e-3, 20.0
OURS = "quorate"


@dataclass(frozen=True, slots=True)
class Entrant:
    """A contender, and the package that its process needs ("": this environment)."""

    name: str
    make: Callable[..., contenders.Task]
    package: str = ""


ENTRANTS = (
    Entrant(OURS, contenders.quorum),
    Entrant("numpy", contenders.numpy_floor),
    Entrant("snorkel", contenders.snorkel, "snorkel"),
    Entrant("hyperlm", contenders.hyperlm, "hyperlm"),
    Entrant("crowdkit", contenders.crowdkit, "crowdkit"),
    Entrant("skweak", contenders.skweak, "skweak"),
    Entrant("cleanlab", contenders.cleanlab, "cleanlab"),
)


@dataclass(frozen=True, slots=True)
class Finish:
    """What one contender took: seconds by lap, its memory, and how good its answer is in percent."""

    laps: Mapping[str, Took]
    peak_mib: float
    accuracy: float

    @property
    def took(self) -> Took:
        """All but what it made of the matrix first."""
        counted = [took for name, took in self.laps.items() if name != "prepare"]
        return Took(sum(took.wall_s for took in counted), sum(took.cpu_s for took in counted))


@dataclass(frozen=True, slots=True)
class Race:
    """Who finished, and why the others did not."""

    shape: Shape
    finished: Mapping[str, Finish] = field(default_factory=dict)
    excuses: Mapping[str, str] = field(default_factory=dict)

    def prospect(self, name: str, shape: Shape, limit_s: float) -> str:
        """Why this entrant is not even started on more of the same; "" where it may be."""
        if name in self.excuses:
            return self.excuses[name]
        if name not in self.finished or name == OURS:
            return ""
        times, known = shape.rows / self.shape.rows, self.finished[name]
        if known.took.cpu_s * times > limit_s:
            return f"over {limit_s:g} s; {known.took.cpu_s:.0f} s at {self.shape.rows:,} rows"
        needs = known.peak_mib * times / 1024
        if times > 1 and needs > available_gib():
            return f"out of memory; {known.peak_mib / 1024:.1f} GiB at {self.shape.rows:,} rows"
        return ""


def race(shape: Shape, rounds: int, limit_s: float, before: Race | None = None) -> Race:
    """The race of all entrants over votes of this shape; `before`: one over fewer rows that shows who is hopeless.

    Raises:
        WrongAnswer: ours is wrong, or did not finish.
    """
    excuses = {e.name: reason for e in ENTRANTS if (reason := _reason(e, shape, limit_s, before))}
    runs: dict[str, list[Finish]] = {e.name: [] for e in ENTRANTS if e.name not in excuses}
    with TemporaryDirectory() as folder:
        write_arrays(Path(folder), shape)
        for _ in range(rounds):
            for entrant in [e for e in ENTRANTS if _runs_again(e.name, runs, excuses)]:
                outcome = _run(entrant, folder, shape, limit_s)
                if isinstance(outcome, str):
                    excuses[entrant.name] = outcome
                else:
                    runs[entrant.name].append(outcome)
    if not runs.get(OURS):
        raise WrongAnswer(f"{shape.title}: ours did not finish: {excuses[OURS]}")
    # Who finished once has a time, whatever came later: the machine may have been full of others.
    return Race(
        shape,
        {name: _middle(done) for name, done in runs.items() if done},
        {name: reason for name, reason in excuses.items() if not runs.get(name)},
    )


def lines(found: Race, accuracy: bool = True) -> Iterator[Measurement]:
    """Time, time of the core, memory, accuracy, and what stands behind the time of ours and of the floor."""
    ours, case = found.finished[OURS], found.shape.title
    others = {name: done for name, done in found.finished.items() if name != OURS}

    def line(metric: str, unit: str, value: Callable[[Finish], float]) -> Measurement:
        theirs = {name: value(done) for name, done in others.items()}
        return Measurement(case, metric, value(ours), theirs, unit, found.excuses)

    yield line("time", "s", lambda done: done.took.wall_s)
    yield line("cpu_time", "s", lambda done: done.took.cpu_s)
    yield line("peak_memory", "MiB", lambda done: done.peak_mib)
    if accuracy:
        yield line("accuracy", "%", lambda done: done.accuracy)
        for lap, took in ours.laps.items():
            theirs = {name: done.laps[lap].cpu_s for name, done in others.items() if lap in done.laps}
            yield Measurement(case, f"cpu_time_to_{lap}", took.cpu_s, theirs, "s")


def _reason(entrant: Entrant, shape: Shape, limit_s: float, before: Race | None) -> str:
    if entrant.package and python_with(entrant.package) is None:
        return absence(entrant.package)
    return before.prospect(entrant.name, shape, limit_s) if before else ""


def _runs_again(name: str, runs: Mapping[str, Sequence[Finish]], excuses: Mapping[str, str]) -> bool:
    """Who took long is not asked to do it again."""
    return name not in excuses and not (runs[name] and runs[name][-1].took.cpu_s > _SLOW_S)


def _run(entrant: Entrant, folder: str, shape: Shape, limit_s: float) -> Finish | str:
    python = (python_with(entrant.package) if entrant.package else None) or None
    setup: dict[str, Any] = {"limits": Limits(limit_s), "folder": folder, "labels": shape.labels}
    if python:
        setup["python"] = python
    try:
        with Worker(entrant.make, **setup) as worker:
            answer = worker.ask().answer
    except Stopped as error:
        return str(error)
    except RuntimeError as error:
        printed = str(error).partition(":\n")[2].strip().splitlines()
        return f"died; {printed[-1] if printed else 'without a word, as when the system kills it'}"
    return _checked(entrant, answer, shape)


def _checked(entrant: Entrant, answer: Mapping[str, Any], shape: Shape) -> Finish | str:
    """
    Raises:
        WrongAnswer: ours is not what it must be; a peer's is its excuse.
    """
    wrong = ""
    if answer["rows"] != shape.rows:
        wrong = f"wrong; {answer['rows']:,} rows of {shape.rows:,} answered"
    elif answer["off"] > _OFF:
        wrong = f"wrong; probabilities miss the sum of 1 by {answer['off']:.2g}"
    elif answer["accuracy"] <= 100 / shape.labels:
        wrong = f"wrong; {answer['accuracy']:.1f} % right, no better than a guess"
    if not wrong:
        laps = {name: Took(*took) for name, took in answer["laps"].items()}
        return Finish(laps, answer["peak_mib"], answer["accuracy"])
    if entrant.name == OURS:
        raise WrongAnswer(f"{shape.title}: {wrong}")
    return wrong


def _middle(done: Sequence[Finish]) -> Finish:
    laps = {name: Took(*map(median, zip(*(one.laps[name] for one in done), strict=True))) for name in done[0].laps}
    return Finish(laps, median(one.peak_mib for one in done), median(one.accuracy for one in done))


def load() -> str:
    """How busy the machine is, as the system tells it."""
    return ", ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
