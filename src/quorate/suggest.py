"""suggest: rules that a project's labels suggest, and a file that the user owns to take them in."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from quorate.collector import FILE
from quorate.errors import Problem, ProjectError, listed
from quorate.next_steps import outlook_of
from quorate.project import Project, open_project
from quorate.settings import parse
from quorate.store import write_atomically
from quorate.suggesting.mining import Mined, Suggestion, mine
from quorate.suggesting.writing import bound_names, with_function, with_table, with_term

SCHEMA = "quorate.suggest/1"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A suggestion that a file now holds; `added` is the text that stands behind what was there."""

    name: str
    file: Path
    added: str


def suggest(project: Project, most: int = 10) -> Mined:
    """Rules that gold and fused labels suggest, most labels put right first; nothing is asked or written.

    Gold that only evaluates is left alone.
    """
    return mine(outlook_of(project), most, _taken(project))


def accept(project: Project, suggestion: Suggestion, into: Path | None = None) -> Accepted:
    """The suggestion, appended to a file of the project; it votes in the next run.

    Without `into` that is the last Python file of `rules`, or quorate.toml where there is none.

    Args:
        into: a file of `rules`, quorate.toml, or the terms of a gazetteer for the same label; relative to the project.

    Raises:
        ProjectError: the file is not of the project or cannot take this rule; nothing was written.
    """
    path = _destination(project, into)
    before = _read(path)
    column = str(project.settings.data.text)
    if path.suffix == ".py":
        after = with_function(before, suggestion, column)
        compile(after.removeprefix("\ufeff"), str(path), "exec")
    elif path.name == FILE:
        after = with_table(before, suggestion, column)
        _check_settings(after)
    else:
        _check_terms(project, path, suggestion)
        after = with_term(before, suggestion)
    _replace(path, after)
    return Accepted(suggestion.name, path, after[len(before) :])


def accept_numbers(project: Project, found: Mined, numbers: Sequence[int], into: Path | None = None) -> list[Accepted]:
    """The suggestions of these places, counted from 1, each appended.

    Raises:
        ProjectError: there is no such place; nothing was written.
    """
    wrong = [number for number in numbers if not 1 <= number <= len(found.suggestions)]
    if wrong:
        raise ProjectError(
            [Problem("--accept", f"there is no suggestion {wrong[0]}; there are {len(found.suggestions)}")]
        )
    chosen = [found.suggestions[number - 1] for number in dict.fromkeys(numbers)]
    return [accept(open_project(project.folder), suggestion, into) for suggestion in chosen]


def as_object(project: Project, found: Mined, accepted: Sequence[Accepted] = ()) -> dict[str, Any]:
    """The documented object of `quorate suggest --json`."""
    return {
        "schema": SCHEMA,
        "project": project.name,
        "candidates": found.candidates,
        "gold": project.settings.gold.use if project.settings.gold else None,
        "suggestions": [{"place": place, **asdict(each)} for place, each in enumerate(found.suggestions, start=1)],
        "accepted": [{f.name: str(getattr(one, f.name)) for f in fields(one)} for one in accepted],
    }


def _taken(project: Project) -> set[str]:
    files = [project.folder / path for path in project.settings.rules]
    return {name for path in files for name in bound_names(_read(path))}


def _read(path: Path) -> str:
    """The text of the file, to the byte."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProjectError([Problem(path.name, f"is not UTF-8 ({error}); save it as UTF-8 to add to it")]) from None


def _destination(project: Project, into: Path | None) -> Path:
    files = [*project.settings.rules, Path(FILE)]
    terms = [Path(str(o["path"])) for o in project.settings.sources if o["kind"] == "gazetteer" and "path" in o]
    if into is None:
        return project.folder / (project.settings.rules[-1] if project.settings.rules else FILE)
    for known in (*files, *terms):
        if (project.folder / known).resolve() in (into.resolve(), (project.folder / into).resolve()):
            return project.folder / known
    names = listed([str(known) for known in (*files, *terms)])
    raise ProjectError([Problem(str(into), f"is no file that the project reads rules from; these are {names}")])


def _check_terms(project: Project, path: Path, suggestion: Suggestion) -> None:
    """A term votes for the label of its gazetteer, on the column that one reads."""
    text = project.settings.data.text
    readers = [
        options
        for options in project.settings.sources
        if options["kind"] == "gazetteer" and (project.folder / str(options.get("path"))).resolve() == path.resolve()
    ]
    labels = {project.space.names[project.space.index(str(options["label"]))] for options in readers}
    if not suggestion.phrase:
        raise ProjectError([Problem(path.name, f"holds terms, and {suggestion.says} is none; take a file of `rules`")])
    if labels != {suggestion.label} or any(options.get("column", text) != text for options in readers):
        raise ProjectError([Problem(path.name, f"is not of a gazetteer that votes {suggestion.label} on {text!r}")])


def _check_settings(text: str) -> None:
    settings, problems = parse(tomllib.loads(text), text)
    if settings is None:
        raise ProjectError(problems)


def _replace(path: Path, text: str) -> None:
    def write(beside: Path) -> None:
        beside.write_bytes(text.encode("utf-8"))
        shutil.copymode(path, beside)

    # A link stays one: what it points at is what the user edits.
    write_atomically(path.resolve(), write)
