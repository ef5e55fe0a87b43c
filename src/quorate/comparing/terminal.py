"""What a comparison looks like in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from quorate.reporting.terminal import plain_table

Report = Mapping[str, Any]
_PAIRS = 5
_SLICES = 6
_WAYS = 8


def comparison_view(report: Report) -> RenderableType:
    """The verdict, who is right where, what it costs, where they differ, and the caveats."""
    parts = [
        _headline(report),
        _sources(report),
        _agreement(report),
        _leaderboard(report),
        _pairs(report),
        _slices(report),
        _frontier(report),
        _conditions(report),
        _caveats(report),
    ]
    return Group(*(part for part in parts if part is not None))


def share(value: float | None, points: int = 1) -> str:
    """A share as a percentage; nothing where there is none."""
    return "" if value is None else f"{100 * value:.{points}f}%"


def estimate(value: Report | None) -> str:
    """An estimate with its interval."""
    if value is None or value["value"] is None:
        return ""
    return f"{100 * value['value']:.1f}% [dim]{100 * value['low']:.1f}-{100 * value['high']:.1f}[/]"


def _headline(report: Report) -> RenderableType:
    style = {"unknown": "yellow", "open": "yellow"}.get(report["verdict"]["outcome"], "bold green")
    text = Text()
    text.append(f"{report['title']}  ", style="bold")
    settled = report["settled"]
    text.append(f"{report['rows']:,} rows, {settled['rows']:,} settled\n")
    text.append(report["verdict"]["sentence"], style=style)
    if report["verdict"]["peeking"]:
        text.append(f"\n{report['verdict']['peeking']}")
    for word, command in zip(("next", "then"), report["next"]["commands"], strict=False):
        text.append(f"\n{word}: {command}")
    return text


def _sources(report: Report) -> RenderableType:
    paired, by_name = report["paired"], {entry["name"]: entry for entry in report["money"]}
    priced = any(entry["usd"] is not None for entry in report["money"])
    silent = any(entry["share_answered"] < 1 for entry in report["completion"])
    right = [*(["answered"] if silent else []), *(["accuracy", *(["of answered"] if silent else [])] if paired else [])]
    right += ["right alone"] if paired else []
    right += ["$ / 1,000"] if priced else []
    table = plain_table("", ["", "source"], right)
    for letter, place in (("A", "a"), ("B", "b")):
        name = report[place]
        entry = next(each for each in report["completion"] if each["name"] == name)
        row = [letter, escape(name), *([share(entry["share_answered"])] if silent else [])]
        if paired:
            answered = [estimate(paired[f"{place}_answered"])] if silent else []
            row += [estimate(paired[place]), *answered, f"{paired['counts'][f'{place}_right']:,}"]
        if priced:
            row += [_usd(by_name[name]["usd_per_1000_rows"])]
        table.add_row(*row)
    return table


def _usd(value: float | None) -> str:
    return "" if value is None else f"${value:.3g}"


def _agreement(report: Report) -> RenderableType:
    found = report["agreement"]["coefficients"]
    told = []
    for name in ("agreement", "cohen_kappa", "gwet_ac1", "krippendorff_alpha"):
        one = found[name]
        value = f"undefined ({one['undefined']})" if one["value"] is None else f"{one['value']:.3f}"
        told.append(f"{name.replace('_', ' ')} {value}")
    text = Text(f"\nagreement on {report['agreement']['rows']:,} rows: " + ", ".join(told))
    for each in report["stability"]:
        text.append(
            f"\n{each['name']} asked again says otherwise on {share(each['flips'])} of rows, and on "
            f"{share(each['explained'])} of those where A and B differ"
        )
    return text


def _leaderboard(report: Report) -> RenderableType | None:
    board = report["leaderboard"]
    if not board or not board["standings"]:
        return None
    table = plain_table("leaderboard", ["", "source"], ["accuracy", "of answered", "group"])
    for place, standing in enumerate(board["standings"], 1):
        accuracy, answered = (estimate(standing[key]) for key in ("accuracy", "accuracy_answered"))
        table.add_row(str(place), escape(standing["name"]), accuracy, answered, standing["groups"])
    table.caption = "sources that share a letter cannot be told apart"
    table.caption_justify = "left"
    return table


def _pairs(report: Report) -> RenderableType | None:
    pairs = report["disagreements"]["pairs"][:_PAIRS]
    if not pairs:
        return None
    table = plain_table(f"where they differ ({report['disagreements']['rows']:,} rows)", ["A says", "B says"], ["rows"])
    table.add_column("for example", overflow="fold")
    for pair in pairs:
        examples = [example["text"] for cluster in pair["clusters"] for example in cluster["examples"]]
        said = (escape(pair[side] or "(nothing)") for side in ("a", "b"))
        table.add_row(*said, f"{pair['rows']:,}", escape(_cut(examples[0])) if examples else "")
    return table


def _cut(text: str, limit: int = 42) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _slices(report: Report) -> RenderableType | None:
    told = [s for s in report["slices"] if s["difference"] and (s["stands"] or s["turns"])]
    told = sorted(told, key=lambda s: not (s["turns"] and s["stands"]))[:_SLICES]
    if not told or not report["paired"]:
        return None
    table = plain_table("A - B in parts of the rows", ["slice"], ["rows", "A - B", "points"])
    for each in told:
        d, note = each["difference"], " [yellow]turns[/]" if each["turns"] else ""
        interval = f"[dim]{100 * d['low']:.1f} to {100 * d['high']:.1f}[/]"
        table.add_row(escape(each["name"]) + note, f"{each['rows']:,}", f"{100 * d['value']:+.1f}", interval)
    return table


def _frontier(report: Report) -> RenderableType | None:
    if not report["frontier"]:
        return None
    best = [way for way in report["frontier"] if way["is_best"]]
    priced = any(way["usd_per_1000"] is not None for way in best)
    table: Table = plain_table(
        "what to do with both (no other way beats these)",
        ["way"],
        ["accuracy", "people", *(["$ / 1,000"] if priced else [])],
    )
    for way in sorted(best, key=lambda way: way["human"])[:_WAYS]:
        price = [_usd(way["usd_per_1000"])] if priced else []
        table.add_row(escape(way["name"]), estimate(way["accuracy"]), share(way["human"]), *price)
    return table


def _conditions(report: Report) -> RenderableType | None:
    if not report["conditions"]:
        return None
    text = Text()
    for each in report["conditions"]:
        verdict = "FAILS" if each["holds"] else "passes"
        text.append(
            f"{verdict}: {each['condition']} (probability {each['probability']:.1%})\n",
            "red" if each["holds"] else "green",
        )
    return text


def _caveats(report: Report) -> RenderableType:
    return Text("\n".join(f"note: {sentence}" for sentence in report["caveats"]), style="yellow")
