"""Snorkel's own labeling functions, unchanged: their int labels are read through the label space (index = int)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from quorate.attempt import DEFAULT_TIME_LIMIT_S, attempt
from quorate.errors import LabelError
from quorate.fingerprint import fingerprint
from quorate.reading import read_answers
from quorate.registry import vendor
from quorate.rows import Rows
from quorate.values import ABSTAIN, LabelSpace, VoteColumn


@dataclass(frozen=True, eq=False)
class SnorkelFunction:
    """An object of `snorkel.labeling` (`LabelingFunction` and its subclasses) as a source.

    Each row reaches it as the pandas Series that Snorkel's own `PandasLFApplier` would hand it.
    """

    kind: ClassVar[str] = "sources"
    family: ClassVar[str] = "rule"

    function: Any
    time_limit_s: float = DEFAULT_TIME_LIMIT_S

    @classmethod
    def example(cls) -> SnorkelFunction:
        labeling = vendor("snorkel.labeling", "snorkel")
        return cls(labeling.LabelingFunction("short", _short_comment))

    @classmethod
    def adopt(cls, thing: Any) -> SnorkelFunction | None:
        """A source for an object of Snorkel's class, found without importing Snorkel."""
        bases = {f"{base.__module__}.{base.__qualname__}" for base in type(thing).__mro__}
        return cls(thing) if "snorkel.labeling.lf.core.LabelingFunction" in bases else None

    @property
    def name(self) -> str:
        return str(self.function.name)

    @property
    def columns(self) -> tuple[str, ...] | None:
        return None

    @property
    def labels(self) -> tuple[str, ...]:
        return ()

    def fingerprint(self) -> str:
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        # Memoised preprocessors hold the rows they met; only what they compute with may count.
        pre = [_parts(mapper) for mapper in self.function._pre]
        return fingerprint(type(self.function).__qualname__, self.function._f, dict(self.function._resources), pre)

    def __getstate__(self) -> dict[str, Any]:
        # What Snorkel's mappers remember of rows loses the fields they added when it is pickled.
        for mapper in _mappers(self.function._pre):
            mapper.reset_cache()
        return dict(vars(self))

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        # Cells as objects: a number must not look different because another row of the partition lacks one.
        frame = rows.table.to_pandas(integer_object_nulls=True).astype(object)
        series = [x for _, x in frame.iterrows()]
        answers, faults = attempt(self.function, series, time_limit_s=self.time_limit_s)
        return read_answers(answers, faults, rows.ids, self.name, _reader(len(space)))


def _mappers(mappers: Iterable[Any]) -> Iterator[Any]:
    for mapper in mappers:
        yield mapper
        yield from _mappers(mapper._pre)


def _parts(mapper: Any) -> list[Any]:
    """What a mapper computes with: not the rows it met, and of a spaCy pipeline not the words it met."""
    parts: dict[str, Any] = {name: part for name, part in vars(mapper).items() if name not in ("_cache", "_pre")}
    if "_nlp" in parts:
        parts["_nlp"] = parts["_nlp"].to_bytes(exclude=["vocab"])
    return [type(mapper).__qualname__, parts, [_parts(before) for before in mapper._pre]]


def _reader(k: int) -> Callable[[Any], int]:
    def read(answer: Any) -> int:
        if isinstance(answer, int | np.integer) and ABSTAIN <= answer < k:
            return int(answer)
        if answer is None:
            return ABSTAIN
        raise LabelError(f"returned {answer!r}; a Snorkel function returns an int from -1 to {k - 1} here")

    return read


def _short_comment(x: Any) -> int:
    return 0 if isinstance(x.text, str) and len(x.text) < 20 else ABSTAIN


plugin = SnorkelFunction
