"""scale: label models from ten thousand to a hundred million rows, against every peer and a floor in numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.measurement import Context, Measurement
from benchmarks.scaling import editing, estimate, files, spreading, tables, verdicts
from benchmarks.scaling.race import Race, lines, race
from benchmarks.scaling.synthetic import Shape
from benchmarks.spam import comments
from benchmarks.suites import apply

OPTIONS = ("limit", "plot", "only")
FLOORS, TARGETS = verdicts.FLOORS, verdicts.CEILINGS

_MILLION = 10**6


def measure(context: Context) -> Iterator[Measurement]:
    """Every part in turn, or those asked for; then the curves are drawn where they are wanted."""
    found = []
    for name, part in PARTS.items():
        if not context.only or name in context.only:
            for measurement in part(context):
                found.append(measurement)
                yield measurement
    if context.plot:
        from benchmarks.scaling.plot import figure

        context.plot.write_text(figure(found), "utf-8")


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """How many times faster than each peer, how much of its memory; what was assumed on paper."""
    return verdicts.summary(measurements)


def markdown(measurements: Sequence[Measurement]) -> str:
    """A table of races and one of all else."""
    return tables.markdown(measurements)


def _rows(context: Context) -> Iterator[Measurement]:
    """Ten sources, two labels, more and more rows; peers until their limit."""
    yield from _curve(context, [Shape(n) for n in ((10**4,) if context.quick else (10**4, 10**5, 10**6, 10**7))])


def _dense(context: Context) -> Iterator[Measurement]:
    """Fifty sources: hardly two rows alike."""
    for labels in (2,) if context.quick else (2, 20):
        yield from _curve(context, [Shape(n, 50, labels) for n in ((2_000,) if context.quick else (10**5, _MILLION))])


def _sources(context: Context) -> Iterator[Measurement]:
    """A thousand rows in quick runs and a hundred thousand else, from tens to thousands of sources."""
    yield from _curve(context, [Shape(_fixed(context), m) for m in ((200,) if context.quick else (50, 200, 2_000))])


def _labels(context: Context) -> Iterator[Measurement]:
    """As many rows, twenty sources, from two to a thousand labels."""
    some = (20,) if context.quick else (2, 10, 100, 1_000)
    yield from _curve(context, [Shape(_fixed(context), 20, k) for k in some])


def _files(context: Context) -> Iterator[Measurement]:
    """Votes in Parquet, on two cores."""
    for rows in (10**4, 10**5) if context.quick else (10**7, 10**8):
        yield from files.lines(Shape(rows), files.fused(Shape(rows), 10 * context.limit_s))


def _rules(context: Context) -> Iterator[Measurement]:
    """The lines of `apply` on ten rules."""
    yield from apply.matrices(comments(context, 10_000 if context.quick else 100_000), _rounds(context))


def _workers(context: Context) -> Iterator[Measurement]:
    texts = comments(context, 20_000 if context.quick else 200_000)
    yield from spreading.workers(texts, _rounds(context), context.limit_s)


def _edit(context: Context) -> Iterator[Measurement]:
    yield from editing.edited(context, 10_000 if context.quick else 100_000)


def _estimate(context: Context) -> Iterator[Measurement]:
    """On one core, a file of three partitions."""
    shape = Shape(30_000 if context.quick else 3 * _MILLION)
    yield from estimate.lines(shape, estimate.measured(shape, 10 * context.limit_s))


PARTS: Mapping[str, Callable[[Context], Iterator[Measurement]]] = {
    "rows": _rows,
    "dense": _dense,
    "sources": _sources,
    "labels": _labels,
    "files": _files,
    "rules": _rules,
    "workers": _workers,
    "edit": _edit,
    "estimate": _estimate,
}


def _curve(context: Context, shapes: Sequence[Shape]) -> Iterator[Measurement]:
    before: Race | None = None
    for shape in shapes:
        before = race(shape, 1 if shape.rows > _MILLION else _rounds(context), context.limit_s, before)
        yield from lines(before)


def _fixed(context: Context) -> int:
    return 1_000 if context.quick else 100_000


def _rounds(context: Context) -> int:
    return 1 if context.quick else 3
