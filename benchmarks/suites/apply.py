"""apply: what it costs to ask ten rules about many rows, once and again, and what it costs to begin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measurement import Context, Measurement, WrongAnswer
from benchmarks.peers import absence, python_with
from benchmarks.spam import LABELS, RULES, comments, rules_file, write_project
from benchmarks.timing import import_time, medians
from benchmarks.worker import Took, Worker

TARGETS = {
    "ratio_to_list_comprehension": 1.3,
    "ratio_to_snorkel": 0.2,
    "patterns_ratio_to_snorkel": 0.04,
    "second_run_over_first": 0.2,
    "second_apply_over_first": 0.2,
    "import_ratio": 0.3,
    "calls_in_second_run": 0,
    "columns_rerun_after_edit": 1,
}
_EDITED = "praises_2"


def measure(context: Context) -> Iterator[Measurement]:
    """Ten functions and ten patterns against peers, a project run twice and after an edit, and the import."""
    rows, rounds = (10_000, 3) if context.quick else (100_000, 5)
    texts = comments(context, rows)
    yield from matrices(texts, rounds)
    # Votes are kept by the content of a row, so rows must differ for the first run to ask about all of them.
    numbered = [f"{text} no. {i}" for i, text in enumerate(texts)]
    with TemporaryDirectory() as scratch:
        yield from _twice(Path(scratch), numbered, rounds)
        yield from _edited(Path(scratch), numbered)
    yield from _imports(rounds)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """The ratios that the targets are about; contenders that stay on one core are compared by what they take of it."""
    found = {(m.case, m.metric): m for m in measurements}
    functions, patterns = found["ten functions", "cpu_time"], found["ten patterns", "cpu_time"]
    ratios: dict[str, Any] = {
        "ratio_to_list_comprehension": _ratio(functions, "list_comprehension"),
        "ratio_to_snorkel": _ratio(functions, "snorkel"),
        "patterns_ratio_to_snorkel": _ratio(patterns, "snorkel"),
        "second_run_over_first": _ratio(found["project, second run", "time"], "first_run"),
        "second_apply_over_first": _ratio(found["apply with a store, second run", "time"], "first_run"),
        "import_ratio": _ratio(found["import quorate", "time"], "pandas_and_sklearn"),
        "votes_identical": bool(found["ten functions", "identical votes"].ours),
        "calls_in_second_run": found["project, second run", "source calls"].ours,
        "columns_rerun_after_edit": found["project, one of 40 functions edited", "columns run"].ours,
    }
    return {name: value for name, value in ratios.items() if value is not None}


def _ratio(measurement: Measurement, peer: str) -> float | None:
    return round(measurement.ours / measurement.peers[peer], 4) if peer in measurement.peers else None


# ---- The label matrix ------------------------------------------------------------------------------------------


def matrices(texts: list[str], rounds: int) -> Iterator[Measurement]:
    """Ten functions and ten patterns against peers."""
    snorkel = python_with("snorkel")
    missing = {} if snorkel else {"snorkel": absence("snorkel")}
    with ExitStack() as stack:
        workers = {
            contender.__name__: stack.enter_context(Worker(contender, texts=texts))
            for contender in (functions, patterns, list_comprehension)
        }
        if snorkel:
            workers["snorkel"] = stack.enter_context(Worker(pandas_lf_applier, snorkel, texts=texts))
        _check_identical({name: worker.ask().answer for name, worker in workers.items()})
        times = medians({name: worker.time for name, worker in workers.items()}, rounds)
    peers = [name for name in times if name not in ("functions", "patterns")]
    yield Measurement("ten functions", "identical votes", 1, dict.fromkeys(peers, 1), missing=missing)
    for ours in ("functions", "patterns"):
        for metric, at in (("time", 0), ("cpu_time", 1)):
            theirs = {peer: times[peer][at] for peer in peers}
            yield Measurement(f"ten {ours}", metric, times[ours][at], theirs, "s", missing)


def _check_identical(answers: Mapping[str, Any]) -> None:
    """
    Raises:
        WrongAnswer: two contenders voted differently, or a rule never voted or always did.
    """
    import numpy as np

    matrices = {name: np.asarray(answer, np.int16) for name, answer in answers.items()}
    plain = matrices["list_comprehension"]
    for rule, votes in zip(RULES, plain, strict=True):
        if (votes >= 0).all() or (votes < 0).all():
            raise WrongAnswer(f"rule {rule.name} votes on all rows or on none")
    for name, matrix in matrices.items():
        if matrix.shape != plain.shape or (matrix != plain).any():
            raise WrongAnswer(f"the votes of {name} are not those of the list comprehensions")


def functions(texts: list[str]) -> Callable[[], Any]:
    """`quorate.apply` with ten labeling functions."""
    import pandas as pd

    from quorate import apply, labeling_function

    frame = pd.DataFrame({"text": texts})
    sources = [labeling_function(name=r.name)(on_text(r.pattern, r.label, None)) for r in RULES]
    return lambda: apply(frame, sources, LABELS).matrix.T


def patterns(texts: list[str]) -> Callable[[], Any]:
    """`quorate.apply` with the same rules as patterns."""
    import pandas as pd

    from quorate import apply
    from quorate.sources.regex import Regex

    frame = pd.DataFrame({"text": texts})
    sources = [Regex(name=rule.name, label=rule.label, pattern=rule.pattern) for rule in RULES]
    return lambda: apply(frame, sources, LABELS).matrix.T


def list_comprehension(texts: list[str]) -> Callable[[], Any]:
    """One plain list comprehension per function."""
    rules = [on_text(rule.pattern, LABELS.index(rule.label), -1) for rule in RULES]
    return lambda: [[rule(text) for text in texts] for rule in rules]


def pandas_lf_applier(texts: list[str]) -> Callable[[], Any]:
    """Snorkel's applier with ten of its labeling functions."""
    import pandas as pd
    from snorkel.labeling import LabelingFunction, PandasLFApplier

    frame = pd.DataFrame({"text": texts})
    rules = [LabelingFunction(r.name, _on_row(r.pattern, LABELS.index(r.label), -1)) for r in RULES]
    applier = PandasLFApplier(rules)
    return lambda: applier.apply(frame, progress_bar=False).T


def on_text(pattern: str, vote: Any, abstain: Any) -> Callable[[str], Any]:
    """A rule on texts: the vote where the pattern is found, else the abstention."""
    expression = re.compile(pattern, re.IGNORECASE | re.ASCII)

    def rule(text: str) -> Any:
        return vote if expression.search(text) else abstain

    return rule


def _on_row(pattern: str, vote: Any, abstain: Any) -> Callable[[Any], Any]:
    expression = re.compile(pattern, re.IGNORECASE | re.ASCII)

    def rule(x: Any) -> Any:
        return vote if expression.search(x.text) else abstain

    return rule


# ---- The second run --------------------------------------------------------------------------------------------


def _twice(scratch: Path, texts: list[str], rounds: int) -> Iterator[Measurement]:
    with Worker(with_store, texts=texts) as store, Worker(project_run) as project:
        for case, worker in (("apply with a store", store), ("project", project)):
            folder = scratch / case
            first: list[list[str]] = []
            again: list[list[str]] = []
            times = medians(
                {
                    "first_run": _run_of(worker, folder, first, partial(write_project, folder, texts)),
                    "second_run": _run_of(worker, folder, again, lambda: None),
                },
                rounds,
            )
            if any(set(asked) != set(first[0]) or len(set(asked)) != len(RULES) for asked in first):
                raise WrongAnswer(f"{case}: a first run did not ask all {len(RULES)} sources")
            yield Measurement(f"{case}, second run", "source calls", max(map(len, again)), {"first_run": len(first[0])})
            yield _timed(f"{case}, second run", times["second_run"], first_run=times["first_run"])


def _edited(scratch: Path, texts: list[str]) -> Iterator[Measurement]:
    case, folder = "project, one of 40 functions edited", scratch / "forty"
    write_project(folder, texts, copies=4)
    with Worker(project_run) as worker:
        first = worker.ask(folder=str(folder))
        (folder / "rules.py").write_text(rules_file(4, _EDITED), "utf-8")
        again = worker.ask(folder=str(folder))
    if len(set(first.answer)) != 40 or _EDITED not in again.answer:
        raise WrongAnswer(f"{case}: the first run asked {len(set(first.answer))} sources, the next {again.answer}")
    yield Measurement(case, "columns run", len(set(again.answer)), {"first_run": len(set(first.answer))})
    yield _timed(case, again.took, first_run=first.took)


def _timed(case: str, ours: Took, **other: Took) -> Measurement:
    return Measurement(case, "time", ours.wall_s, {name: took.wall_s for name, took in other.items()}, "s")


def with_store(texts: list[str]) -> Callable[[str], list[str]]:
    """`quorate.apply` with a store in a folder; the answer names the source of every call."""
    import pandas as pd

    from quorate import apply, labeling_function
    from quorate.store import Store

    frame = pd.DataFrame({"text": texts})

    def task(folder: str) -> list[str]:
        asked: list[str] = []
        # Made anew, so that nothing but the folder is left of the first run.
        made = [labeling_function(name=r.name)(on_text(r.pattern, r.label, None)) for r in RULES]
        apply(frame, [Counted(source, asked) for source in made], LABELS, store=Store(Path(folder)))
        return asked

    return task


def project_run() -> Callable[[str], list[str]]:
    """Opens and runs the project in a folder; the answer names the source of every call."""
    from quorate import open_project, run

    def task(folder: str) -> list[str]:
        asked: list[str] = []
        project = open_project(folder)
        run(replace(project, sources=tuple(Counted(source, asked) for source in project.sources)))
        return asked

    return task


@dataclass(frozen=True)
class Counted:
    """A source that notes its name in `asked` whenever it is asked."""

    source: Any
    asked: list[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def vote(self, rows: Any, space: Any) -> Any:
        self.asked.append(self.source.name)
        return self.source.vote(rows, space)


def _run_of(worker: Worker, folder: Path, asked: list[list[str]], prepare: Callable[[], None]) -> Callable[[], Took]:
    def run() -> Took:
        prepare()
        reply = worker.ask(folder=str(folder))
        asked.append(reply.answer)
        return reply.took

    return run


# ---- The import ------------------------------------------------------------------------------------------------


def _imports(rounds: int) -> Iterator[Measurement]:
    modules = {"import quorate": "quorate", "import all that a run needs": "quorate.run", "peer": "pandas, sklearn"}
    for imported in modules.values():
        import_time(imported)  # the first time writes the compiled files
    times = medians({name: partial(import_time, imported) for name, imported in modules.items()}, 2 * rounds)
    peer = times.pop("peer")
    for case, ours in times.items():
        yield _timed(case, ours, pandas_and_sklearn=peer)
