"""What does not fit between sources, rows and labels, found before any source is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from quorate.errors import LabelError, PluginError, QuorateError, TableError, did_you_mean, listed
from quorate.protocols import Particular, Source
from quorate.rows import Rows
from quorate.values import LabelSpace

ROW_ID = "row_id"


def check_sources(sources: Sequence[Source], rows: Rows, space: LabelSpace) -> None:
    """
    Raises:
        PluginError, TableError, LabelError: the first of the misfits.
    """
    for error, _, _ in misfits(sources, rows, space):
        raise error


def misfits(sources: Sequence[Source], rows: Rows, space: LabelSpace) -> Iterator[tuple[QuorateError, str, str]]:
    """Every reason why these sources cannot vote on these rows, with the source's name and the option at fault."""
    if not sources:
        yield PluginError("there are no sources; give at least one labeling function, pattern or model"), "", ""
    for name, count in Counter(source.name for source in sources).items():
        if count > 1:
            yield PluginError(f"two sources are called {name!r}; every source needs a name of its own"), name, "name"
        if name == ROW_ID:
            yield (
                PluginError(f"{name!r} names the row ids in what a run writes; rename the source"),
                name,
                "name",
            )
    for source in sources:
        for option, check in (("column", _check_columns), ("label", _check_labels)):
            try:
                check(source, rows, space)
            except QuorateError as error:
                yield error, source.name, option


def _check_columns(source: Source, rows: Rows, _: LabelSpace) -> None:
    known = (*rows.columns, *rows.derived)
    for column in source.columns or ():
        if column not in known:
            raise TableError(
                f"source {source.name!r} reads column {column!r}, and there is none; "
                f"the columns are {listed(known)}.{did_you_mean(column, known)}"
            )
    if isinstance(source, Particular):
        source.check(rows)


def _check_labels(source: Source, _: Rows, space: LabelSpace) -> None:
    for label in source.labels:
        try:
            space.index(label)
        except LabelError as error:
            raise LabelError(f"source {source.name!r} votes for {str(error).replace(' is', ', which is', 1)}") from None
