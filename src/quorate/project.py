"""A labeling project: a folder with quorate.toml, validated as a whole before anything runs."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from quorate.apply import check_sources
from quorate.errors import Problem, ProjectError, QuorateError, did_you_mean, listed
from quorate.fingerprint import fingerprint
from quorate.protocols import Executor, LabelModel, Source
from quorate.registry import build, load
from quorate.rows import Rows
from quorate.rules import load_rules
from quorate.settings import Settings, line_of, parse
from quorate.tables import read_table
from quorate.values import Gold, LabelSpace

FILE = "quorate.toml"


@dataclass(frozen=True)
class Project:
    """A project whose settings and sources are valid; `read` opens its data."""

    folder: Path
    settings: Settings
    space: LabelSpace
    sources: tuple[Source, ...]
    label_model: LabelModel
    executor: Executor

    @property
    def name(self) -> str:
        return self.settings.name or self.folder.resolve().name

    @property
    def state(self) -> Path:
        """Where votes and runs are kept."""
        return self.folder / ".quorate"

    def fingerprint(self) -> str:
        """Changes with anything that can change the outcome of a run; partition size and workers cannot."""
        from quorate import __version__

        outcome = self.settings.model_dump(exclude={"run", "name"}, mode="json")
        gold = self.settings.gold
        files = [
            self.folder / self.settings.data.path,
            self.folder / gold.path if gold and gold.path else None,
        ]
        return fingerprint(__version__, outcome, [(s.name, s.fingerprint()) for s in self.sources], files)

    def read(self) -> Data:
        """The rows and the gold.

        Raises:
            ProjectError: the data cannot be read, or does not fit the sources and labels.
        """
        problems: list[Problem] = []
        data: Data | None = _collect(problems, "data", lambda: _read_data(self))
        if data is not None:
            rows = data.rows
            _collect(problems, "sources", lambda: check_sources(self.sources, rows, self.space))
        if problems or data is None:
            raise ProjectError(problems)
        return data


@dataclass(frozen=True)
class Data:
    """What a project reads: rows without the gold column, and the gold."""

    rows: Rows
    gold: Gold | None
    anchors: Gold | None = field(default=None)


def open_project(folder: Path | str) -> Project:
    """The labeling project in a folder.

    Raises:
        ProjectError: every problem of quorate.toml and of the files it names, at once.
    """
    folder = Path(folder)
    path = folder / FILE
    if not path.is_file():
        raise ProjectError([Problem(str(folder), f"there is no {FILE} here; `quorate init {folder}` writes one")])
    text = path.read_text(encoding="utf-8-sig")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectError([Problem(FILE, f"is not valid TOML: {error}")]) from None
    settings, problems = parse(tree, text)
    if settings is None:
        raise ProjectError(problems)
    return _assembled(folder, settings, text)


def with_workers(project: Project, workers: int | None) -> Project:
    """The project on so many worker processes (None: as its settings say)."""
    return project if workers is None else replace(project, executor=build("executors", "local", {"workers": workers}))


def _assembled(folder: Path, settings: Settings, text: str) -> Project:
    problems: list[Problem] = []

    def collect(where: Sequence[str | int], make: Callable[[], Any]) -> Any:
        return _collect(problems, f"{FILE}{line_of(text, where)} {_dotted(where)}".rstrip(), make)

    space = collect(["labels"], settings.space)
    rules = [collect(["rules", i], partial(load_rules, folder / path)) for i, path in enumerate(settings.rules)]
    declared = [
        collect(["sources", i], partial(_source, options, settings, folder))
        for i, options in enumerate(settings.sources)
    ]
    model = collect(["label_model"], partial(_plugin, "label_models", settings.label_model, folder))
    executor = collect(["run"], partial(build, "executors", "local", {"workers": settings.run.workers}))
    for i, signal in enumerate(settings.queue.signals or ()):
        collect(["queue", "signals", i], partial(load, "signals", signal))
    sources = [source for found in rules for source in found or ()] + [source for source in declared if source]
    if not sources and not problems:
        problems.append(Problem(FILE, 'names no source; add rules = ["rules.py"] or a [[sources]] table'))
    if problems:
        raise ProjectError(problems)
    return Project(folder, settings, space, tuple(sources), model, executor)


def _source(options: Mapping[str, Any], settings: Settings, folder: Path) -> Any:
    name = str(options.get("kind", ""))
    plugin = load("sources", name)
    given = {key: value for key, value in options.items() if key != "kind"}
    if settings.data.text and any(f.name == "column" for f in fields(plugin)):
        given.setdefault("column", settings.data.text)
    return build("sources", name, given, str(options.get("name", "")), folder)


def _plugin(kind: str, options: Mapping[str, Any], folder: Path) -> Any:
    return build(kind, str(options["kind"]), {k: v for k, v in options.items() if k != "kind"}, "", folder)


def _read_data(project: Project) -> Data:
    settings = project.settings.data
    gold = project.settings.gold
    text_columns = [name for name in (settings.id, settings.text, gold and gold.column) if name]
    table = read_table(project.folder / settings.path, text_columns)
    rows = Rows.of(table, settings.id)
    if settings.text and settings.text not in rows.columns:
        hint = did_you_mean(settings.text, rows.columns)
        raise ProjectError(
            [
                Problem(
                    "data.text",
                    f"there is no column {settings.text!r}; the columns are {listed(rows.columns)}.{hint}",
                )
            ]
        )
    known = project.settings.read_gold(project.folder, rows, project.space)
    if gold and not gold.path and gold.column in rows.columns:
        # No source may read the answer.
        rows = Rows(rows.table.drop_columns([gold.column]), rows.ids)
    anchors = known if gold and gold.use == "anchor" else None
    return Data(_with_doc(project, rows), known, anchors)


def _with_doc(project: Project, rows: Rows) -> Rows:
    """The rows with a spaCy `doc` where a source asks for one and the data has no such column."""
    if "doc" in rows.columns or not any("doc" in (source.columns or ()) for source in project.sources):
        return rows
    from quorate.sources.spacy import SpacyDoc

    spacy, text = project.settings.spacy, project.settings.data.text
    return rows.deriving(SpacyDoc(spacy.column or text or "text", spacy.pipeline))


def _collect(problems: list[Problem], where: str, make: Callable[[], Any]) -> Any:
    """What `make` gives, or None with the problem noted."""
    try:
        return make()
    except ProjectError as error:
        problems.extend(Problem(f"{where}: {p.where}".removesuffix(": "), p.what) for p in error.problems)
    except QuorateError as error:
        problems.append(Problem(where, str(error)))
    return None


def _dotted(where: Sequence[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")
