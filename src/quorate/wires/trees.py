"""Reading JSON that somebody else wrote: nothing in it is where it should be until it is found there."""

from __future__ import annotations

from typing import Any

_TOO_MUCH = 1e15


def at(tree: Any, *path: str | int) -> Any:
    """What stands at the path, or None where any part of it is missing or of another kind."""
    for part in path:
        if isinstance(part, str) and isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(part, int) and isinstance(tree, list) and -len(tree) <= part < len(tree):
            tree = tree[part]
        else:
            return None
    return tree


def dotted(path: str) -> tuple[str | int, ...]:
    """The path that `choices.0.label` writes."""
    return tuple(int(part) if part.isdigit() else part for part in path.split(".")) if path else ()


def text_at(tree: Any, *path: str | int) -> str:
    """The text at the path, "" where there is none."""
    found = at(tree, *path)
    return found if isinstance(found, str) else ""


def count_at(tree: Any, *path: str | int) -> int | None:
    """The whole number of at least 0 at the path; servers write some as 12.0."""
    found = number_at(tree, *path)
    return int(found) if found is not None and found >= 0 and found == int(found) else None


def dicts_at(tree: Any, *path: str | int) -> list[dict[str, Any]]:
    """The tables in the list at the path; none where there is no such list."""
    found = at(tree, *path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def number_at(tree: Any, *path: str | int) -> float | None:
    """The finite number at the path."""
    found = at(tree, *path)
    # Far past any count or logarithm, and still a float: a server may write any number of digits.
    is_number = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < _TOO_MUCH
    return float(found) if is_number else None
