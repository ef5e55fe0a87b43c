"""A labeling project: a folder with quorate.toml, validated as a whole before anything runs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from quorate.asking.desk import DeskSettings
from quorate.collector import FILE, Collector
from quorate.connections import chosen, declared_plugin, desk_settings, open_endpoint, plugin_class
from quorate.decisions import last_decision, read_decisions
from quorate.errors import Problem, ProjectError, QuorateError, TableError
from quorate.fingerprint import fingerprint
from quorate.misfits import misfits
from quorate.protocols import Endpoint, Executor, LabelModel, Source
from quorate.registry import load, names
from quorate.rows import Rows
from quorate.rules import load_rules
from quorate.scanning.files import placed
from quorate.scanning.lines import decoded
from quorate.scanning.scan import Scan, scan
from quorate.settings import Settings, parse
from quorate.standing import joined_gold, of_these_rows, refused, reviewed_gold
from quorate.tables import read_table
from quorate.values import Gold, LabelSpace


@dataclass(frozen=True)
class Project:
    """A project whose settings and sources are valid; `read` opens its data."""

    folder: Path
    settings: Settings
    space: LabelSpace
    sources: tuple[Source, ...]
    label_model: LabelModel
    executor: Executor
    endpoints: Mapping[str, Endpoint]
    desk: DeskSettings
    text: str = field(default="", repr=False)
    """quorate.toml as it was read, for the lines of messages."""

    @property
    def name(self) -> str:
        return self.settings.name or self.folder.resolve().name

    @property
    def state(self) -> Path:
        """Where votes and runs are kept."""
        return self.folder / ".quorate"

    @property
    def decisions(self) -> Path:
        """Where people's decisions are kept."""
        return self.state / "decisions.sqlite"

    def fingerprint(self) -> str:
        """Changes with anything that can change the outcome of a run; partition size and workers cannot."""
        from quorate import __version__

        irrelevant = dict.fromkeys(("run", "name", "budget", "endpoints", "review", "train"), True)
        outcome = self.settings.model_dump(exclude={**irrelevant, "data": {"labels_to"}}, mode="json")
        decided = last_decision(self.decisions) if self.settings.review.use == "anchor" else ""
        gold = self.settings.gold
        files = [self.scan().fingerprint(), self.folder / gold.path if gold and gold.path else None]
        sources = [(source.name, source.fingerprint()) for source in self.sources]
        return fingerprint(__version__, outcome, sources, files, _doc_fingerprint(self), decided)

    def scan(self) -> Scan:
        """The data as it is now, not yet read; a TableError says that it is there no more."""
        data, gold = self.settings.data, self.settings.gold
        text = [name for name in (data.id, data.text, gold and gold.column) if name]
        return scan(placed(self.folder, data.path), text, data.version)

    def read(self) -> Data:
        """The rows and the gold.

        Raises:
            ProjectError: the data cannot be read, or does not fit the sources and labels.
        """
        collector = Collector(self.text)
        data = _read_data(self, collector)
        collector.check()
        assert data is not None, "what could not be read was noted"
        return data


@dataclass(frozen=True)
class Data:
    """What a project reads: rows without the gold column, the gold, and what people answered in review.

    `anchors` is the gold that teaches; `reviewed` holds the labels that people settled, `refused` the rows of which
    they settled that no label fits, and when.
    """

    rows: Rows
    gold: Gold | None
    anchors: Gold | None = None
    reviewed: Gold | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    content: Any = field(default=None, repr=False)
    """Texts or numbers of the rows where the settings name them, as `quorate.content` takes them."""


def open_project(folder: Path | str) -> Project:
    """The labeling project in a folder.

    Raises:
        ProjectError: every problem of quorate.toml and of the files it names, at once.
    """
    folder = Path(folder)
    path = folder / FILE
    if folder.is_file():
        raise ProjectError([Problem(str(folder), f"is a file; give the folder that holds {FILE}")])
    if not path.is_file():
        raise ProjectError([Problem(str(folder), f"there is no {FILE} here; `quorate init {folder}` writes one")])
    text, tree = _toml(path.read_bytes())
    settings, problems = parse(tree, text)
    if settings is None:
        raise ProjectError(problems)
    return _assembled(folder, settings, text)


def with_workers(project: Project, workers: int | None, executor: str = "", address: str = "") -> Project:
    """The project on so many workers of this executor at this address; what is not given is as its settings say.

    Raises:
        ProjectError: there is no such executor, or it takes no such option.
    """
    run = project.settings.run
    # The options of another executor say nothing of this one.
    declared = run.executor if executor in ("", run.executor["kind"]) else {"kind": executor}
    options = declared | ({"address": address} if address else {}) | ({"workers": workers} if workers else {})
    return replace(project, executor=_executor(options, run.workers, project.folder))


def _executor(options: Mapping[str, Any], workers: int | None, folder: Path) -> Executor:
    takes_workers = "workers" in {f.name for f in fields(plugin_class("executors", options))}
    number = {"workers": workers} if workers and takes_workers else {}
    executor: Executor = declared_plugin("executors", number | dict(options), folder)
    return executor


def _toml(content: bytes) -> tuple[str, dict[str, Any]]:
    try:
        text = decoded(FILE, content)
        return text, tomllib.loads(text)
    except (TableError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        what = str(error) if isinstance(error, TableError) else f"is not valid TOML: {error}"
        raise ProjectError([Problem(f"{FILE}:{line[1]}" if line else FILE, what)]) from None


def _assembled(folder: Path, settings: Settings, text: str) -> Project:
    collector = Collector(text)
    collect = collector.collect
    space = collect(["labels"], settings.space)
    settings = collect(["data", "path"], partial(_at_a_version, settings, folder)) or settings
    if settings.gold and settings.gold.path:
        collect(["gold", "path"], partial(scan, folder / settings.gold.path))
    rules = [collect(["rules", i], partial(_rules, folder / path)) for i, path in enumerate(settings.rules)]
    endpoints = {
        name: collect(["endpoints", name], partial(open_endpoint, name, settings, folder))
        for name in settings.endpoints
    }
    desk = collect(["privacy"], partial(desk_settings, settings, folder))
    declared = [
        collect(["sources", i], partial(_source, options, settings, folder, endpoints))
        for i, options in enumerate(settings.sources)
    ]
    model = collect(["label_model"], partial(declared_plugin, "label_models", settings.label_model, folder))
    executor = collect(["run", "executor"], partial(_executor, settings.run.executor, settings.run.workers, folder))
    for i, signal in enumerate(settings.queue.signals or ()):
        collect(["queue", "signals", i], partial(load, "signals", signal))
    sources = [source for found in rules for source in found or ()] + [source for source in declared if source]
    if not sources and not collector.problems:
        collector.note([], 'names no source; add rules = ["rules.py"] or a [[sources]] table')
    collector.check()
    return Project(folder, settings, space, tuple(sources), model, executor, endpoints, desk, text)


def _at_a_version(settings: Settings, folder: Path) -> Settings:
    """The settings, where the data is a Delta table with the version that is the newest now."""
    there = scan(placed(folder, settings.data.path), version=settings.data.version)
    pinned = settings.data.model_copy(update={"version": there.delta and there.delta.version})
    return settings.model_copy(update={"data": pinned})


def _rules(path: Path) -> list[Source]:
    try:
        return load_rules(path)
    except ProjectError as error:
        # They name the file; the places of other problems are keys of quorate.toml.
        raise ProjectError([Problem("", str(problem)) for problem in error.problems]) from None


def _source(options: Mapping[str, Any], settings: Settings, folder: Path, endpoints: Mapping[str, Any]) -> Any:
    given = dict(options)
    if "endpoint" in given and given["kind"] in names("sources"):
        given["endpoint"] = chosen(str(given["endpoint"]), endpoints)
    if settings.data.text and any(f.name == "column" for f in fields(plugin_class("sources", given))):
        given.setdefault("column", settings.data.text)
    source: Source = declared_plugin("sources", given, folder)
    source.fingerprint()  # reads the files it needs, so that a missing one is told now
    return source


def _read_data(project: Project, collector: Collector) -> Data | None:
    def collect(section: str, key: str, make: Callable[[], Any]) -> Any:
        return collector.collect([section, key], make)

    folder, settings, gold = project.folder, project.settings.data, project.settings.gold
    table = collect("data", "path", lambda: project.scan().table())
    named = None if table is None else collect("data", "id", lambda: Rows.of(table, settings.id))
    rows = None if named is None else collect("data", "text", lambda: _with_text(named, settings.text))
    if rows is None:
        return None
    settled, known = rows, None
    if gold and gold.path:
        path = folder / gold.path
        settled = collect("gold", "path", lambda: Rows.of(read_table(path, [gold.id, gold.column]), gold.id))
    if gold and settled is not None:
        known = collect("gold", "column", lambda: gold.read(settled, project.space))
    # No source may read the answer.
    asked = _without(rows, gold.column) if gold and not gold.path else rows
    parsed = collect("spacy", "pipeline", lambda: _with_doc(project, asked))
    if parsed is None:
        return None
    for error, source, option in misfits(project.sources, parsed, project.space):
        where = declared_at(project, source, option)
        collector.problems.append(Problem(collector.place(where) if where else "", str(error)))
    meant = project.settings.content
    content = collect("content", "column", lambda: meant.read(asked)) if meant else None
    anchors = known if gold and gold.use == "anchor" else None
    return _with_decisions(project, Data(parsed, known, anchors, content=content))


def _with_decisions(project: Project, data: Data) -> Data:
    """The data with what people answered; an answer wins over the gold column."""
    if project.settings.review.use == "off":
        return data
    decided = of_these_rows(read_decisions(project.decisions), data.rows, project.settings.data.text)
    if not decided:
        return data
    reviewed = reviewed_gold(decided, project.space)
    return replace(data, anchors=joined_gold(data.anchors, reviewed), reviewed=reviewed, refused=refused(decided))


def _with_text(rows: Rows, column: str | None) -> Rows:
    if column:
        rows.arrow(column)  # tells that there is no such column
    return rows


def _without(rows: Rows, column: str) -> Rows:
    return Rows(rows.table.drop_columns([column]), rows.ids) if column in rows.columns else rows


def declared_at(project: Project, source: str, option: str) -> list[str | int]:
    """Where quorate.toml says this of a source; nowhere for a source of a Python file."""
    at = [i for i, options in enumerate(project.settings.sources) if options["name"] == source]
    return ["sources", at[-1], option] if at else []


def _with_doc(project: Project, rows: Rows) -> Rows:
    """The rows with a spaCy `doc` where a source asks for one and the data has no such column."""
    doc = None if "doc" in rows.columns else document_column(project)
    if doc is None:
        return rows
    doc.fingerprint()  # loads the pipeline, so that a missing one is told now
    return rows.deriving(doc)


def document_column(project: Project) -> Any:
    """The column of spaCy documents, if a source asks for one."""
    if not any("doc" in (source.columns or ()) for source in project.sources):
        return None
    from quorate.sources.spacy import SpacyDoc

    spacy, text = project.settings.spacy, project.settings.data.text
    beside = project.folder / spacy.pipeline
    return SpacyDoc(spacy.column or text or "text", str(beside) if beside.is_dir() else spacy.pipeline)


def _doc_fingerprint(project: Project) -> str:
    doc = document_column(project)
    try:
        return str(doc.fingerprint()) if doc else ""
    except QuorateError:
        # The data has a column `doc` of its own, or reading it tells what is missing.
        return ""
