"""The commands that say what to do next."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quorate.commands.saying import AsJson, Folder, Say, reported, shown

if TYPE_CHECKING:
    from quorate.suggesting.mining import Suggestion

LearnFromGold = Annotated[
    bool, typer.Option("--learn-from-gold", help="Use the gold column too; it then no longer measures honestly.")
]


def next_(
    folder: Folder,
    *,
    hour_usd: Annotated[float, typer.Option(min=0.01, help="What an hour of a person costs, in dollars.")] = 30.0,
    most: Annotated[int, typer.Option("--most", min=1, help="How many steps to show.")] = 10,
    ask: Annotated[str, typer.Option(help="Do an ask step: the source to ask about its most telling rows.")] = "",
    rows: Annotated[int, typer.Option(min=1, help="How many rows --ask asks about at most.")] = 100,
    learn_from_gold: LearnFromGold = False,
    as_json: AsJson = False,
) -> None:
    """Tell what to do next: one list, most labels put right per minute first, and the command or code for each.

    Write a rule, accept a suggested one, label rows, fix a rule, drop a source, ask an endpoint. Nothing is sent or
    written, except with --ask.
    """
    with reported(as_json) as say:
        from quorate.next_steps import as_object, ask_about, learning_from_gold, next_steps
        from quorate.project import open_project
        from quorate.steps.terminal import steps_view

        project = open_project(folder)
        project = learning_from_gold(project) if learn_from_gold else project
        if ask:
            done = ask_about(project, ask, rows)
            say(
                done,
                lambda: f"{ask}: {done['votes']['voted']} of {done['rows']} rows voted; next: quorate run {folder}",
            )
            return
        steps = next_steps(project, hour_usd, "--learn-from-gold" if learn_from_gold else "")[:most]
        shown(say, as_json, as_object(project, steps, hour_usd), steps_view)


def suggest(
    folder: Folder,
    *,
    accept: Annotated[
        list[int], typer.Option(help="Take the suggestion of this place, without asking; may be repeated.")
    ] = [],  # noqa: B006
    into: Annotated[
        Path | None, typer.Option(help="The file to append to: of `rules`, quorate.toml, or a gazetteer's terms.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many to suggest.")] = 10,
    learn_from_gold: LearnFromGold = False,
    as_json: AsJson = False,
) -> None:
    """Suggest rules that gold and fused labels speak for, and append those you take to a file of yours.

    In a terminal each is shown with rows for and against it: y takes it, n passes, q ends. What you wrote is never
    changed; the rule votes in the next quorate run.
    """
    with reported(as_json) as say:
        from quorate.next_steps import learning_from_gold
        from quorate.project import open_project
        from quorate.suggest import accept_numbers, as_object
        from quorate.suggest import suggest as suggested
        from quorate.suggesting.terminal import suggestions_view

        project = open_project(folder)
        found = suggested(learning_from_gold(project) if learn_from_gold else project, most)
        done = accept_numbers(project, found, accept, into)
        shown(say, as_json, as_object(project, found, done), suggestions_view)
        if found.suggestions and not (as_json or accept) and sys.stdin.isatty() and sys.stdout.isatty():
            _offer(say, project.folder, found.suggestions, into)


def _offer(say: Say, folder: Path, suggestions: Sequence[Suggestion], into: Path | None) -> None:
    """Shows each suggestion and takes it on one key."""
    from rich.console import Console

    from quorate.project import open_project
    from quorate.suggest import accept
    from quorate.suggesting.terminal import suggestion_view

    console = Console()
    for place, each in enumerate(suggestions, start=1):
        console.print(suggestion_view(asdict(each), place, len(suggestions)))
        key = _key("take it? y, n or q ")
        if key == "q":
            return
        if key == "y":
            done = accept(open_project(folder), each, into)
            say({}, f"added to {done.file}:\n{done.added.strip()}".__str__)


def _key(prompt: str) -> str:
    """The first of y, n and q that is pressed; the end of input quits."""
    while True:
        typer.echo(prompt, nl=False)
        try:
            pressed = typer.getchar().lower()
        except (EOFError, KeyboardInterrupt):
            pressed = "q"
        typer.echo(pressed if pressed.isprintable() else "")
        if pressed in ("y", "n", "q"):
            return pressed
