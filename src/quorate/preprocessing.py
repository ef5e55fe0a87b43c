"""Pre-processors: columns that users' functions make of other columns, and what becomes of rows where one failed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from quorate.attempt import Fault, attempt
from quorate.fingerprint import fingerprint
from quorate.rows import Rows


@dataclass(frozen=True, eq=False)
class Preprocessor:
    """A column computed by a function of other columns; the function's name is the column's."""

    function: Callable[..., Any]

    @property
    def name(self) -> str:
        return self.function.__name__

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self.function)

    def fingerprint(self) -> str:
        return self._fingerprint

    def derive(self, rows: Rows) -> list[Any]:
        cells, faults = asked_where_whole(
            rows, self.columns, lambda whole: attempt(self.function, *(whole.values(name) for name in self.columns))
        )
        return [faults.get(i, cell) for i, cell in enumerate(cells)]


def asked_where_whole(
    rows: Rows, read: Sequence[str], ask: Callable[[Rows], tuple[list[Any], dict[int, Fault]]]
) -> tuple[list[Any], dict[int, Fault]]:
    """What `ask` says of the rows whose derived columns could be computed; the others have the fault of theirs."""
    derived = (rows.values(name) for name in read if name in rows.derived)
    spoilt = {i: cell for column in derived for i, cell in enumerate(column) if isinstance(cell, Fault)}
    if not spoilt:
        return ask(rows)
    whole = [i for i in range(len(rows)) if i not in spoilt]
    answers, faults = ask(rows.take(np.array(whole, np.intp)))
    by_row = dict(zip(whole, answers, strict=True))
    return [by_row.get(i) for i in range(len(rows))], spoilt | {whole[i]: fault for i, fault in faults.items()}
