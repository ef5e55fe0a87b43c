"""The comparison as Markdown: what a reviewer of a pull request needs, and nothing that scrolls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quorate.comparing.page import COEFFICIENTS, DASH, MINUS, NOTHING, number, p_value, points, usd, within
from quorate.reporting.pair_plots import percent, thousands

Report = Mapping[str, Any]
_ROWS = 8
_ESCAPED = str.maketrans({"<": "&lt;", "@": "&#64;"} | {mark: f"\\{mark}" for mark in "\\|`[]_*"})


def markdown(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    parts = [
        _verdict(report),
        _conditions(report),
        _sources(report),
        _board(report),
        _agreement(report),
        _pairs(report),
        _labels(report),
        _slices(report),
        _frontier(report),
        _caveats(report),
    ]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def _verdict(report: Report) -> Iterator[str]:
    yield f"## {_cell(report['a'])} or {_cell(report['b'])}?"
    yield ""
    yield f"**{_cell(report['verdict']['sentence'])}**"
    yield ""
    if report["verdict"]["peeking"]:
        yield _cell(report["verdict"]["peeking"])
        yield ""
    settled = thousands(report["settled"]["rows"])
    yield f"{thousands(report['rows'], 'row')} of {_cell(report['title'])}, {settled} settled by people."


def _conditions(report: Report) -> Iterator[str]:
    if report["conditions"]:
        yield from _head(["Fail if", "Probability", "Verdict"])
        for each in report["conditions"]:
            yield _row([each["condition"], percent(each["probability"]), "fails" if each["holds"] else "passes"])


def _sources(report: Report) -> Iterator[str]:
    paired = report["paired"]
    yield from _head(["", "A: " + report["a"], "B: " + report["b"]])
    if paired:
        yield _row(["accuracy", *(_estimate(paired[side]) for side in ("a", "b"))])
        yield _row(["accuracy of answered rows", *(_estimate(paired[f"{side}_answered"]) for side in ("a", "b"))])
        yield _row(["right alone", *(thousands(paired["counts"][f"{side}_right"]) for side in ("a", "b"))])
    by_name = {entry["name"]: entry for entry in report["completion"]}
    yield _row(["answered", *(percent(by_name[report[side]]["share_answered"]) for side in ("a", "b"))])
    if any(entry["usd"] is not None for entry in report["money"]):
        yield _row(["$ per 1,000 rows", *(usd(entry["usd_per_1000_rows"]) for entry in report["money"])])
        yield _row(["$ per correct label", *(usd(entry["usd_per_correct_label"]) for entry in report["money"])])
    if paired:
        yield ""
        d = paired["difference"]
        tests = f"; exact McNemar p {p_value(paired['mcnemar_p'])}" if paired["mcnemar_p"] is not None else ""
        yield f"A {MINUS} B: {points(d['value'])} points ({within(d, True)}){tests}."
        powered = (report["powered"] or {}).get("difference")
        if powered:
            yield f"Prediction-powered (PPI++): {points(powered['value'])} points ({within(powered, True)})."


def _board(report: Report) -> Iterator[str]:
    board = report["leaderboard"]
    if board and board["standings"]:
        yield from _head(["#", "Source", "Accuracy", "Group"])
        for place, standing in enumerate(board["standings"], 1):
            yield _row([place, standing["name"], _estimate(standing["accuracy"]), standing["groups"]])
        yield ""
        yield "Sources that share a letter cannot be told apart."


def _agreement(report: Report) -> Iterator[str]:
    found = report["agreement"]["coefficients"]
    told = [f"{COEFFICIENTS.get(name, name)} {number(each['value'])}" for name, each in found.items()]
    yield f"Agreement on {thousands(report['agreement']['rows'], 'row')}: {', '.join(told)}."
    for each in report["stability"]:
        yield (
            f"{_cell(each['name'])} asked again says otherwise on {percent(each['flips'])} of rows, and on "
            f"{percent(each['explained'])} of those on which A and B differ."
        )


def _pairs(report: Report) -> Iterator[str]:
    pairs = report["disagreements"]["pairs"][:_ROWS]
    if pairs:
        yield f"<details><summary>Where they differ ({thousands(report['disagreements']['rows'], 'row')})</summary>"
        yield ""
        yield from _head(["A says", "B says", "Rows", "For example"])
        for pair in pairs:
            texts = [example["text"] for cluster in pair["clusters"] for example in cluster["examples"]]
            shown = texts[0][:120] if texts else ""
            yield _row([pair["a"] or NOTHING, pair["b"] or NOTHING, thousands(pair["rows"]), shown])
        yield ""
        yield "</details>"


def _labels(report: Report) -> Iterator[str]:
    if not report["classes"]:
        return
    yield "<details><summary>Label by label</summary>"
    for name, scores in report["classes"].items():
        yield ""
        yield from _head([name, "Precision", "Recall", "F1", "Prevalence", "Settled"])
        for score in scores:
            thin = " (too few)" if score["is_thin"] else ""
            estimates = (_estimate(score[key]) for key in ("precision", "recall", "f1", "prevalence"))
            yield _row([score["label"] + thin, *estimates, thousands(score["settled"])])
    yield ""
    yield "</details>"


def _slices(report: Report) -> Iterator[str]:
    told = [each for each in report["slices"] if each["difference"] and each["stands"]][:_ROWS]
    if told:
        yield from _head(["Slice", "Rows", f"A {MINUS} B, points"])
        for each in told:
            name = each["name"] + (" (turns)" if each["turns"] else "")
            d = each["difference"]
            yield _row([name, thousands(each["rows"]), f"{points(d['value'])} ({within(d, True)})"])


def _frontier(report: Report) -> Iterator[str]:
    best = [way for way in report["frontier"] or () if way["is_best"]]
    if best:
        yield from _head(["What to do with both", "Accuracy", "By people", "$ / 1,000"])
        for way in best:
            yield _row([way["name"], _estimate(way["accuracy"]), percent(way["human"]), usd(way["usd_per_1000"])])


def _caveats(report: Report) -> Iterator[str]:
    yield from (f"- {_cell(sentence)}" for sentence in report["caveats"])


def _estimate(each: Report | None) -> str:
    return DASH if each is None or each["value"] is None else f"{percent(each['value'])} ({within(each)})"


def _head(names: Sequence[Any]) -> Iterator[str]:
    yield _row(names)
    yield "|" + "---|" * len(names)


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: Any) -> str:
    """Text that cannot break out of its cell or become markup."""
    flat = " ".join(str(value).split())
    return flat.translate(_ESCAPED)
