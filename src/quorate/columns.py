"""Puts columns of votes together: fresh votes into a stored column, partitions into a label matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.values import LabelSpace, Status, VoteColumn, Votes


def filled(column: VoteColumn, at: NDArray[np.intp], fresh: VoteColumn, k: int) -> VoteColumn:
    """The column with fresh votes at some positions; k labels."""
    labels, status = column.labels.copy(), column.status.copy()
    labels[at], status[at] = fresh.labels, fresh.status
    stored = dict(zip(np.flatnonzero(column.status == Status.FAILED).tolist(), column.failures, strict=True))
    failed = at[fresh.status == Status.FAILED].tolist()
    failures = stored | dict(zip(failed, fresh.failures, strict=True))
    return VoteColumn(
        labels,
        status,
        _placed(column.confidence, at, fresh.confidence, (len(labels),)),
        _placed(column.distribution, at, fresh.distribution, (len(labels), k)),
        tuple(failures[i] for i in sorted(failures)),
    )


def taken(column: VoteColumn, at: NDArray[np.intp]) -> VoteColumn:
    """The column of the rows at these positions, which ascend."""
    kept = set(at.tolist())
    failed = np.flatnonzero(column.status == Status.FAILED).tolist()
    return VoteColumn(
        column.labels[at],
        column.status[at],
        None if column.confidence is None else column.confidence[at],
        None if column.distribution is None else column.distribution[at],
        tuple(failure for i, failure in zip(failed, column.failures, strict=True) if i in kept),
    )


def joined(
    space: LabelSpace,
    ids: pa.StringArray,
    sources: Sequence[tuple[str, str]],
    columns: Mapping[str, Sequence[VoteColumn]],
) -> Votes:
    """The votes of all rows, from the name and family of each source and its columns, one a partition in row order."""
    m, n, k = len(sources), len(ids), len(space)
    names, families = tuple(name for name, _ in sources), tuple(family for _, family in sources)
    matrix, status = np.empty((n, m), np.int16), np.empty((n, m), np.uint8)
    confidence = np.full((n, m), np.nan, np.float32)
    distributions: dict[str, NDArray[np.float32]] = {}
    for j, name in enumerate(names):
        start = 0
        for column in columns[name]:
            stop = start + len(column.labels)
            matrix[start:stop, j], status[start:stop, j] = column.labels, column.status
            if column.confidence is not None:
                confidence[start:stop, j] = column.confidence
            if column.distribution is not None:
                whole = distributions.setdefault(name, np.full((n, k), np.nan, np.float32))
                whole[start:stop] = column.distribution
            start = stop
    # Source by source, so that the order of failures does not depend on how the rows were cut.
    failures = tuple(failure for name in names for column in columns[name] for failure in column.failures)
    soft = None if np.isnan(confidence).all() else confidence
    return Votes(space, ids, names, families, matrix, status, soft, distributions, failures)


def _placed(old: Any, at: NDArray[np.intp], new: Any, shape: tuple[int, ...]) -> Any:
    if old is None and new is None:
        return None
    array = np.full(shape, np.nan, np.float32) if old is None else old.copy()
    array[at] = np.nan if new is None else new
    return array
