"""The comparison as one HTML file; plots are computed in `plots.py`, `page.html.jinja` only places them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from quorate.comparing.plots import axis_of, difference_axis, frontier, heat, reliability, whisker
from quorate.reporting.page import Tick
from quorate.reporting.pair_plots import percent, thousands

Report = Mapping[str, Any]
NOTHING = "(nothing)"
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
_HEAT_LABELS = 40
COEFFICIENTS = {
    "agreement": "raw agreement",
    "cohen_kappa": "Cohen's kappa",
    "fleiss_kappa": "Scott's pi",
    "krippendorff_alpha": "Krippendorff's alpha",
    "gwet_ac1": "Gwet's AC1",
    "brennan_prediger": "Brennan-Prediger",
}


def page(report: Report) -> str:
    """The comparison as one self-contained HTML file."""
    from jinja2 import Environment, StrictUndefined

    from quorate import __version__

    world = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    world.filters |= {text.__name__: text for text in (percent, thousands, points, within, number, usd, p_value)}
    source = files(__package__).joinpath("page.html.jinja").read_text("utf-8")
    html = world.from_string(source).render(r=report, version=__version__, nothing=NOTHING, **plots(report))
    # A lone surrogate in somebody's text must not keep the file from being written.
    return html.encode("utf-8", "backslashreplace").decode("utf-8")


def points(share: float | None) -> str:
    """A difference of shares in points, with its sign."""
    return DASH if share is None else f"{100 * share:+.1f}".replace("-", MINUS)


def within(each: Report | None, signed: bool = False) -> str:
    """Both ends of an estimate."""
    if each is None or each["low"] is None:
        return ""
    low, high = (f"{100 * each[end]:{'+' if signed else ''}.1f}".replace("-", MINUS) for end in ("low", "high"))
    return f"{low} to {high}" + ("" if signed else "%")


def number(value: float | None, digits: int = 3) -> str:
    """A coefficient."""
    return DASH if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def usd(value: float | None) -> str:
    """A price in US dollars, to three significant digits."""
    if value is None:
        return DASH
    digits = max(2, 2 - math.floor(math.log10(value))) if value > 0 else 2
    return f"${value:,.{digits}f}"


def p_value(value: float | None) -> str:
    """A p-value, never rounded to zero."""
    return DASH if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def plots(report: Report) -> dict[str, Any]:
    """What the template places."""
    paired, names = report["paired"], [*report["labels"], NOTHING]
    accuracies = [paired["a"], paired["b"]] if paired else []
    board = report["leaderboard"]
    standings = board["standings"] if board else []
    at, accuracy_ticks = axis_of([*accuracies, *(standing["accuracy"] for standing in standings)])
    found = report["agreement"]["coefficients"]
    coefficients = [(COEFFICIENTS.get(name, name), each) for name, each in found.items()]
    on_axis, agreement_ticks = axis_of(list(found.values()))
    told = [each for each in report["slices"] if each["difference"]]
    apart, slice_ticks = difference_axis(
        [each["difference"] for each in told] + ([paired["difference"]] if paired else [])
    )
    counts = report["matrix"]["counts"]
    return {
        "accuracy_ticks": accuracy_ticks,
        "accuracy": [whisker(at, each) for each in accuracies],
        "standings": [(standing, whisker(at, standing["accuracy"])) for standing in standings],
        "coefficients": [(name, each, whisker(on_axis, each)) for name, each in coefficients],
        "agreement_ticks": [Tick(tick.at, f"{int(tick.text[:-1]) / 100:g}") for tick in agreement_ticks],
        "matrix": counts and heat(counts, report["labels"], f"{report['a']} says", f"{report['b']} says"),
        "confusions": _confusions(report, names),
        "reliability": [
            (name, each, reliability(each["bins"])) for name, each in (report["calibration"] or {}).items() if each
        ],
        "frontier": frontier(report["frontier"]) if report["frontier"] else None,
        "told": [(each, whisker(apart, each["difference"])) for each in told],
        "slice_ticks": slice_ticks,
        "difference": paired and whisker(apart, paired["difference"]),
        "rights": _rights(paired) if paired else [],
        "won": {(each["a"], each["b"]): each["wins"] for each in report["wins"]["by_pair"]} if report["wins"] else {},
    }


def _confusions(report: Report, names: Sequence[str]) -> list[tuple[str, Any]]:
    if not report["confusion"] or len(report["labels"]) > _HEAT_LABELS:
        return []
    return [
        (name, heat(_trimmed(table), _named(table, names), "people say", f"{name} says"))
        for name, table in report["confusion"].items()
    ]


def _trimmed(table: Sequence[Sequence[float]]) -> list[list[float]]:
    """The table without the row and column of "nothing" where both are empty."""
    empty = not any(row[-1] for row in table) and not any(table[-1])
    return [list(row[:-1]) for row in table[:-1]] if empty else [list(row) for row in table]


def _named(table: Sequence[Sequence[float]], names: Sequence[str]) -> Sequence[str]:
    return names[: len(_trimmed(table))]


def _rights(paired: Report) -> list[tuple[str, int, float]]:
    """The settled rows by who was right, with their share."""
    words = {
        "both_right": "both right",
        "a_right": "only A right",
        "b_right": "only B right",
        "both_acceptable": "they differ, both acceptable",
        "neither": "neither right",
    }
    total = max(sum(paired["counts"].values()), 1)
    return [(words[name], count, count / total) for name, count in paired["counts"].items()]
