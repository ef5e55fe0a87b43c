"""Labeling functions: a user's Python function as a source."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, ClassVar, overload

import pyarrow as pa

from quorate.attempt import DEFAULT_TIME_LIMIT_S, Fault, attempt
from quorate.errors import PluginError
from quorate.fingerprint import fingerprint
from quorate.preprocessing import Preprocessor, asked_where_whole
from quorate.reading import read_answers, read_batch, reader_for
from quorate.rows import Derives, Row, Rows, stored_columns
from quorate.values import LabelSpace, VoteColumn

WHOLE_ROW = ("row", "x")


@dataclass(frozen=True, eq=False)
class LabelingFunction:
    """A function whose parameter names are the columns it reads, or that takes the whole row as `row` or `x`.

    It returns a label name, a `{label: probability}` mapping, or None to abstain; with `label` given also True
    (votes for it) and False (abstains). `examples` maps the first column's value to the label name it must give, or
    None. `resources` are handed to parameters of their names; a function among them is called once per process.
    `pre` are functions of columns whose results are columns of their names. A `batch` function gets pandas Series
    and returns one answer per row. A call may take `time_limit_s` seconds (None: for ever).
    """

    kind: ClassVar[str] = "sources"

    function: Callable[..., Any]
    name: str
    label: str | None = None
    examples: Mapping[Any, str | None] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    pre: tuple[Derives, ...] = ()
    batch: bool = False
    time_limit_s: float | None = DEFAULT_TIME_LIMIT_S

    family: ClassVar[str] = "rule"

    def __post_init__(self) -> None:
        if self.time_limit_s is not None and not self.time_limit_s > 0:
            raise PluginError(
                f"labeling function {self.name!r}: time_limit_s is {self.time_limit_s}; every call takes more than that"
            )

    def __getstate__(self) -> dict[str, Any]:
        # Resources may be such as cannot travel; every process loads its own.
        return {name: part for name, part in vars(self).items() if name != "bound"}

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """The function, where Python looks for what an object wraps."""
        return self.function

    @classmethod
    def example(cls) -> LabelingFunction:
        return labeling_function(label="SPAM", examples={"check out my channel": "SPAM", "nice": None})(
            _mentions_channel
        )

    @classmethod
    def adopt(cls, thing: Any) -> LabelingFunction | None:
        """The thing itself when it is a labeling function."""
        return thing if isinstance(thing, LabelingFunction) else None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The parameters that are columns, in order.

        Raises:
            PluginError: parameters that cannot be columns, or a resource that no parameter takes.
        """
        parameters = inspect.signature(self.function).parameters
        loose = [p.name for p in parameters.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY)]
        unused = [name for name in self.resources if name not in parameters]
        columns = tuple(name for name, p in parameters.items() if name not in self.resources and p.default is p.empty)
        if loose or unused or not columns:
            reason = (
                f"parameter {loose[0]!r} has no column name"
                if loose
                else f"no parameter takes the resource {unused[0]!r}"
                if unused
                else "it takes no column"
            )
            raise PluginError(f"labeling function {self.name!r}: {reason}; its parameters name the columns it reads")
        return columns

    @property
    def columns(self) -> tuple[str, ...] | None:
        if _takes_row(self.inputs):
            return None
        return tuple(dict.fromkeys(stored_columns(self.inputs, {column.name: column for column in self.pre})))

    @property
    def labels(self) -> tuple[str, ...]:
        return () if self.label is None else (self.label,)

    def fingerprint(self) -> str:
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self.function, self.label, dict(self.resources), list(self.pre), self.batch)

    @cached_property
    def bound(self) -> Callable[..., Any]:
        """The function with its resources loaded."""
        if not self.resources:
            return self.function
        loaded = {name: _loaded(thing) for name, thing in self.resources.items()}
        function, inputs = self.function, self.inputs
        return lambda *cells: function(**dict(zip(inputs, cells, strict=True)), **loaded)

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        answers, faults = _ask(self, rows)
        return read_answers(answers, faults, rows.ids, self.name, reader_for(space, self.label))

    def broken_examples(self, space: LabelSpace, derived: Sequence[Derives] = ()) -> list[str]:
        """A sentence for each inline example that does not hold; `derived` as in `apply`."""
        if not self.examples:
            return []
        given, wanted = list(self.examples), list(self.examples.values())
        votes = self.vote(_example_rows(self.columns, given, derived), space)
        meant = [-1 if label is None else space.index(label) for label in wanted]
        failed = {failure.row_id: failure.message for failure in votes.failures}
        return [
            f"{self.name}({cell!r}) "
            + (
                f"failed: {failed[str(i)]}"
                if str(i) in failed
                else f"gave {_name(space, got)}, expected {_name(space, want)}"
            )
            for i, (cell, got, want) in enumerate(zip(given, votes.labels.tolist(), meant, strict=True))
            if str(i) in failed or got != want
        ]


def _ask(source: LabelingFunction, rows: Rows) -> tuple[list[Any], dict[int, Fault]]:
    """One answer per row, and the faults by position."""
    rows = rows.deriving(*source.pre)
    read = _made(source) if _takes_row(source.inputs) else source.inputs
    return asked_where_whole(rows, read, lambda whole: _ask_each(source, whole))


def _ask_each(source: LabelingFunction, rows: Rows) -> tuple[list[Any], dict[int, Fault]]:
    if source.batch:
        return _ask_batch(source, rows)
    cells = [_records(rows, _made(source))] if _takes_row(source.inputs) else [rows.values(n) for n in source.inputs]
    return attempt(source.bound, *cells, time_limit_s=source.time_limit_s)


def _made(source: LabelingFunction) -> tuple[str, ...]:
    """The columns that its pre-processors make."""
    return tuple(dict.fromkeys(column.name for column in source.pre))


def _records(rows: Rows, made: Sequence[str]) -> list[Row]:
    """The rows as a function sees them, with what its pre-processors made."""
    if not made:
        return rows.records()
    cells = zip(*(rows.values(name) for name in made), strict=True)
    return [
        Row(**vars(row) | dict(zip(made, more, strict=True))) for row, more in zip(rows.records(), cells, strict=True)
    ]


def _ask_batch(source: LabelingFunction, rows: Rows) -> tuple[list[Any], dict[int, Fault]]:
    import pandas as pd

    cells: list[Any] = (
        [rows.table.to_pandas(types_mapper=_nullable).assign(**{name: rows.values(name) for name in _made(source)})]
        if _takes_row(source.inputs)
        else [pd.Series(rows.values(n), name=n, dtype=_dtype(rows, n)) for n in source.inputs]
    )
    answers, faults = attempt(
        lambda *columns: read_batch(source.bound(*columns), len(rows)),
        *([column] for column in cells),
        time_limit_s=source.time_limit_s,
    )
    if faults:
        return [None] * len(rows), dict.fromkeys(range(len(rows)), faults[0])
    return answers[0], {}


def _dtype(rows: Rows, name: str) -> Any:
    return None if name in rows.derived else _nullable(rows.arrow(name).type)


def _nullable(kind: pa.DataType) -> Any:
    """The pandas type of numbers that stay what they are beside a missing one: 1 must not be 1.0 then."""
    import pandas as pd

    if pa.types.is_unsigned_integer(kind):
        return pd.UInt64Dtype()
    return pd.Int64Dtype() if pa.types.is_integer(kind) else pd.BooleanDtype() if pa.types.is_boolean(kind) else None


def _loaded(resource: Any) -> Any:
    if not callable(resource):
        return resource
    return _called(resource) if isinstance(resource, Hashable) else resource()


@cache
def _called(load: Callable[[], Any]) -> Any:
    # Once per process for all labeling functions that share the resource.
    return load()


def _takes_row(inputs: tuple[str, ...]) -> bool:
    return len(inputs) == 1 and inputs[0] in WHOLE_ROW


@overload
def labeling_function(function: Callable[..., Any], /) -> LabelingFunction: ...
@overload
def labeling_function(
    function: None = None,
    *,
    name: str | None = None,
    label: str | None = None,
    examples: Mapping[Any, str | None] | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Any] = (),
    batch: bool = False,
    time_limit_s: float | None = DEFAULT_TIME_LIMIT_S,
) -> Callable[[Callable[..., Any]], LabelingFunction]: ...
def labeling_function(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    label: str | None = None,
    examples: Mapping[Any, str | None] | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Any] = (),
    batch: bool = False,
    time_limit_s: float | None = DEFAULT_TIME_LIMIT_S,
) -> Any:
    """The decorator that makes a `LabelingFunction`; see there. Works with and without arguments.

    >>> @labeling_function(label="SPAM", examples={"Check out my page": "SPAM", "nice": None})
    ... def check_out(text):
    ...     return "check out" in text.lower()
    """

    if isinstance(function, str):
        raise PluginError(f'a label is given by its keyword: @labeling_function(label="{function}")')

    def decorate(wrapped: Callable[..., Any]) -> LabelingFunction:
        return LabelingFunction(
            function=wrapped,
            name=name or wrapped.__name__,
            label=label,
            examples=dict(examples or {}),
            resources=dict(resources or {}),
            pre=tuple(p if hasattr(p, "derive") else Preprocessor(p) for p in pre),
            batch=batch,
            time_limit_s=time_limit_s,
        )

    return decorate if function is None else decorate(function)


def _example_rows(columns: tuple[str, ...] | None, cells: list[Any], derived: Sequence[Derives]) -> Rows:
    """One row per example: a cell is the only column's value, or a tuple or mapping for several."""
    wanted = columns or ("text",)
    names = tuple(dict.fromkeys(stored_columns(wanted, {column.name: column for column in derived})))
    records = [
        dict(cell)
        if isinstance(cell, Mapping)
        else dict(zip(names, cell if isinstance(cell, tuple) and len(names) > 1 else (cell,), strict=False))
        for cell in cells
    ]
    table = pa.Table.from_pylist([{n: record.get(n) for n in names} | record for record in records])
    return Rows.of(table).deriving(*(column for column in derived if column.name in wanted))


def _name(space: LabelSpace, y: int) -> str:
    return "None" if y < 0 else repr(space.names[y])


def _mentions_channel(text: str | None) -> bool:
    return "channel" in (text or "")


__all__ = ["LabelingFunction", "Preprocessor", "Row", "labeling_function"]

plugin = LabelingFunction
