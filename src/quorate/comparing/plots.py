"""The geometry of a comparison's plots: heat maps of two label sets, intervals on an axis, reliability, frontier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from quorate.reporting.page import Point, Scale, Tick, linear, short_count, ticks
from quorate.reporting.pair_plots import Mark, percent, thousands

Report = Mapping[str, Any]
AXIS, SQUARE = 300.0, 340.0
FRONTIER_WIDTH, FRONTIER_HEIGHT = 480.0, 300.0
_SHADES = 4
_APART = 17.0
_NAME = 18


class Cell(NamedTuple):
    """One square of a heat map: where it is, its shade, its count in four characters, and its tooltip."""

    mark: Mark
    text: str


class Heat(NamedTuple):
    """A heat map of rows by columns; `left` and `top` make room for the names."""

    side: float
    left: float
    top: float
    rows: list[Tick]
    columns: list[Tick]
    cells: list[Cell]
    width: float
    height: float


class Whisker(NamedTuple):
    """An estimate on an axis."""

    middle: float
    low: float
    high: float
    title: str


def heat(counts: Sequence[Sequence[float]], names: Sequence[str], down: str, across: str) -> Heat:
    """The heat map of a square table; shades are shares of the row, so that rare labels show."""
    side = float(min(max(round(520 / max(len(names), 1)), 16), 46))
    longest = max((len(name) for name in names), default=1)
    room = 14 + 6.6 * min(longest, _NAME)
    cells = []
    for i, row in enumerate(counts):
        total = sum(row)
        for j, count in enumerate(row):
            if count:
                share = count / total
                shade = f"h{min(math.ceil(_SHADES * share), _SHADES)}"
                rows = thousands(round(count), "row")
                title = f"{down} {names[i]}, {across} {names[j]}: {rows}, {percent(share)} of the row"
                style = f"{shade} same" if i == j else shade
                cells.append(
                    Cell(Mark(room + j * side, room + i * side, side - 1, side - 1, style, title), _count(count, side))
                )
    place = [room + (i + 0.5) * side for i in range(len(names))]
    ends = [Tick(at, _cut(name)) for at, name in zip(place, names, strict=True)]
    whole = room + len(names) * side
    return Heat(side, room, room, ends, ends, cells, whole + room * 0.7, whole + 4)


def _count(count: float, side: float) -> str:
    return short_count(round(count)) if side >= 26 else ""


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"


def axis_of(estimates: Sequence[Report], top: float = 1.0) -> tuple[Scale, list[Tick]]:
    """An axis that holds all estimates, from a round percentage under the lowest end."""
    lows = [each["low"] for each in estimates if each and each["low"] is not None]
    low = max(min(math.floor(10 * min(lows, default=0.0)) / 10, top - 0.2), -1.0)
    place = linear(low, top, 8, AXIS - 8)
    return place, ticks(low, top, place)


def whisker(at: Scale, each: Report | None) -> Whisker | None:
    """An estimate on an axis; None where there is none."""
    if each is None or each["value"] is None:
        return None
    title = f"{percent(each['value'])} ({percent(each['low'])} to {percent(each['high'])})"
    return Whisker(at(each["value"]), at(each["low"]), at(each["high"]), title)


def difference_axis(estimates: Sequence[Report]) -> tuple[Scale, list[Tick]]:
    """An axis around zero for differences, in points."""
    ends = [abs(each[end]) for each in estimates for end in ("low", "high") if each and each[end] is not None]
    most = max(math.ceil(20 * max(ends, default=0.05)) / 20, 0.05)
    place = linear(-most, most, 8, AXIS - 8)
    return place, [Tick(place(at), f"{100 * at:+g}" if at else "0") for at in (-most, -most / 2, 0.0, most / 2, most)]


def reliability(bins: Sequence[Report]) -> tuple[list[Point], list[Tick], list[Tick]]:
    """The reliability plot: points, ticks across, ticks up."""
    low = math.floor(10 * min((b[end] for b in bins for end in ("certainty", "accuracy_low")), default=0.0)) / 10
    x, y = linear(low, 1, 0, SQUARE), linear(low, 1, SQUARE, 0)
    most, points = max((b["rows"] for b in bins), default=1), []
    for b in bins:
        rows = thousands(b["rows"], "settled row")
        title = f"{rows} of certainty {percent(b['certainty'])}: {percent(b['accuracy'])} right"
        place = x(b["certainty"]), y(b["accuracy"]), y(b["accuracy_high"]), y(b["accuracy_low"])
        points.append(Point(*place, round(2.5 + 5 * math.sqrt(b["rows"] / most), 1), title))
    return points, ticks(low, 1, x), ticks(low, 1, y)


class Spot(NamedTuple):
    """A way on the frontier plot: its number in the table, and whether no other beats it."""

    x: float
    y: float
    top: float
    bottom: float
    number: int
    is_best: bool
    title: str


def frontier(ways: Sequence[Report]) -> tuple[list[Spot], list[Tick], list[Tick], str]:
    """The frontier plot: human share across, accuracy up; the path rises with the human share to the best accuracy."""
    low = math.floor(10 * min((way["accuracy"]["low"] for way in ways), default=0.0)) / 10
    right = max(math.ceil(10 * max((way["human"] for way in ways), default=0.1)) / 10, 0.1)
    x, y = linear(0, right, 0, FRONTIER_WIDTH), linear(low, 1, FRONTIER_HEIGHT, 0)
    spots: list[Spot] = []
    for number, way in enumerate(ways, 1):
        each = way["accuracy"]
        title = f"{number}. {way['name']}: {percent(each['value'])} right, {percent(way['human'])} by people"
        middle, top, bottom = y(each["value"]), y(each["high"]), y(each["low"])
        across = x(way["human"])
        # Ways that come to the same stand side by side.
        while any(abs(spot.x - across) < _APART and abs(spot.y - middle) < _APART for spot in spots):
            across += _APART
        spots.append(Spot(across, middle, top, bottom, number, way["is_best"], title))
    rising: list[Spot] = []
    for spot in sorted(spots, key=lambda spot: (spot.x, spot.y)):
        if not rising or spot.y < rising[-1].y:
            rising.append(spot)
    path = " ".join(f"{'L' if i else 'M'}{spot.x},{spot.y}" for i, spot in enumerate(rising))
    return spots, ticks(0, right, x), ticks(low, 1, y), path
