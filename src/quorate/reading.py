"""Reads what a labeling function returned as votes: label names, True/False, distributions, abstentions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.attempt import Fault
from quorate.errors import LabelError
from quorate.values import ABSTAIN, Failure, LabelSpace, Status, VoteColumn

_SUM_TOLERANCE = 0.01


def read_answers(
    answers: Sequence[Any],
    faults: Mapping[int, Fault],
    ids: pa.StringArray,
    source: str,
    read: Callable[[Any], int | NDArray[np.float32]],
) -> VoteColumn:
    """One column of votes from one answer per row.

    `read` turns an answer into a label int, -1 or a distribution float32[k], and raises LabelError for anything
    else; it is called once per distinct hashable answer. Every fault and every LabelError is a failed vote.
    """
    reader = _Reader(read)
    labels = np.array([reader(answer) for answer in answers], np.int16).reshape(len(answers))
    status = np.where(labels == ABSTAIN, Status.ABSTAINED, Status.VOTED).astype(np.uint8)
    bad = dict(faults) | {i: reader.fault(answers[i]) for i in np.flatnonzero(labels == _BAD).tolist()}
    for i in bad:
        labels[i], status[i] = ABSTAIN, Status.FAILED
    failures = tuple(
        Failure(ids[i].as_py(), source, fault.reason, fault.message, fault.traceback)
        for i, fault in sorted(bad.items())
    )
    soft = _stack(reader, answers)
    return VoteColumn(labels, status, None if soft is None else soft.max(axis=1), soft, failures)


def read_batch(answers: Any, n: int) -> list[Any]:
    """The n answers of one call of a batch function, None where a pandas column has NaN or NA.

    Raises:
        LabelError: it is no column of n answers.
    """
    if isinstance(answers, str | bytes | Mapping | Set) or not isinstance(answers, Iterable):
        raise LabelError(f"a batch function returns one answer per row, in order; this one returned {_short(answers)}")
    column = answers.tolist() if hasattr(answers, "tolist") else list(answers)
    if len(column) != n:
        raise LabelError(f"a batch function returns one answer per row; it got {n} rows and returned {len(column)}")
    return [None if _is_missing(answer) else answer for answer in column]


def _is_missing(answer: Any) -> bool:
    import pandas as pd

    return answer is pd.NA or (isinstance(answer, float) and math.isnan(answer))


def reader_for(space: LabelSpace, label: str | None) -> Callable[[Any], int | NDArray[np.float32]]:
    """What the answers of a labeling function mean; `label` is the one it was declared for, if any."""
    target = None if label is None else space.index(label)

    def read(answer: Any) -> int | NDArray[np.float32]:
        if answer is None:
            return ABSTAIN
        if isinstance(answer, bool | np.bool_ | re.Match):
            if target is None:
                raise LabelError(f"returned {answer!r}: True and False need a label, @labeling_function(label=...)")
            return target if answer else ABSTAIN
        if isinstance(answer, str):
            found = space.index(answer)
            if target is not None and found != target:
                raise LabelError(f"returned {answer!r}, but was declared for {label!r} alone")
            return found
        if isinstance(answer, Mapping):
            return _distribution(answer, space)
        if isinstance(answer, int | np.integer) and answer == ABSTAIN:
            return ABSTAIN
        raise LabelError(
            f"returned {_short(answer)} ({type(answer).__name__}); return a label name, "
            "a {label: probability} mapping, or None to abstain"
        )

    return read


_BAD = -2


class _Reader:
    """Remembers what each distinct answer means, so that a million answers cost a million dictionary look-ups."""

    def __init__(self, read: Callable[[Any], int | NDArray[np.float32]]) -> None:
        self._read = read
        self._known: dict[Any, int] = {}
        self.soft: dict[int, NDArray[np.float32]] = {}

    def __call__(self, answer: Any) -> int:
        # The type is part of the key: True == 1 and "x" == subclass-of-str("x") must not share a meaning.
        key = (type(answer), answer)
        try:
            return self._known[key]
        except KeyError:
            label = self._label(answer)
            if id(answer) not in self.soft:
                self._known[key] = label
            return label
        except TypeError:
            return self._label(answer)

    def fault(self, answer: Any) -> Fault:
        try:
            self._read(answer)
        except LabelError as error:
            return Fault("bad_label", str(error))
        raise AssertionError("only answers that cannot be read have a fault")

    def _label(self, answer: Any) -> int:
        try:
            meaning = self._read(answer)
        except LabelError:
            return _BAD
        if isinstance(meaning, int):
            return meaning
        self.soft[id(answer)] = meaning
        best = np.flatnonzero(meaning >= meaning.max() - 1e-7)
        return int(best[0]) if len(best) == 1 else ABSTAIN


def _stack(reader: _Reader, answers: Sequence[Any]) -> NDArray[np.float32] | None:
    if not reader.soft:
        return None
    k = len(next(iter(reader.soft.values())))
    nothing = np.full(k, np.nan, np.float32)
    return np.stack([reader.soft.get(id(answer), nothing) for answer in answers])


def _distribution(answer: Mapping[Any, Any], space: LabelSpace) -> NDArray[np.float32]:
    probs = np.full(len(space), np.nan)
    for name, value in answer.items():
        if not isinstance(name, str):
            raise LabelError(f"returned a mapping with the key {name!r}; keys are label names")
        if not isinstance(value, int | float | np.floating) or not 0 <= value <= 1 or math.isnan(value):
            raise LabelError(f"returned {value!r} for {name!r}; a probability lies between 0 and 1")
        y = space.index(name)
        if not math.isnan(probs[y]):
            raise LabelError(f"returned a mapping that names {space.names[y]!r} twice, the second time as {name!r}")
        probs[y] = value
    unsaid, total = np.isnan(probs), float(np.nansum(probs))
    if total > 1 + _SUM_TOLERANCE or total == 0 or (not unsaid.any() and total < 1 - _SUM_TOLERANCE):
        raise LabelError(f"returned probabilities that sum to {total:g}, not 1")
    # Labels it did not mention share what is left.
    probs[unsaid] = max(1 - total, 0) / max(unsaid.sum(), 1)
    return np.asarray(probs / probs.sum(), np.float32)


def _short(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 60 else text[:57] + "..."
