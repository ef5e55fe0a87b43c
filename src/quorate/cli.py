"""The command line: each command takes a project folder, and `--json` for one documented object."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quorate.commands.errors import errors
from quorate.commands.export import export, replay
from quorate.commands.next import next_, suggest
from quorate.commands.pipeline import check_tracker, pipeline, tell_tracker
from quorate.commands.progress import progress
from quorate.commands.review import gold, review
from quorate.commands.saying import AsJson, Folder, Say, reported, shown
from quorate.commands.train import train
from quorate.errors import ChecksFailed, TableError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Rules and models vote, a label model fuses the votes, people settle the few disagreements that matter.\n\n"
    "Start with [bold]quorate init demo[/], then [bold]quorate run demo[/].",
    epilog="Exit codes: 0 done, 1 a source's own examples fail or a replay differs, 2 the project, data or command is "
    "wrong, 3 too many failed votes, 4 an endpoint answers nothing, 5 answers cannot be kept, 6 a --fail-if holds.",
)


@app.command()
def init(folder: Folder, as_json: AsJson = False) -> None:
    """Write a small commented project that runs as it is; nothing is overwritten."""
    from quorate.starter import write_starter

    with reported(as_json) as say:
        files = [str(path) for path in write_starter(folder)]
        say(
            {"schema": "quorate.init/1", "files": files},
            lambda: f"wrote {', '.join(files)}\nnext: quorate run {folder}",
        )


@app.command()
def check(folder: Folder, as_json: AsJson = False) -> None:
    """Validate everything before anything runs: settings, rules, columns, labels, and every inline example."""
    with reported(as_json) as say:
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
    *,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again where votes failed before.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes, in place of run.workers.")] = None,
    executor: Annotated[str, typer.Option(help="Where sources run: local, dask or spark.")] = "",
    address: Annotated[str, typer.Option(help="Of Dask's scheduler or Spark's master; without it a local one.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Send nothing: only answers kept before serve.")] = False,
    log: Annotated[str, typer.Option(help="Tell a tracker of the run: mlflow.")] = "",
    as_json: AsJson = False,
) -> None:
    """Label the data: sources vote, the label model fuses, disagreements are ranked. What was done before is reused.

    Results are in FOLDER/.quorate/runs/: report.html, labels.parquet, votes.parquet, queue.parquet.
    """
    with reported(as_json) as say:
        from quorate.project import open_project, with_workers
        from quorate.run import run as run_project

        check_tracker(log)
        project = with_workers(open_project(folder), workers, executor, address)
        with progress() as advance:
            done = run_project(project, advance, retry_failed, offline)
        # Before anything is said: a command says one thing, its outcome or an error.
        tell_tracker(log, project, done)
        _show_run(say, as_json, done)


@app.command()
def plan(
    folder: Folder,
    pilot: Annotated[int, typer.Option(min=0, help="Ask so many rows first (paid and kept) to measure tokens.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Tell what asking the models will cost, before anything is sent: rows known and to ask, tokens, price."""
    with reported(as_json) as say:
        from quorate.plan import plan as plan_project
        from quorate.project import open_project
        from quorate.reporting.terminal_asking import plan_view

        shown(say, as_json, plan_project(open_project(folder), pilot), plan_view)


@app.command()
def doctor(folder: Folder, as_json: AsJson = False) -> None:
    """Ask each endpoint a few short questions: does it answer, keep to a schema, give probabilities, tell limits?"""
    with reported(as_json) as say:
        from quorate.doctor import examine
        from quorate.project import open_project
        from quorate.reporting.terminal_asking import doctor_view

        shown(say, as_json, examine(open_project(folder)), doctor_view)


@app.command()
def demo(folder: Folder, as_json: AsJson = False) -> None:
    """Run a project whose endpoints are at 127.0.0.1 with small models in their place: no key, nothing leaves.

    The stand-ins are trained on a part of the project's gold rows, which is good for a try and for nothing else.
    """
    with reported(as_json) as say:
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
    with reported(as_json) as say:
        from quorate.project import open_project
        from quorate.run import show as show_row

        entry = show_row(open_project(folder), row)
        from quorate.reporting.terminal import row_view

        shown(say, as_json, entry, row_view)


@app.command()
def fuse(
    what: Annotated[Path, typer.Argument(help="A project folder, or Parquet votes: a file, or a folder of them.")],
    *,
    advise: Annotated[
        bool, typer.Option("--advise", help="Compare label models on these votes, and pick one.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="Of Parquet votes: the Parquet file of labels to write.")] = None,
    labels: Annotated[str, typer.Option(help="Of Parquet votes: the label names in order, with commas.")] = "",
    id: Annotated[str | None, typer.Option(help="Of Parquet votes: the column of row ids.")] = None,
    gold: Annotated[str | None, typer.Option(help="Of Parquet votes: the column that people filled in.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fuse the votes there are and show the labels they give; or tell which label model to trust with them, and why.

    Nothing is sent to any endpoint and, but for --to, nothing is written.
    """
    with reported(as_json) as say:
        from quorate.reporting.terminal_fusing import advice_view, fusion_view

        if to is not None or labels or id or gold or what.suffix == ".parquet":
            from quorate.fuse_file import fuse_file, fused_file

            if to is None or not labels or advise:
                raise TableError(f"votes in Parquet files: quorate fuse {what} --labels A,B --to labels.parquet")
            names = [name.strip() for name in labels.split(",")]
            shown(say, as_json, fused_file(fuse_file(what, to, names, id=id, gold=gold)), fusion_view)
            return
        from quorate.fusing import advice
        from quorate.fusing import fuse as fuse_project
        from quorate.project import open_project

        project = open_project(what)
        if advise:
            shown(say, as_json, advice(project), advice_view)
        else:
            shown(say, as_json, fuse_project(project), fusion_view)


@app.command()
def compare(
    what: Annotated[Path, typer.Argument(help="A project folder, or a file with a column of labels for each source.")],
    sources: Annotated[list[str] | None, typer.Argument(help="The sources: A, B and maybe more.")] = None,
    *,
    columns: Annotated[str, typer.Option(help="The same as SOURCES, with commas: gpt_4,mixtral_8x7b.")] = "",
    gold: Annotated[str | None, typer.Option(help="Of a file: the column that people filled in.")] = None,
    second: Annotated[str | None, typer.Option(help="Of a file: what a second person said (the ceiling).")] = None,
    text: Annotated[str | None, typer.Option(help="Of a file: the column to read.")] = None,
    id: Annotated[str | None, typer.Option(help="Of a file: the column of row ids.")] = None,
    group: Annotated[str | None, typer.Option(help="The column of what rows belong to, such as a document.")] = None,
    again: Annotated[list[str] | None, typer.Option(help="A=A2: source A2 asked the same again (noise floor).")] = None,
    confidence: Annotated[list[str] | None, typer.Option(help="A=column: how sure source A is, 0 to 1.")] = None,
    price: Annotated[list[str] | None, typer.Option(help="A=usd: what 1,000 rows of source A cost.")] = None,
    sampled: Annotated[str, typer.Option(help="How gold rows were chosen: random, or strata.")] = "",
    answers: Annotated[Path | None, typer.Option(help="Of a file: what --to-review wrote, filled in.")] = None,
    fail_if: Annotated[
        list[str] | None, typer.Option(help="'B worse than A by 2 points': ends with exit code 6.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML file.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the report as Markdown.")] = None,
    to_review: Annotated[Path | None, typer.Option(help="Write which rows a person should settle next.")] = None,
    review: Annotated[int, typer.Option(min=1, help="How many rows --to-review writes.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Tell which of two or more sources labels better, by how much, how sure, at what price."""
    with reported(as_json) as say:
        from quorate.compare import Wanted, compare_as_asked, write_forms
        from quorate.comparing.terminal import comparison_view

        names = [*(sources or ()), *(name.strip() for name in columns.split(",") if name.strip())]
        more = again or (), confidence or (), price or (), sampled, answers, fail_if or ()
        wanted = Wanted(what, names, gold, second, text, id, group, *more)
        found = compare_as_asked(wanted)
        written = write_forms(found, html, markdown, to_review, review)
        shown(say, as_json, dict(found.report), comparison_view)
        if written and not as_json:
            say({}, lambda: "\n".join(written))
    if found.fails:
        raise typer.Exit(6)


app.command()(errors)
app.command("next")(next_)
app.command()(suggest)
app.command()(train)
app.command()(export)
app.command()(replay)
app.command()(pipeline)
app.command()(review)
app.add_typer(gold, name="gold")


def _show_run(say: Say, as_json: bool, done: Any) -> None:
    if as_json:
        say(done.report, str)
        return
    from rich.console import Console

    from quorate.reporting.terminal import run_view

    console = Console()
    console.print(run_view(done.report, console.width))
    console.print(f"report: {done.folder / 'report.html'}", highlight=False, soft_wrap=True)


def main() -> None:
    """The entry point of the `quorate` command."""
    app()
