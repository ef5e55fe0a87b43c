"""saying: how a command says its outcome, as text or as one JSON object, and how it ends on an error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from quorate.errors import ChecksFailed, ExportRefused, ProjectError, QuorateError, ReplayDiffers

Folder = Annotated[Path, typer.Argument(help="The project: a folder with quorate.toml.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")]

Say = Callable[[dict[str, Any], Callable[[], str]], None]


def shown(say: Say, as_json: bool, value: dict[str, Any], view: Callable[[dict[str, Any]], Any]) -> None:
    """Says the value as JSON, or shows what `view` makes of it."""
    if as_json:
        say(value, str)
        return
    from rich.console import Console

    Console().print(view(value))


@contextmanager
def reported(as_json: bool) -> Iterator[Say]:
    """Gives the one way to say the outcome; ends the command with the message and exit code of an error.

    With `--json`, whatever else is printed (by rules, for instance) goes to standard error.
    """
    out = sys.stdout

    def say(value: dict[str, Any], text: Callable[[], str]) -> None:
        typer.echo(json.dumps(value, ensure_ascii=False) if as_json else text(), file=out)

    try:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            yield say
    except QuorateError as error:
        if as_json:
            say(_fault(error), str)
        else:
            from rich.console import Console

            from quorate.reporting.terminal import print_error

            print_error(Console(stderr=True, soft_wrap=True, highlight=False), str(error))
        raise typer.Exit(error.exit_code) from None


def _fault(error: QuorateError) -> dict[str, Any]:
    return {
        "schema": "quorate.error/1",
        "error": type(error).__name__,
        "message": str(error),
        "problems": _problems(error),
    }


def _problems(error: QuorateError) -> list[str]:
    """One text per problem; a traceback belongs to its problem."""
    match error:
        case ProjectError():
            return [str(problem) for problem in error.problems]
        case ExportRefused():
            return list(error.errors)
        case ChecksFailed() | ReplayDiffers():
            return str(error).splitlines()
        case _:
            return [str(error)]
