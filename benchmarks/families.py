"""Means over families of sets, the numbers that have targets, and the tables that the README shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, sqrt
from statistics import fmean, stdev
from typing import Any

from benchmarks.measurement import Measurement

FAMILIES = {"votes": "rule sets", "crowd": "crowd sets", "llm": "LLM sets"}
_LEFT_OUT = ("crowd/labelme",)
"""Sets that the means of the field leave out."""

FLOORS = {
    "score_votes": 66.5,
    "score_crowd": 85.0,
    "score_test": 65.0,
    "llm_above_best_named": 0.0,
    "worst_against_majority": -2.0,
    "gold_gain_20": 0.8,
    "gold_gain_100": 1.5,
    "gold_gain_300": 2.5,
    "gold_worst_set": -1.0,
    "gold_against_regression": -1.0,
    "content_gain": 3.0,
}
CEILINGS = {
    "log_loss_above_best_peer_votes": 0.0,
    "log_loss_above_best_peer_crowd": 0.0,
    "log_loss_above_best_peer_llm": 0.0,
    "ece_with_100_gold": 0.06,
}
_NAMED = ("majority", "dawid_skene", "dawid_skene_abstaining", "snorkel", "hyperlm")
_SCORES = ("accuracy", "f1")


def summary(found: Sequence[Measurement]) -> dict[str, Any]:
    """Every number of FLOORS and CEILINGS that was measured."""
    numbers: dict[str, Any] = {}
    for family in (*FAMILIES, "test"):
        if scores := _of(found, family, _SCORES):
            numbers[f"score_{family}"] = fmean(m.ours for m in scores)
    for family in FAMILIES:
        if losses := _of(found, family, ("log_loss",)):
            numbers[f"log_loss_above_best_peer_{family}"] = max(
                fmean(m.ours - m.peers[peer] for m in losses if peer in m.peers) for peer in _peers(losses)
            )
    against = [m.ours - m.peers["majority"] for family in FAMILIES for m in _of(found, family, _SCORES)]
    if against:
        numbers["worst_against_majority"] = min(against)
    if llm := _of(found, "llm", _SCORES):
        numbers["llm_above_best_named"] = min(
            fmean(m.ours - m.peers[peer] for m in llm if peer in m.peers) for peer in _NAMED if peer in _peers(llm)
        )
    if content := _of(found, "content", _SCORES):
        numbers["content_gain"] = fmean(m.ours - m.peers["votes_only_guessed"] for m in content)
        numbers["content_gain_over_balance"] = fmean(m.ours - m.peers["votes_only_balance"] for m in content)
    return numbers | _gold_numbers(found)


def _gold_numbers(found: Sequence[Measurement]) -> dict[str, Any]:
    """What gold gains over none by size, on rule sets, and over logistic regression in standard errors, on all sets."""
    numbers: dict[str, Any] = {}
    gold = [m for m in found if m.case.startswith("gold_") and m.metric in _SCORES]
    for size in _sizes(found):
        rules = _of(found, f"gold_{size}", _SCORES, "votes")
        if rules:
            numbers[f"gold_gain_{size}"] = fmean(m.ours - m.peers["no_gold"] for m in rules)
    if gold:
        numbers["gold_worst_set"] = min(m.ours - m.peers["no_gold"] for m in gold)
        numbers["gold_against_regression"] = min(
            _in_errors([m.ours - m.peers["logistic_regression"] for m in _of(found, f"gold_{size}", _SCORES)])
            for size in _sizes(found)
        )
    if calibrated := [m.ours for m in found if m.case.startswith("gold_100/") and m.metric == "ece"]:
        numbers["ece_with_100_gold"] = fmean(calibrated)
    return numbers


def markdown(found: Sequence[Measurement]) -> str:
    """Means by family, by size of gold, of content; then every set."""
    parts = [*_means(found), _gold_table(found), _content_table(found)]
    parts += [_sets(found, family, title) for family, title in {**FAMILIES, "test": "rule sets, test rows"}.items()]
    return "\n\n".join(part for part in parts if part)


def _means(found: Sequence[Measurement]) -> list[str]:
    """Scores with what they cost, and how far probabilities are to be believed; a row for each model, in brackets over
    how many sets, where not all."""
    families = {**FAMILIES, "test": "rule sets, test rows"}
    scores = {title: _of(found, family, _SCORES) for family, title in families.items()}
    costs = {"seconds": "cpu_time", "MiB": "memory"}
    scores |= {
        said: [m for family in FAMILIES for m in _of(found, family, (metric,))] for said, metric in costs.items()
    }
    doubts = {
        f"{said}, {title}": _of(found, family, (metric,))
        for said, metric in (("log-loss", "log_loss"), ("ECE", "ece"))
        for family, title in families.items()
    }
    return [_model_table("score", scores), _model_table("doubt", doubts)]


def _model_table(head: str, columns: Mapping[str, Sequence[Measurement]]) -> str:
    columns = {said: kept for said, kept in columns.items() if kept}
    models = dict.fromkeys(peer for kept in columns.values() for peer in _peers(kept))
    rows = [["**quorum**", *(f"**{_number(m.ours for m in kept)}**" for kept in columns.values())]]
    rows += [[_title(model), *(_mean_of(model, kept) for kept in columns.values())] for model in models]
    return _table([head, *columns], rows) if columns else ""


def _mean_of(model: str, kept: Sequence[Measurement]) -> str:
    values = [m.peers[model] for m in kept if model in m.peers]
    return "" if not values else _number(values) + (f" ({len(values)})" if len(values) < len(kept) else "")


def _gold_table(found: Sequence[Measurement]) -> str:
    rows = []
    for size in _sizes(found):
        for family, title in FAMILIES.items():
            if kept := _of(found, f"gold_{size}", _SCORES, family):
                gain = [m.ours - m.peers["no_gold"] for m in kept]
                lead = [m.ours - m.peers["logistic_regression"] for m in kept]
                errors = _of(found, f"gold_{size}", ("ece",), family)
                row = [str(size), f"{title} ({len(kept)})", _number(m.ours for m in kept), f"{fmean(gain):+.1f}"]
                row += [
                    f"{min(gain):+.1f}",
                    f"{fmean(lead):+.1f} ± {_error(lead):.1f}",
                    _number(m.ours for m in errors),
                ]
                rows.append(row)
    head = ["gold rows", "family", "score", "over no gold", "worst set", "over logistic regression ± s.e.", "ECE"]
    return _table(head, rows) if rows else ""


def _content_table(found: Sequence[Measurement]) -> str:
    kept = _of(found, "content", _SCORES)
    rows = []
    for m in kept:
        guessed, balance = m.peers["votes_only_guessed"], m.peers["votes_only_balance"]
        name = m.case.removeprefix("content/")
        rows.append([name, f"{guessed:.1f}", f"{balance:.1f}", f"{m.ours:.1f}"])
        rows[-1] += [f"{m.ours - guessed:+.1f}", f"{m.ours - balance:+.1f}"]
    if rows:
        mean = [fmean(m.peers[p] for m in kept) for p in ("votes_only_guessed", "votes_only_balance")]
        ours = fmean(m.ours for m in kept)
        rows.append(["**mean**", *(f"{x:.1f}" for x in (*mean, ours)), *(f"**{ours - x:+.1f}**" for x in mean)])
    head = ["set, all rows", "votes, the rest guessed", "votes, the rest by balance", "with content", "gain", "gain"]
    return _table(head, rows) if rows else ""


def _sets(found: Sequence[Measurement], family: str, title: str) -> str:
    kept = _of(found, family, _SCORES, left_out=())
    peers = _peers(kept)
    rows = [
        [m.case.partition("/")[2], f"{m.ours:.1f}", *(f"{m.peers[p]:.1f}" if p in m.peers else "" for p in peers)]
        for m in kept
    ]
    return _table([title, "quorum", *map(_title, peers)], rows) if rows else ""


def _of(
    found: Sequence[Measurement],
    group: str,
    metrics: Sequence[str],
    family: str = "",
    left_out: Sequence[str] = _LEFT_OUT,
) -> list[Measurement]:
    start = f"{group}/{family}/" if family else f"{group}/"
    return [
        m
        for m in found
        if m.case.startswith(start) and m.metric in metrics and not m.case.endswith(tuple(left_out or ("//",)))
    ]


def _sizes(found: Sequence[Measurement]) -> list[int]:
    groups = {m.case.partition("/")[0] for m in found}
    return sorted(int(group.removeprefix("gold_")) for group in groups if group.startswith("gold_"))


def _peers(found: Sequence[Measurement]) -> list[str]:
    return list(dict.fromkeys(peer for m in found for peer in m.peers))


def _error(values: Sequence[float]) -> float:
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0


def _in_errors(values: Sequence[float]) -> float:
    return fmean(values) / max(_error(values), 1e-9) if values else 0.0


def _title(name: str) -> str:
    from benchmarks.answers import PEERS

    return PEERS[name].title if name in PEERS else name.replace("_", " ")


def _number(values: Iterable[float]) -> str:
    known = [v for v in values if isfinite(v)]
    if not known:
        return ""
    mean = fmean(known)
    return f"{mean:.1f}" if mean >= 10 else f"{mean:.3f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)
