"""page: the run report as one HTML file; plots are computed here, `page.html.jinja` only places them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

from quorate.reporting.pair_plots import Mark, Report, Styles, contested, family, heatmap, percent, thousands

Scale = Callable[[float], float]
COLOURS = 7  # labels with a colour of their own
WIDTH, HEIGHT = 530.0, 230.0  # the certainty histogram, without its axis
SQUARE = 380.0  # the side of the calibration plot
AXIS = 220.0  # the width of the accuracy axis beside each source


class Tick(NamedTuple):
    """A labelled place on an axis."""

    at: float
    text: str


class Share(NamedTuple):
    """A bar of the label distribution; its width and the prior's mark are percentages of the track."""

    label: str
    style: str
    rows: int
    share: float
    width: float
    prior: float | None


class Point(NamedTuple):
    """A bin of the calibration plot: a dot that grows with its rows, and the interval of its accuracy."""

    x: float
    y: float
    top: float
    bottom: float
    radius: float
    title: str


def page(report: Mapping[str, Any]) -> str:
    """The run report as one self-contained HTML file."""
    from jinja2 import Environment, StrictUndefined

    world = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    world.filters |= {text.__name__: text for text in (percent, interval, decimal, thousands, cell_text)}
    source = files(__package__).joinpath("page.html.jinja").read_text("utf-8")
    html = world.from_string(source).render(report=report, by_label=by_label, **plots(report))
    # A lone surrogate in somebody's text must not keep the file from being written.
    return html.encode("utf-8", "backslashreplace").decode("utf-8")


def plots(report: Report) -> dict[str, Any]:
    """What the template places: sentences, colours and geometry."""
    styles, sources = label_styles(report), report["sources"]
    at, accuracy_ticks = accuracy_axis(sources)
    return {
        "headline": headline(report),
        "styles": styles,
        "legend": legend(styles),
        "distribution": distribution(report, styles),
        "histogram": histogram(report, styles),
        "calibration": calibration(report["calibration"] or []),
        "accuracy_ticks": accuracy_ticks,
        "estimated": [whisker(at, source, "accuracy", "accuracy_low", "accuracy_high") for source in sources],
        "measured": [whisker(at, source, "gold_accuracy", "gold_low", "gold_high") for source in sources],
        "heatmap": heatmap(report, styles),
        "contested": contested(report),
        "family": family(report, styles),
        "main": main_column(report["queue"]),
    }


def interval(low: float | None, high: float | None) -> str:
    """Both ends of an interval as percentages."""
    if low is None or high is None:
        return ""
    ends = [f"{100 * end:.1f}".removesuffix(".0") for end in (low, high)]
    return "\N{EN DASH}".join(ends) + "%"


def decimal(value: float) -> str:
    """A probability or a score with two decimals, or two significant digits where it is tiny."""
    return f"{value:.2g}" if 0 < abs(value) < 0.01 else f"{value:.2f}"


def short_count(count: int) -> str:
    """A count in at most four characters, to stand over a narrow bar."""
    if count < 1000:
        return str(count or "")
    size, unit = (count / 1e3, "k") if count < 999_500 else (count / 1e6, "M")
    return f"{size:.{int(size < 9.95)}f}{unit}"


def cell_text(value: Any) -> str:
    """A cell as a person reads it."""
    nested = isinstance(value, dict | list)
    return json.dumps(value, ensure_ascii=False, default=str) if nested else str(value)


def linear(low: float, high: float, start: float, stop: float) -> Scale:
    """The scale that takes low to start and high to stop, and keeps what lies outside at the nearer end."""

    def place(value: float) -> float:
        part = (value - low) / (high - low) if high > low else 0.0
        return round(start + (stop - start) * min(max(part, 0.0), 1.0), 1)

    return place


def ticks(low: float, high: float, place: Scale, most: int = 6) -> list[Tick]:
    """Round percentages between low and high, at most so many, where the scale puts them."""
    step = next((step for step in (5, 10, 20, 25) if 100 * (high - low) / step <= most - 1), 50)
    first = math.ceil(round(100 * low / step, 6)) * step
    return [Tick(place(at / 100), f"{at}%") for at in range(first, round(100 * high) + 1, step)]


def label_styles(report: Report) -> dict[str, str]:
    """The CSS class of each label: the most frequent have a colour of their own, the others share one."""
    labels: Sequence[str] = report["labels"]
    frequent = sorted(labels, key=lambda label: -report["distribution"].get(label, 0))[:COLOURS]
    own = {label: f"c{i}" for i, label in enumerate(sorted(frequent, key=labels.index))}
    return dict.fromkeys(labels, "other") | own


def legend(styles: Styles) -> list[tuple[str, str]]:
    """CSS class and text of each colour on the page, in label order."""
    own = [(style, label) for label, style in styles.items() if style != "other"]
    others = thousands(len(styles) - len(own), "other label")
    return own if len(own) == len(styles) else [*own, ("other", others)]


def headline(report: Report) -> str:
    """What the run did, in a sentence or two."""
    models = sum(source["family"] == "model" for source in report["sources"])
    families = (len(report["sources"]) - models, "labeling function"), (models, "model")
    who = " and ".join(thousands(n, what) for n, what in families if n) or "No sources"
    rows, gold, majority = report["rows"], report["accuracy"], report["majority_accuracy"]
    if not rows:
        return f"{who}, and no rows to vote on."
    if not report["coverage"]:
        return f"{who} abstained on all {rows:,} rows."
    labelled = f"{rows - report['distribution'].get('undecided', 0):,} have a label"
    voted = f"{who} voted on {round(rows * report['coverage']):,} of {thousands(rows, 'row')}"
    if gold is None or majority is None:
        return f"{voted}; {labelled}."
    points = f"{100 * abs(gold - majority):.1f} points"
    beside = "level with" if points == "0.0 points" else f"{points} {'above' if gold > majority else 'below'}"
    return f"{voted}; {labelled}. Against gold, {percent(gold)} are right, {beside} majority vote."


def distribution(report: Report, styles: Styles) -> list[Share]:
    """A bar for each label, in label order (by rows where there are many labels), then the undecided rows."""
    counts, prior = report["distribution"], report["label_model"]["prior"] or {}
    expected = {label: report["rows"] * share for label, share in prior.items()}
    widest = max([*counts.values(), *expected.values(), 1]) / 100
    by_rows, bars = len(styles) > 24, []
    for label in sorted(counts, key=lambda label: (label not in styles, by_rows and -counts[label])):
        mark = round(expected[label] / widest, 2) if expected.get(label) else None
        share, width = counts[label] / max(report["rows"], 1), round(counts[label] / widest, 2)
        bars.append(Share(label, styles.get(label, "undecided"), counts[label], share, width, mark))
    return bars


def histogram(report: Report, styles: Styles) -> tuple[list[Mark], list[Tick], list[Tick]] | None:
    """The certainty histogram: segments stacked by colour, the count over each bin, the axis."""
    edges, counts = report["certainty"]["edges"], report["certainty"]["counts"]
    totals = [sum(column) for column in zip(*counts.values(), strict=True)]
    if not any(totals):
        return None
    x, y = linear(edges[0], edges[-1], 6, WIDTH - 6), linear(0, max(totals), HEIGHT, 20)
    segments, over = [], []
    for column, (left, right) in enumerate(pairwise(edges)):
        below, width = 0, round(x(right) - x(left) - 2, 1)
        for style, text in legend(styles):
            rows = sum(bins[column] for label, bins in counts.items() if styles[label] == style)
            top, bottom = y(below + rows), y(below)
            title = f"{text}: {thousands(rows, 'row')} from {left:.1%} to {right:.1%}"
            if rows:
                segments.append(Mark(x(left) + 1, top, width, round(bottom - top, 1), style, title))
            below += rows
        over.append(Tick(y(below) - 5, short_count(below)))
    return segments, over, ticks(edges[0], edges[-1], x)


def calibration(bins: Sequence[Report]) -> tuple[list[Point], list[Tick], list[Tick]]:
    """The reliability plot: points, ticks across, ticks up."""
    low = math.floor(10 * min((b[end] for b in bins for end in ("low", "accuracy_low")), default=0.0)) / 10
    x, y = linear(low, 1, 0, SQUARE), linear(low, 1, SQUARE, 0)
    most, points = max((b["rows"] for b in bins), default=1), []
    for b in bins:
        title = f"{thousands(b['rows'], 'row')} with a mean probability of {percent(b['mean_probability'])}: "
        title += f"{percent(b['accuracy'])} right ({interval(b['accuracy_low'], b['accuracy_high'])})"
        place = x(b["mean_probability"]), y(b["accuracy"]), y(b["accuracy_high"]), y(b["accuracy_low"])
        points.append(Point(*place, round(2.5 + 6 * math.sqrt(b["rows"] / most), 1), title))
    return points, ticks(low, 1, x), ticks(low, 1, y)


def accuracy_axis(sources: Sequence[Report]) -> tuple[Scale, list[Tick]]:
    """The accuracy axis that all sources share, from a round percentage under the lowest interval to 100%."""
    keys = ("accuracy", "accuracy_low", "gold_accuracy", "gold_low")
    ends = [source[key] for source in sources for key in keys if source[key] is not None]
    low = min(math.floor(10 * min(ends, default=0.0)) / 10, 0.8)
    place = linear(low, 1, 8, AXIS - 8)
    return place, ticks(low, 1, place)


def whisker(at: Scale, source: Report, *keys: str) -> tuple[float, float, float] | None:
    """A source's accuracy and both ends of its interval on the axis; None where there is none."""
    middle, low, high = (source[key] for key in keys)
    if middle is None:
        return None
    return at(middle), at(middle if low is None else low), at(middle if high is None else high)


def by_label(votes: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """The sources behind each label, the label with the most votes first."""
    sides = {label: [source for source in votes if votes[source] == label] for label in votes.values()}
    return sorted(sides.items(), key=lambda side: -len(side[1]))


def main_column(queue: Sequence[Report]) -> str:
    """The column with the most text, which the cards show first."""
    names: Mapping[str, Any] = queue[0]["cells"] if queue else {}
    texts = {name: [cell_text(entry["cells"].get(name, "")) for entry in queue] for name in names}
    return max(texts, key=lambda name: sum(map(len, texts[name])), default="")
