"""The command line: each command takes a project folder, and `--json` for one documented object."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from quorate.errors import ChecksFailed, ExportRefused, PluginError, ProjectError, QuorateError, ReplayDiffers
from quorate.progress import progress

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Rules and models vote, a label model fuses the votes, people settle the few disagreements that matter.\n\n"
    "Start with [bold]quorate init demo[/], then [bold]quorate run demo[/].",
    epilog="Exit codes: 0 done, 1 a source's own examples fail or a replay differs, "
    "2 the project, data or command is wrong, 3 too many failed votes, "
    "4 an endpoint answers nothing, 5 answers cannot be kept.",
)

Folder = Annotated[Path, typer.Argument(help="The project: a folder with quorate.toml.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")]


@app.command()
def init(folder: Folder, as_json: AsJson = False) -> None:
    """Write a small commented project that runs as it is; nothing is overwritten."""
    from quorate.starter import write_starter

    with _reported(as_json) as say:
        files = [str(path) for path in write_starter(folder)]
        say(
            {"schema": "quorate.init/1", "files": files},
            lambda: f"wrote {', '.join(files)}\nnext: quorate run {folder}",
        )


@app.command()
def check(folder: Folder, as_json: AsJson = False) -> None:
    """Validate everything before anything runs: settings, rules, columns, labels, and every inline example."""
    with _reported(as_json) as say:
        from quorate.project import open_project
        from quorate.run import check as broken_examples

        project = open_project(folder)
        broken = broken_examples(project)
        if broken:
            raise ChecksFailed("\n".join(broken))
        names = [source.name for source in project.sources]
        say(
            {"schema": "quorate.check/1", "project": project.name, "sources": names, "problems": []},
            lambda: f"{project.name}: {len(names)} sources, all is well",
        )


@app.command()
def run(
    folder: Folder,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again where votes failed before.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes, in place of run.workers.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Send nothing: only answers kept before serve.")] = False,
    as_json: AsJson = False,
) -> None:
    """Label the data: sources vote, the label model fuses, disagreements are ranked. What was done before is reused.

    Results are in FOLDER/.quorate/runs/: report.html, labels.parquet, votes.parquet, queue.parquet.
    """
    with _reported(as_json) as say:
        from quorate.project import open_project, with_workers
        from quorate.run import run as run_project

        project = with_workers(open_project(folder), workers)
        with progress() as advance:
            done = run_project(project, advance, retry_failed, offline)
        _show_run(say, as_json, done)


@app.command()
def plan(
    folder: Folder,
    pilot: Annotated[int, typer.Option(min=0, help="Ask so many rows first (paid and kept) to measure tokens.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Tell what asking the models will cost, before anything is sent: rows known and to ask, tokens, price."""
    with _reported(as_json) as say:
        from quorate.plan import plan as plan_project
        from quorate.project import open_project
        from quorate.terminal_asking import plan_view

        _shown(say, as_json, plan_project(open_project(folder), pilot), plan_view)


@app.command()
def doctor(folder: Folder, as_json: AsJson = False) -> None:
    """Ask each endpoint a few short questions: does it answer, keep to a schema, give probabilities, tell limits?"""
    with _reported(as_json) as say:
        from quorate.doctor import examine
        from quorate.project import open_project
        from quorate.terminal_asking import doctor_view

        _shown(say, as_json, examine(open_project(folder)), doctor_view)


@app.command()
def demo(folder: Folder, as_json: AsJson = False) -> None:
    """Run a project whose endpoints are at 127.0.0.1 with small models in their place: no key, nothing leaves.

    The stand-ins are trained on a part of the project's gold rows, which is good for a try and for nothing else.
    """
    with _reported(as_json) as say:
        from quorate.demo import serving
        from quorate.project import open_project
        from quorate.run import run as run_project

        project = open_project(folder)
        with serving(project), progress() as advance:
            done = run_project(project, advance)
        _show_run(say, as_json, done)


@app.command()
def show(
    folder: Folder,
    row: Annotated[str, typer.Argument(help="A row id.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show one row: who voted what and why the label is what it is."""
    with _reported(as_json) as say:
        from quorate.project import open_project
        from quorate.run import show as show_row

        entry = show_row(open_project(folder), row)
        from quorate.terminal import row_view

        _shown(say, as_json, entry, row_view)


@app.command()
def export(
    folder: Folder,
    *,
    to: Annotated[
        str, typer.Option("--to", "--format", help="jsonl, csv, hf, comprehend, vertex, azureml, …")
    ] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="Where to write; FOLDER/.quorate/export/FORMAT by default.")] = None,
    text_column: Annotated[str, typer.Option(help="The column to learn from; data.text by default.")] = "",
    min_probability: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out rows the model is less sure of.")
    ] = 0.0,
    target_precision: Annotated[
        float | None, typer.Option(min=0, max=1, help="Leave out as many rows as it takes, measured on gold.")
    ] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Let every label weigh the same in all.")] = False,
    clean_text: Annotated[bool, typer.Option("--clean-text", help="Take control characters out of texts.")] = False,
    licence: Annotated[str, typer.Option(help="A line for the dataset card.")] = "",
    option: Annotated[list[str], typer.Option(help="An option of the format, KEY=VALUE; may be repeated.")] = [],  # noqa: B006
    check_only: Annotated[
        bool, typer.Option("--check", help="Tell what the platform would say; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the labelled rows as a training set in the format that a platform takes.

    Its limits are checked first, every file is read back, and a card, the provenance of each row and a lock go with it.
    """
    with _reported(as_json) as say:
        from quorate.exporting import Wanted, check, export
        from quorate.project import open_project
        from quorate.terminal import export_view

        options = dict(_pair(pair) for pair in option)
        wanted = Wanted(to, options, text_column, min_probability, target_precision, balance, clean_text, licence)
        project = open_project(folder)
        place = out or project.state / "export" / to
        found = check(project, wanted) if check_only else export(project, wanted, place)
        say(found, lambda: export_view(found))


@app.command()
def replay(
    folder: Folder,
    export: Annotated[Path | None, typer.Option(help="The export; every one under FOLDER/.quorate by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an export anew from kept votes and answers, with no network, and compare it byte for byte."""
    with _reported(as_json) as say:
        from quorate.project import open_project
        from quorate.replay import exports
        from quorate.replay import replay as replay_exports

        project = open_project(folder)
        found = replay_exports(project, [export] if export else exports(project) or [project.state / "export"])
        same = "{folder}: the same byte for byte"
        say(found, lambda: "\n".join(same.format(**entry) for entry in found["exports"]))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise PluginError(f"--option {text!r} is not KEY=VALUE")
    return key.strip().replace("-", "_"), value


Say = Callable[[dict[str, Any], Callable[[], str]], None]


def _shown(say: Say, as_json: bool, value: dict[str, Any], view: Callable[[dict[str, Any]], Any]) -> None:
    """Says the value as JSON, or shows what `view` makes of it."""
    if as_json:
        say(value, str)
        return
    from rich.console import Console

    Console().print(view(value))


def _show_run(say: Say, as_json: bool, done: Any) -> None:
    if as_json:
        say(done.report, str)
        return
    from rich.console import Console

    from quorate.terminal import run_view

    console = Console()
    console.print(run_view(done.report, console.width))
    console.print(f"report: {done.folder / 'report.html'}", highlight=False, soft_wrap=True)


@contextmanager
def _reported(as_json: bool) -> Iterator[Say]:
    """Gives the one way to say the outcome; ends the command with the message and exit code of an error.

    With `--json`, whatever else is printed (by rules, for instance) goes to standard error.
    """
    out = sys.stdout

    def say(value: dict[str, Any], text: Callable[[], str]) -> None:
        print(json.dumps(value, ensure_ascii=False) if as_json else text(), file=out)

    try:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            yield say
    except QuorateError as error:
        if as_json:
            say(_fault(error), str)
        else:
            from rich.console import Console

            from quorate.terminal import print_error

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


def main() -> None:
    """The entry point of the `quorate` command."""
    app()
