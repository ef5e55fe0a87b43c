"""next_steps: what to do next in a project, most labels put right per minute first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from quorate.errors import PluginError, did_you_mean, listed
from quorate.plan import ask_rows, plan
from quorate.project import Project
from quorate.protocols import Asking
from quorate.settings import GoldSettings
from quorate.steps.answers import rows_to_label
from quorate.steps.faults import rules_to_fix
from quorate.steps.outlook import Outlook
from quorate.steps.questions import rows_to_ask
from quorate.steps.removal import sources_to_drop
from quorate.steps.silence import rules_to_write
from quorate.steps.step import HOUR_USD, Step, in_order
from quorate.steps.texts import texts_to_hear
from quorate.suggesting.acceptance import rules_to_accept
from quorate.values import Status
from quorate.voting import fused

SCHEMA = "quorate.next/1"


def next_steps(project: Project, hour_usd: float = HOUR_USD, flags: str = "") -> list[Step]:
    """What is worth doing next, most labels put right per minute first; nothing is asked or written.

    Gold that only evaluates is left alone: what it taught here, it could not measure any more.

    Args:
        hour_usd: what an hour of a person costs, by which money counts as minutes.
        flags: what commands that look at the project as this call does are to be told besides its folder.
    """
    return in_order(_steps(project, outlook_of(project), flags), hour_usd)


def outlook_of(project: Project) -> Outlook:
    """Where the project stands, from votes and answers that are kept."""
    made = fused(project, offline=True)
    data = made.data
    return Outlook(
        data.rows,
        made.votes,
        made.labels,
        project.label_model,
        made.fitted,
        data.anchors,
        project.settings.data.text or "",
    )


def learning_from_gold(project: Project) -> Project:
    """The project with its gold column teaching, whatever it says."""
    gold = project.settings.gold
    if gold is None:
        return project
    taught: GoldSettings = gold.model_copy(update={"use": "anchor"})
    return replace(project, settings=project.settings.model_copy(update={"gold": taught}))


def as_object(project: Project, steps: Sequence[Step], hour_usd: float = HOUR_USD) -> dict[str, Any]:
    """The steps as the documented object of `quorate next --json`."""
    gold = project.settings.gold
    entries = [
        {"place": place, **asdict(step), "gain_per_minute": step.gain_a_minute(hour_usd)}
        for place, step in enumerate(steps, start=1)
    ]
    return {
        "schema": SCHEMA,
        "project": project.name,
        "hour_usd": hour_usd,
        "gold": gold.use if gold else None,
        "steps": entries,
    }


def ask_about(project: Project, source: str, most: int = 100) -> dict[str, Any]:
    """Asks the source about the rows where its vote is worth most, at most so many; answers are paid and kept.

    Raises:
        PluginError: no source of that name asks an endpoint, or it has been asked everything that is worth it.
    """
    asking = {s.name: s for s in project.sources if isinstance(s, Asking)}
    if source not in asking:
        raise PluginError(
            f"no source {source!r} asks an endpoint; those that do are {listed(asking) or 'none'}."
            f"{did_you_mean(source, asking)}"
        )
    outlook = outlook_of(project)
    steps = list(rows_to_ask(outlook, {source: None}, str(project.folder), most))
    if not steps:
        raise PluginError(
            f"{source!r} has answered on every row where its vote is expected to help; `quorate run` next"
        )
    wanted = set(steps[0].evidence["ids"])
    at = np.array([i for i, row in enumerate(outlook.votes.ids.to_pylist()) if row in wanted], np.intp)
    votes = ask_rows(project, [asking[source]], outlook.rows.take(at), outlook.gold)
    told = {status.name.lower(): int((votes.status == status).sum()) for status in Status}
    return {"schema": "quorate.ask/1", "project": project.name, "source": source, "rows": len(at), "votes": told}


def _steps(project: Project, outlook: Outlook, flags: str) -> Iterator[Step]:
    folder = str(project.folder)
    seen_so = f"{folder} {flags}".rstrip()
    yield from texts_to_hear(outlook)
    yield from rules_to_write(outlook)
    yield from rules_to_accept(outlook, seen_so)
    yield from rows_to_label(outlook, folder)
    yield from rules_to_fix(outlook)
    yield from sources_to_drop(outlook)
    if any(isinstance(source, Asking) for source in project.sources):
        yield from rows_to_ask(outlook, _prices(project), seen_so)


def _prices(project: Project) -> dict[str, float | None]:
    """What a row costs by source that asks, as `quorate plan` estimates it."""
    prices: dict[str, float | None] = {}
    for entry in plan(project)["sources"]:
        usd, rows = entry["usd"], entry["rows_to_ask"]
        prices[entry["name"]] = usd["likely"] / rows if usd and rows else None
    return prices
