"""commands: `quorate review` and `quorate gold`, beside the other commands."""

from __future__ import annotations

import webbrowser
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from quorate.commands.saying import AsJson, Folder, reported
from quorate.errors import Problem, ProjectError

gold = typer.Typer(no_args_is_help=True, help="Take in labels that people gave elsewhere, or give them away.")


def review(
    folder: Folder,
    *,
    host: Annotated[
        str, typer.Option(help="The address to serve at; others than this machine's are for teams.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 8321,
    token: Annotated[
        str | None, typer.Option(help="The secret in the link; a new one by default.", envvar="QUORATE_REVIEW_TOKEN")
    ] = None,
    reviewer: Annotated[str, typer.Option(help="Your name; the page asks for it otherwise.")] = "",
    compare: Annotated[
        str, typer.Option(help="A,B: the rows that tell these sources apart, by lottery, votes hidden.")
    ] = "",
    terminal: Annotated[bool, typer.Option("--terminal", help="Ask here, without a browser.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the link, open nothing.")] = False,
    errors: Annotated[
        str, typer.Option(help="labels or gold: first the rows whose label of that kind is probably wrong.")
    ] = "",
) -> None:
    """Settle rows by hand, the most telling first, in a page of this machine's browser.

    Every answer is on the disk before the page says so; the next `quorate run` learns from it.
    """
    with reported(False) as say:
        from quorate.commands.progress import progress
        from quorate.label_errors import kind_of
        from quorate.project import open_project
        from quorate.review.room import Room
        from quorate.review.serve import Address, serve

        project = open_project(folder)
        with progress() as advance:
            between = [name.strip() for name in compare.split(",") if name.strip()]
            room = Room(project, advance, between, kind_of(errors) if errors else None)

        def ready(url: str) -> None:
            say({}, lambda: f"review {project.name} at {url}\nstop with Ctrl+C; every answer is kept as it is given")
            if not no_browser:
                webbrowser.open(url)

        try:
            if not len(room.rows):
                raise ProjectError([Problem(str(folder), "there are no rows to review")])
            if terminal:
                from quorate.review.talk import talk_in_terminal

                talk_in_terminal(room, reviewer)
            else:
                serve(room, Address(host, port, token), reviewer, ready)
        except KeyboardInterrupt:
            say({}, lambda: "stopped")
        finally:
            if room.contest:
                say({}, partial(room.contest.outlook, room.ledger))
            room.close()


@gold.command("import")
def take_in(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="What the other tool exported.", show_default=False)],
    format: Annotated[str, typer.Option(help="csv, label-studio, argilla or prodigy.")] = "csv",
    as_json: AsJson = False,
) -> None:
    """Take labels that people gave elsewhere as decisions; those taken before are not taken twice."""
    with reported(as_json) as say:
        from quorate.project import open_project
        from quorate.review.exchange import import_gold

        done = import_gold(open_project(folder), file, format)
        say(done, lambda: f"{done['kept']:,} answers taken from {file}, {done['known']:,} known before")


@gold.command("export")
def give_away(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
    format: Annotated[str, typer.Option(help="csv, label-studio, argilla or prodigy.")] = "csv",
    as_json: AsJson = False,
) -> None:
    """Write what people answered, row by row, in the form of another tool."""
    with reported(as_json) as say:
        from quorate.project import open_project
        from quorate.review.exchange import export_gold

        done = export_gold(open_project(folder), file, format)
        say(done, lambda: f"{done['answers']:,} answers in {file}")
