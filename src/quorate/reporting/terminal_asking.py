"""What a plan and an examination look like in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from quorate.reporting.terminal import plain_table


def plan_view(plan: Mapping[str, Any]) -> RenderableType:
    """What asking will cost, source by source."""
    if not plan["sources"]:
        return Text("no source asks a model; nothing to pay")
    sources = plain_table("to ask", ["source", "model"], ["known", "to ask", "requests", "tokens", "price"])
    for entry in plan["sources"]:
        sources.add_row(
            escape(entry["name"]),
            escape(entry["model"]) + (" [dim]batch[/]" if entry["is_batch"] else ""),
            f"{entry['rows_known']:,}",
            f"{entry['rows_to_ask']:,}",
            f"{entry['requests']:,}",
            _tokens(entry["tokens"]),
            _usd(entry["usd"]),
        )
    return Group(sources, Text(_conclusion(plan)), Text(_basis(plan), style="dim"))


def _tokens(interval: Mapping[str, float]) -> str:
    if not interval["high"]:
        return "0"
    return f"{interval['likely']:,.0f}"


def _usd(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return "unknown"
    if not interval["high"]:
        return "$0"
    return f"${_money(interval['likely'])} [dim]{_money(interval['low'])}-{_money(interval['high'])}[/]"


def _money(usd: float) -> str:
    return f"{usd:,.2f}" if usd >= 1 else f"{usd:.2g}"


def _conclusion(plan: Mapping[str, Any]) -> str:
    total, spent, caps = plan["total"], plan["spent"], plan["caps"]
    if not total["requests"]:
        return "everything is answered; a run sends nothing"
    usd = total["usd"]
    price = (
        f"${_money(usd['likely'])} (95 %: ${_money(usd['low'])} to ${_money(usd['high'])})"
        if usd
        else "an unknown price; [endpoints.NAME.price] tells it"
    )
    so_far = f"; spent so far ${spent['usd']:,.4f}" if spent["attempts"] else ""
    cap = f"; a run stops at ${caps['max_usd']:g} in all" if caps["max_usd"] is not None else ""
    return f"{total['requests']:,} requests for {price}{so_far}{cap}"


def _basis(plan: Mapping[str, Any]) -> str:
    measured = [entry["measured_on"] for entry in plan["sources"] if entry["requests"]]
    if all(measured):
        return f"measured on {min(measured, default=0):,} or more answers of each model; prices are estimates"
    return (
        "tokens are guessed from the length of the texts: `quorate plan --pilot 20` measures them; prices are estimates"
    )


def doctor_view(findings: Mapping[str, Any]) -> RenderableType:
    """What each endpoint does."""
    shown = plain_table(
        "endpoints", ["endpoint", "model", "answers", "may be asked for", "tells"], ["latency", "limit"]
    )
    for name, found in findings["endpoints"].items():
        shown.add_row(
            escape(name),
            escape(found["model"]),
            "[green]yes[/]" if found["answers"] else "[red]no[/]",
            ", ".join(f"{what} ({word})" for what, word in found["found"].items()),
            " ".join(what for what in ("usage", "probabilities") if found.get(f"tells_{what}")),
            f"{found['latency_s']:.2f} s" if found["answers"] else "",
            str((found.get("limits") or {}).get("requests") or ""),
        )
    problems = [f"{name}: {found['problem']}" for name, found in findings["endpoints"].items() if found["problem"]]
    return Group(shown, *(Text(problem, style="red") for problem in problems))
