"""The command that predicts: a kept end model on the rows of any file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quorate.commands.progress import progress
from quorate.commands.saying import AsJson, reported


def predict(
    model: Annotated[Path, typer.Argument(help="The folder that `quorate train` wrote.", show_default=False)],
    data: Annotated[str, typer.Argument(help="The rows: a file, folder, glob or URL of CSV, JSONL or Parquet.")],
    *,
    to: Annotated[Path, typer.Option("--to", help="Where to write: .csv, .jsonl or .parquet.", show_default=False)],
    id: Annotated[str | None, typer.Option(help="The column of row ids; without it, the position.")] = None,
    min_probability: Annotated[
        float, typer.Option(min=0, max=1, help="Give no label where the best one is less probable.")
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Label the rows of a file with a model that `quorate train` kept: label, its probability, and P(label) of each.

    Rows are read and written a few thousand at a time. Nothing is sent anywhere. The model is a pickle: reading it
    runs the code in it, so use only folders that you trust.
    """
    with reported(as_json) as say:
        from quorate.predicting import Asked, predict_file

        with progress() as advance:
            found = predict_file(model, Asked(data, to, id, min_probability), advance)
        say(found, lambda: _told(found))


def _told(found: dict[str, Any]) -> str:
    labels = ", ".join(f"{name} {rows:,}" for name, rows in found["labels"].items())
    silent = f", {found['without_label']:,} without a label" if found["without_label"] else ""
    return f"wrote {found['file']}: {found['rows']:,} rows, {labels}{silent}"
