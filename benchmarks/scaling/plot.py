"""The curves as one figure: plain SVG, logarithmic on both axes, a line for each contender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

from benchmarks.measurement import Measurement
from benchmarks.scaling import files
from benchmarks.scaling.synthetic import Shape

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 300, 210, 56, 44, 80
_COLOURS = {
    "quorate": "#0b6e4f",
    "quorate, Parquet": "#3fb68b",
    "numpy": "#7a7a7a",
    "snorkel": "#c8553d",
    "hyperlm": "#7b4ea3",
    "crowdkit": "#d99a1c",
    "skweak": "#2f6fb5",
    "cleanlab": "#b5477f",
}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:14px;font-weight:600}"
    ".grid{stroke:#ddd;stroke-width:1}.curve{fill:none;stroke-width:2}"
)


class Panel(NamedTuple):
    """One diagram: what runs along it, what is measured, and points (x, y) by contender."""

    title: str
    along: str
    curves: Mapping[str, Sequence[tuple[float, float]]]


class Axis(NamedTuple):
    """Whole powers of ten from `low` to `high`, drawn over `length` points."""

    low: int
    high: int
    length: float

    def at(self, value: float) -> float:
        """How far along the axis."""
        return self.length * (log10(value) - self.low) / (self.high - self.low)


def figure(found: Sequence[Measurement]) -> str:
    """The SVG text: seconds and memory by rows, seconds by sources and by labels, and who is who."""
    panels = [panel for panel in _panels(found) if panel.curves]
    columns = 2
    lines = -(-len(panels) // columns)
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    width, height = columns * (_WIDTH + _GAP) + 190, lines * (_HEIGHT + _GAP) + 20
    places = [(_LEFT + (i % columns) * (_WIDTH + _GAP), _TOP + (i // columns) * (_HEIGHT + _GAP)) for i in range(4)]
    drawn = [
        f'<g transform="translate({x},{y})">{_drawn(panel)}</g>' for (x, y), panel in zip(places, panels, strict=False)
    ]
    legend = _legend(names, columns * (_WIDTH + _GAP) + _LEFT - 20)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(drawn)}{legend}</svg>\n'
    )


def _panels(found: Sequence[Measurement]) -> list[Panel]:
    shaped = [(shape, m) for m in found if (shape := Shape.of(m.case)).rows]
    fixed = {shape.rows for shape, _ in shaped if shape.sources == 20}
    tens = [(s.rows, m) for s, m in shaped if (s.sources, s.labels) == (10, 2)]
    wider = [(s.sources, m) for s, m in shaped if s.rows in fixed and s.labels == 2 and s.sources != 20]
    more = [(s.labels, m) for s, m in shaped if s.rows in fixed and s.sources == 20]
    rows = f"{min(fixed, default=0):,} rows"
    return [
        Panel("seconds, 10 sources, 2 labels", "rows", _curves(tens, "cpu_time")),
        Panel("peak memory in MiB, 10 sources, 2 labels", "rows", _curves(tens, "peak_memory")),
        Panel(f"seconds, {rows}, 2 labels", "sources", _curves(wider, "cpu_time")),
        Panel(f"seconds, {rows}, 20 sources", "labels", _curves(more, "cpu_time")),
    ]


def _curves(points: Sequence[tuple[int, Measurement]], metric: str) -> dict[str, list[tuple[float, float]]]:
    """By contender, in the order of x; one point is no curve."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for x, m in sorted(points, key=lambda point: point[0]):
        if m.metric == metric:
            ours = "quorate, Parquet" if m.case.endswith(files.PARQUET) else "quorate"
            for name, y in {ours: m.ours, **m.peers}.items():
                curves.setdefault(name, []).append((x, max(y, 1e-4)))
    return {name: line for name, line in curves.items() if len(line) > 1}


def _drawn(panel: Panel) -> str:
    xs, ys = ([point[i] for line in panel.curves.values() for point in line] for i in (0, 1))
    across, up = _axis(xs, _WIDTH), _axis(ys, _HEIGHT)
    return "".join(
        (
            f'<text class="title" y="-14">{escape(panel.title)}</text>',
            *(_tick(across.length * i / (across.high - across.low), power, False) for i, power in _powers(across)),
            *(_tick(_HEIGHT - up.length * i / (up.high - up.low), power, True) for i, power in _powers(up)),
            f'<text x="{_WIDTH / 2}" y="{_HEIGHT + 34}" text-anchor="middle">{panel.along}</text>',
            *(_line(name, line, across, up) for name, line in panel.curves.items()),
        )
    )


def _axis(values: Sequence[float], length: float) -> Axis:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return Axis(low, max(high, low + 1), length)


def _powers(axis: Axis) -> list[tuple[int, int]]:
    return [(power - axis.low, power) for power in range(axis.low, axis.high + 1)]


def _tick(at: float, power: int, sideways: bool) -> str:
    """A grid line with its power of ten."""
    number = f'10<tspan dy="-5" font-size="9">{power}</tspan>' if not 0 <= power <= 2 else str(10**power)
    if sideways:
        line = f'<line class="grid" x2="{_WIDTH}" y1="{at:.1f}" y2="{at:.1f}"/>'
        return f'{line}<text x="-8" y="{at + 4:.1f}" text-anchor="end">{number}</text>'
    line = f'<line class="grid" y2="{_HEIGHT}" x1="{at:.1f}" x2="{at:.1f}"/>'
    return f'{line}<text x="{at:.1f}" y="{_HEIGHT + 17}" text-anchor="middle">{number}</text>'


def _line(name: str, line: Sequence[tuple[float, float]], across: Axis, up: Axis) -> str:
    places = [(across.at(x), _HEIGHT - up.at(y)) for x, y in line]
    path, colour = " ".join(f"{x:.1f},{y:.1f}" for x, y in places), _COLOURS[name]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    return f'<polyline class="curve" stroke="{colour}" points="{path}"/>{dots}'


def _legend(names: Sequence[str], x: float) -> str:
    return "".join(
        f'<rect x="{x}" y="{_TOP + 22 * i}" width="14" height="4" fill="{_COLOURS[name]}"/>'
        f'<text x="{x + 20}" y="{_TOP + 22 * i + 6}">{escape(name)}</text>'
        for i, name in enumerate(names)
    )
