"""told: what a run's report says beside what rows come to: money, answers of people, gold that was answered again."""

from __future__ import annotations

from typing import Any

from quorate.asking.desk import DeskSettings
from quorate.asking.journal import Journal, Spent
from quorate.project import Data, Project
from quorate.values import Gold


def spent(project: Project, desk: DeskSettings) -> Spent | None:
    """What the project's endpoints cost so far; None where it has none."""
    if not project.endpoints:
        return None
    with Journal(desk.journal) as journal:
        return journal.spent()


def measures(reviewed: Gold | None) -> bool:
    """Whether people answered on rows that were drawn at random."""
    return reviewed is not None and any(chance < 1 for chance in reviewed.inclusion)


def with_answers(numbers: dict[str, Any], data: Data) -> dict[str, Any]:
    """The report with how many rows people answered."""
    if data.reviewed is None:
        return numbers
    return numbers | {
        "reviewed": {"rows": len(data.reviewed), "none": len(data.refused)},
        "warnings": numbers["warnings"] + _seen_before(data.gold, data.reviewed),
    }


def _seen_before(gold: Gold | None, reviewed: Gold) -> list[str]:
    both = set(gold.ids) & set(reviewed.ids) if gold is not None else set()
    if not both:
        return []
    return [f"{len(both)} gold row(s) were also answered in review, and count there with the answer they were given"]
