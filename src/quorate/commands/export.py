"""The commands that hand labels over: a training set on disk, and the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quorate.commands.saying import AsJson, Folder, reported
from quorate.errors import PluginError


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
    with reported(as_json) as say:
        from quorate.exporting import Wanted, check, export
        from quorate.project import open_project
        from quorate.reporting.terminal import export_view

        options = dict(_pair(pair) for pair in option)
        wanted = Wanted(to, options, text_column, min_probability, target_precision, balance, clean_text, licence)
        project = open_project(folder)
        place = out or project.state / "export" / to
        found = check(project, wanted) if check_only else export(project, wanted, place)
        say(found, lambda: export_view(found))


def replay(
    folder: Folder,
    export: Annotated[Path | None, typer.Option(help="The export; every one under FOLDER/.quorate by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an export anew from kept votes and answers, with no network, and compare it byte for byte."""
    with reported(as_json) as say:
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
