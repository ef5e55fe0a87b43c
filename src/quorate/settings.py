"""quorate.toml as typed settings, and the lines its keys stand on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from quorate.errors import LabelError, Problem, TableError, did_you_mean, listed
from quorate.features import numbers
from quorate.registry import expected
from quorate.rows import Rows
from quorate.scanning.files import keyless
from quorate.values import Gold, LabelSpace


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(_Section):
    """Where the rows are: a file, folder, glob, URL or Delta table (at a `version`), the column of row ids, the main
    text column; `labels_to` is a Delta table that every finished run writes its labels to.
    """

    path: Annotated[str, AfterValidator(keyless)]
    version: int | None = Field(default=None, ge=0)
    id: str | None = None
    text: str | None = None
    labels_to: Annotated[str, AfterValidator(keyless)] = ""


class LabelSettings(_Section):
    """What a label means, and other names for it."""

    description: str = ""
    aliases: tuple[str, ...] = ()


def _described(entry: Any) -> Any:
    return {"description": entry} if isinstance(entry, str) else entry


class GoldSettings(_Section):
    """Labels that people gave: a column of the data, or of a file of its own with the row ids in `id`."""

    column: str
    path: Path | None = None
    id: str = "id"
    use: Literal["evaluate", "anchor"] = "evaluate"

    def read(self, rows: Rows, space: LabelSpace, is_part: bool = False) -> Gold:
        """The gold that these rows hold; a part of a table may hold none.

        Raises:
            TableError: a column that is not there, or is empty.
            LabelError: a gold label that is not in the space; the message names the row.
        """
        ids, names = rows.ids.to_pylist(), rows.values(self.column)
        known = [(i, str(name)) for i, name in zip(ids, names, strict=True) if name not in (None, "")]
        for i, name in known:
            try:
                space.index(name)
            except LabelError as error:
                raise LabelError(f"gold column {self.column!r}, row {i!r}: {error}") from None
        if not known and len(rows) and not is_part:
            raise TableError(f"gold column {self.column!r} holds no label")
        return Gold.of([i for i, _ in known], [name for _, name in known], space)


class SpacySettings(_Section):
    """The pipeline that makes `doc` for labeling functions that ask for it."""

    pipeline: str = "blank:en"
    column: str | None = None


class ContentSettings(_Section):
    """What the rows contain, for the labels to be smoothed by: a column of texts, or columns of numbers."""

    column: str | None = None
    embeddings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_one_kind(self) -> Self:
        if bool(self.column) == bool(self.embeddings):
            raise ValueError('names either column = "text" or embeddings = ["e0", "e1"]')
        return self

    def read(self, rows: Rows) -> Any:
        """Texts, or float64[n, d] with NaN for empty cells; a column of lists stands for as many columns.

        Raises:
            TableError: a column that is not there, or holds neither texts nor numbers.
        """
        for name in (self.column, *self.embeddings):
            if name is not None and name not in rows.columns:
                hint = did_you_mean(name, rows.columns)
                raise TableError(f"there is no column {name!r}; the columns are {listed(rows.columns)}.{hint}")
        if self.column:
            return [None if cell is None else str(cell) for cell in rows.values(self.column)]
        return np.concatenate([numbers(rows, name) for name in self.embeddings], axis=1)


class QueueSettings(_Section):
    """The review queue: rows in it, signals that rank, the random share, and among how many rows of a large table."""

    size: int = Field(default=100, ge=0)
    candidates: int = Field(default=20_000, ge=100)
    random_share: float = Field(default=0.1, ge=0, le=1)
    signals: tuple[str, ...] | None = None


class ReviewSettings(_Section):
    """What becomes of people's answers, and how they are asked.

    `use` "anchor" teaches the label model with them. Votes are hidden until the reviewer chose on the rows that
    measure (`blind` "sample": drawn at random, or read by two people), on all, or on none. `overlap` is the share of
    rows that two people read. Guideline sheets are Markdown files in the folder `guidelines`.
    """

    use: Literal["anchor", "off"] = "anchor"
    blind: Literal["sample", "always", "never"] = "sample"
    overlap: float = Field(default=0.1, ge=0, le=1)
    guidelines: Path = Path("guidelines")


class TrainSettings(_Section):
    """The end model: any scikit-learn classifier by name or dotted path, and what it reads.

    `columns` are a column of texts, or columns of numbers (by default `data.text`, else what `[content]` names);
    `reads` is what texts are cut into, "sentences" for embeddings by the model that `sentences` names, or "raw" for a
    classifier that takes texts itself.
    """

    estimator: str = "LogisticRegression"
    params: dict[str, Any] = {}
    columns: tuple[str, ...] = ()
    reads: Literal["words", "pieces", "words+pieces", "sentences", "raw"] = "words+pieces"
    sentences: str = "all-MiniLM-L6-v2"
    dimensions: int = Field(default=0, ge=0)


def _with_kind(entry: Any) -> Any:
    return {"kind": entry} if isinstance(entry, str) else entry


class RunSettings(_Section):
    """How a run goes about its work; none of it changes the outcome.

    `executor` is the name of one, or a table of its options with the name as `kind`; `workers` is for any that takes
    such a number. With `stream` (the default for data of more than 256 MB) a few partitions are held at a time.
    """

    partition_rows: int = Field(default=10_000, ge=1)
    stream: bool | None = None
    executor: Annotated[dict[str, Any], BeforeValidator(_with_kind)] = {"kind": "local"}
    workers: int | None = Field(default=None, ge=1)
    max_failure_share: float = Field(default=0.5, ge=0, le=1)


class BudgetSettings(_Section):
    """What endpoints may cost over the life of the project; a question that would go past a cap is not asked."""

    max_usd: float | None = Field(default=None, gt=0)
    max_tokens: int | None = Field(default=None, gt=0)


class PrivacySettings(_Section):
    """What may leave the machine: patterns and a function ("file.py:function") that redact, hosts that may be asked."""

    redact: tuple[str, ...] = ()
    redact_with: str = ""
    hosts: tuple[str, ...] = ()


class Settings(_Section):
    """A whole quorate.toml."""

    name: str = ""
    rules: tuple[Path, ...] = ()
    data: DataSettings
    labels: dict[str, Annotated[LabelSettings, BeforeValidator(_described)]]
    gold: GoldSettings | None = None
    spacy: SpacySettings = SpacySettings()
    endpoints: dict[str, dict[str, Any]] = {}
    budget: BudgetSettings = BudgetSettings()
    privacy: PrivacySettings = PrivacySettings()
    sources: tuple[dict[str, Any], ...] = ()
    label_model: dict[str, Any] = {"kind": "quorum"}
    content: ContentSettings | None = None
    queue: QueueSettings = QueueSettings()
    review: ReviewSettings = ReviewSettings()
    train: TrainSettings = TrainSettings()
    run: RunSettings = RunSettings()

    def space(self) -> LabelSpace:
        """
        Raises:
            LabelError: fewer than two labels, or names that are not unique.
        """
        return LabelSpace(
            tuple(self.labels),
            {name: entry.description for name, entry in self.labels.items()},
            {alias: name for name, entry in self.labels.items() for alias in entry.aliases},
        )


def parse(tree: Mapping[str, Any], text: str) -> tuple[Settings | None, list[Problem]]:
    """The settings, or every problem with its line."""
    declared = tree.get("sources", [])
    problems = [
        Problem(f"quorate.toml{line_of(text, ['sources', i])} sources[{i}]", "a source needs `kind` and `name`")
        for i, source in enumerate(declared if isinstance(declared, list) else [])
        if isinstance(source, dict) and not (source.get("kind") and source.get("name"))
    ]
    if isinstance(tree.get("label_model"), dict) and "kind" not in tree["label_model"]:
        problems.append(Problem(f"quorate.toml{line_of(text, ['label_model'])} label_model", "needs `kind`"))
    run = tree.get("run")
    if isinstance(run, dict) and isinstance(run.get("executor"), dict) and "kind" not in run["executor"]:
        problems.append(Problem(f"quorate.toml{line_of(text, ['run', 'executor'])} run.executor", "needs `kind`"))
    declared_endpoints = tree.get("endpoints", {})
    problems += [
        Problem(f"quorate.toml{line_of(text, ['endpoints', name])} endpoints.{name}", "an endpoint needs `kind`")
        for name, endpoint in (declared_endpoints if isinstance(declared_endpoints, dict) else {}).items()
        if isinstance(endpoint, dict) and not endpoint.get("kind")
    ]
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        return None, problems + [_problem(fault, text) for fault in error.errors()]
    return (None if problems else settings), problems


def line_of(text: str, where: Sequence[str | int]) -> str:
    """ ":12" for the line of the longest known beginning of a key path, or "" where none is known."""
    lines = _key_lines(text)
    path = tuple(where)
    while path and path not in lines:
        path = path[:-1]
    return f":{lines[path]}" if path else ""


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([\w-]+))\s*=""")


def _key_lines(text: str) -> dict[tuple[str | int, ...], int]:
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[str, int] = {}
    table: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = header[2]
            table = tuple(part.strip("\"' ") for part in name.split("."))
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (*table, counts[name])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1] or key[2] or key[3]), number)
    return lines


def _problem(fault: Any, text: str) -> Problem:
    where = list(fault["loc"])
    dotted = ".".join(map(str, where))
    place = f"quorate.toml{line_of(text, where)} {dotted}"
    if fault["type"] == "extra_forbidden":
        known = _known_keys(where[:-1])
        return Problem(
            place,
            f"there is no such key; known are {listed(known, 20)}.{did_you_mean(str(where[-1]), known)}",
        )
    if fault["type"] == "missing":
        return Problem(place, "is missing")
    return Problem(place, expected(fault))


def _known_keys(where: Sequence[str | int]) -> list[str]:
    """The keys of the section that a path leads to; under `labels` every name leads to one label's keys."""
    if where[:1] == ["labels"]:
        return list(LabelSettings.model_fields)
    sections: dict[str, type[BaseModel]] = {
        "data": DataSettings,
        "gold": GoldSettings,
        "content": ContentSettings,
        "spacy": SpacySettings,
        "queue": QueueSettings,
        "review": ReviewSettings,
        "budget": BudgetSettings,
        "privacy": PrivacySettings,
        "train": TrainSettings,
        "run": RunSettings,
    }
    return list(sections.get(str(where[0]) if where else "", Settings).model_fields)
