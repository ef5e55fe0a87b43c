"""pair_plots: the plots of the page that show sources by pairs: who differs from whom, and who is whose kin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

Report = Mapping[str, Any]
Styles = Mapping[str, str]  # label: CSS class
RING = 150.0  # the radius of the circle that kin stand on
LINES = 60  # ties drawn; the strongest of more
NAMES = 190.0  # the room for names on both sides of the circle


class Mark(NamedTuple):
    """A rectangle, the CSS class that colours it and its tooltip."""

    x: float
    y: float
    width: float
    height: float
    style: str
    title: str


class Tie(NamedTuple):
    """A line between two kin, with the CSS class of its relation, its width and its tooltip."""

    path: str
    style: str
    width: float
    title: str


class Member(NamedTuple):
    """A source on the circle: its dot, its name beside it, and the CSS class of the label it votes for."""

    x: float
    y: float
    style: str
    name: str
    text_x: float
    anchor: str


def percent(share: float | None) -> str:
    """A share as a percentage that never rounds to all or nothing."""
    if share is None or share in (0, 1):
        return "\N{EN DASH}" if share is None else f"{share:.0%}"
    return "<0.1%" if 0 < share < 0.0005 else ">99.9%" if 0.9995 <= share < 1 else f"{share:.1%}"


def thousands(count: int, what: str = "") -> str:
    """A count with its thousands apart, and its noun, in the plural where it should be."""
    return f"{count:,} {what}{'' if count == 1 else 's'}" if what else f"{count:,}"


def grouped(report: Report) -> list[int]:
    """The sources by the one label they vote for; then those that vote for several, then for none."""
    place = {(label,): i for i, label in enumerate(report["labels"])} | {(): len(report["labels"]) + 1}
    several = len(report["labels"])
    groups = [place.get(tuple(source["polarity"]), several) for source in report["sources"]]
    return sorted(range(len(groups)), key=groups.__getitem__)


def shade(a: str, b: str, both: int, differ: int) -> tuple[str, str]:
    """The CSS class and the tooltip of a pair of sources."""
    if not both:
        return "never", f"{a} and {b} never vote on the same row"
    said = f"{differ:,} of {thousands(both, 'overlapping row')} differ ({percent(differ / both)})"
    return f"h{math.ceil(4 * differ / both)}", f"{a} and {b}: {said}"


def heatmap(report: Report, styles: Styles) -> tuple[list[Mark], list[Mark]]:
    """The conflict heatmap below its diagonal: its cells, and on the diagonal the sources."""
    sources, both, differ = report["sources"], report["pairs"]["overlap"], report["pairs"]["conflict"]
    order, cells, diagonal = grouped(report), [], []
    side = float(min(max(round(800 / max(len(order), 1)), 14), 36))
    most = max((both[a][b] for a, b in combinations(order, 2)), default=0)
    for row, a in enumerate(order):
        name, style = sources[a]["name"], source_style(sources[a], styles)
        diagonal.append(Mark(row * side, row * side, side, side, style, name))
        for column, b in enumerate(order[:row]):
            size = round(side * (0.4 + 0.5 * math.sqrt(both[a][b] / most)), 1) if both[a][b] else 2.0
            x, y = (round((place + 0.5) * side - size / 2, 1) for place in (column, row))
            pair = shade(name, sources[b]["name"], both[a][b], differ[a][b])
            cells.append(Mark(x, y, size, size, *pair))
    return cells, diagonal


def contested(report: Report, most: int = 8) -> list[tuple[str, str, int, int]]:
    """The pairs of sources that differ on most rows: both names, rows that differ, rows that overlap."""
    names, pairs = [source["name"] for source in report["sources"]], report["pairs"]
    order = sorted(combinations(range(len(names)), 2), key=lambda ab: -pairs["conflict"][ab[0]][ab[1]])
    found = ((names[a], names[b], pairs["conflict"][a][b], pairs["overlap"][a][b]) for a, b in order[:most])
    return [pair for pair in found if pair[2]]


def source_style(source: Report, styles: Styles) -> str:
    """The CSS class of a source: that of the one label it votes for."""
    polarity = source["polarity"]
    return styles[polarity[0]] if len(polarity) == 1 else "several" if polarity else "nothing"


def family(report: Report, styles: Styles) -> tuple[list[Tie], list[Member], float, float]:
    """The graph of kin: ties, members on a circle (kin beside one another), its width and height."""
    shown: Sequence[Report] = report["kin"][:LINES]
    sources = {source["name"]: source for source in report["sources"]}
    order = _beside(shown)
    radius = max(RING if len(order) > 2 else RING / 3, 26.0 * len(order) / (2 * math.pi))
    middle, top = radius + NAMES, radius + 24
    places: dict[str, tuple[float, float]] = {}
    members = []
    for i, name in enumerate(order):
        angle = 2 * math.pi * i / len(order)
        x, y = round(middle + radius * math.cos(angle), 1), round(top + radius * math.sin(angle), 1)
        side = 1 if math.cos(angle) >= -1e-9 else -1
        places[name] = x, y
        style = source_style(sources[name], styles)
        members.append(Member(x, y, style, name, round(x + side * 11, 1), "start" if side > 0 else "end"))
    return [_tie(pair, places, (middle, top)) for pair in shown], members, 2 * middle, 2 * top


def _tie(pair: Report, places: Mapping[str, tuple[float, float]], middle: tuple[float, float]) -> Tie:
    (x, y), (u, v) = places[pair["one"]], places[pair["other"]]
    # Bent to the middle by a third, so that ties between neighbours and across the circle are told apart.
    bend = [round((a + b) / 3 + c / 3, 1) for a, b, c in zip((x, y), (u, v), middle, strict=True)]
    said = f"{pair['one']} and {pair['other']}: {pair['relation']}, "
    said += f"the same vote on {pair['same']:,} of {thousands(pair['both'], 'row')} with votes of both"
    if pair["expected"] is not None:
        said += f", {pair['expected']:,.0f} expected (z = {pair['z']:.1f})"
    style = "correlated" if pair["relation"] == "correlated" else "copy"
    return Tie(f"M{x},{y}Q{bend[0]},{bend[1]} {u},{v}", style, round(1 + 5 * pair["strength"], 1), said)


def _beside(pairs: Sequence[Report]) -> list[str]:
    """The sources of the pairs, those that hang together one after the other."""
    ties: dict[str, list[str]] = {}
    for pair in pairs:
        ties.setdefault(pair["one"], []).append(pair["other"])
        ties.setdefault(pair["other"], []).append(pair["one"])
    order: dict[str, None] = {}
    for first in ties:
        waiting = [first]
        while waiting:
            name = waiting.pop()
            if name not in order:
                order[name] = None
                waiting += reversed(ties[name])
    return list(order)
