"""The command that doubts labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quorate.commands.progress import stages
from quorate.commands.saying import AsJson, reported, shown


def errors(
    what: Annotated[
        Path, typer.Argument(help="A project folder, or a file with a column of labels.", show_default=False)
    ],
    *,
    of: Annotated[str, typer.Option(help="Of a project: doubt the labels of its votes, or its gold.")] = "labels",
    label: Annotated[str | None, typer.Option(help="Of a file: the column of labels; `label` by default.")] = None,
    text: Annotated[str | None, typer.Option(help="The column to read; data.text, or `text`, by default.")] = None,
    columns: Annotated[str, typer.Option(help="In place of a text: columns of numbers, with commas.")] = "",
    id: Annotated[str | None, typer.Option(help="Of a file: the column of row ids.")] = None,
    model: Annotated[str, typer.Option(help="A scikit-learn classifier; LogisticRegression by default.")] = "",
    size: Annotated[
        int | None, typer.Option(min=0, help="Rows to list; as many as are estimated wrong by default.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the listed rows as .csv or .parquet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the rows whose label is probably wrong, the most suspicious first, with what speaks against each label.

    Models learn the labels of other rows and are held against the label of this one. Nothing is sent anywhere, and no
    label is changed: `quorate review FOLDER --errors labels` (or gold) puts the rows before a person.
    """
    with reported(as_json) as say:
        from quorate.label_errors import find_errors, form_of, kind_of
        from quorate.reporting.terminal_errors import errors_view

        if out:
            form_of(out)
        named = [name.strip() for name in columns.split(",") if name.strip()]
        with stages() as tell:
            found = find_errors(
                what,
                of=kind_of(of),
                label=label,
                text=text,
                columns=named,
                id=id,
                model=model,
                size=size,
                tell=tell,
            )
        if out:
            found.write(out)
        shown(say, as_json, dict(found.report), errors_view)
        if as_json:
            return
        if out:
            say({}, lambda: f"wrote {out}")
        if what.is_dir() and found.report["suspects"]:
            say({}, lambda: f"next: quorate review {what} --errors {of}")
