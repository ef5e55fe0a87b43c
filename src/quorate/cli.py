"""The command line: `quorate init | check | run | show | export`, each on a project folder, each with `--json`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from quorate.errors import ChecksFailed, ProjectError, QuorateError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Rules and models vote, a label model fuses the votes, people settle the few disagreements that matter.\n\n"
    "Start with [bold]quorate init demo[/], then [bold]quorate run demo[/].",
    epilog="Exit codes: 0 done, 1 a source's own examples fail, 2 the project, data or command is wrong, "
    "3 too many failed votes.",
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
    as_json: AsJson = False,
) -> None:
    """Label the data: sources vote, the label model fuses, disagreements are ranked. What was done before is reused.

    Results are in FOLDER/.quorate/runs/: report.html, labels.parquet, votes.parquet, queue.parquet.
    """
    with _reported(as_json) as say:
        from quorate.project import open_project, with_workers
        from quorate.run import run as run_project

        project = with_workers(open_project(folder), workers)
        with _progress() as progress:
            done = run_project(project, progress, retry_failed)
        if as_json:
            say(done.report, str)
            return
        from rich.console import Console

        from quorate.terminal import run_view

        console = Console()
        console.print(run_view(done.report, console.width))
        console.print(f"report: {done.folder / 'report.html'}", highlight=False, soft_wrap=True)


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
        if as_json:
            say(entry, str)
            return
        from rich.console import Console

        from quorate.terminal import row_view

        Console().print(row_view(entry))


@app.command()
def export(
    folder: Folder,
    format: Annotated[str, typer.Option(help="jsonl, csv, parquet, or any installed exporter.")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="Where to write; the project's .quorate/export by default.")] = None,
    min_probability: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out rows the model is less sure of.")
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Write the labelled rows as a training set."""
    with _reported(as_json) as say:
        from quorate.project import open_project
        from quorate.run import export as export_set

        project = open_project(folder)
        written = export_set(project, format, out or project.state / "export", min_probability)
        say(
            written,
            lambda: f"{written['rows']:,} rows ({written['left_out']:,} left out) in {', '.join(written['files'])}",
        )


Say = Callable[[dict[str, Any], Callable[[], str]], None]


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
        case ChecksFailed():
            return str(error).splitlines()
        case _:
            return [str(error)]


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left on a terminal, a line every few seconds elsewhere; always on standard error."""
    if not sys.stderr.isatty():
        yield _plain_progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("rows"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("rows", total=None, rate="")
        start = time.monotonic()

        def advance(done: int, total: int) -> None:
            bar.update(
                task,
                completed=done,
                total=total,
                rate=f"{done / max(time.monotonic() - start, 1e-9):,.0f} rows/s",
            )

        yield advance


def _plain_progress(every_s: float = 5.0) -> Callable[[int, int], None]:
    start = last = time.monotonic()

    def advance(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every_s:
            last = now
            rate = done / (now - start)
            print(
                f"{done:,} of {total:,} rows, {rate:,.0f} rows/s, {(total - done) / max(rate, 1e-9):,.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    return advance


def main() -> None:
    """The entry point of the `quorate` command."""
    app()
