"""The command that trains: an end model on the labels, judged and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from quorate.commands.progress import stages
from quorate.commands.saying import AsJson, Folder, reported, shown
from quorate.errors import PluginError


def train(
    folder: Folder,
    *,
    on: Annotated[
        Literal["labels", "majority", "gold"], typer.Option(help="What the kept model learns from; all are judged.")
    ] = "labels",
    estimator: Annotated[
        str, typer.Option(help="A scikit-learn classifier, by name or as package.module.Class.", show_default=False)
    ] = "",
    param: Annotated[list[str], typer.Option(help="A parameter of it, KEY=VALUE; may be repeated.")] = [],  # noqa: B006
    min_probability: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out rows whose label is less probable.")
    ] = 0.0,
    worth: Annotated[
        bool, typer.Option("--worth/--no-worth", help="Measure how many gold rows the labels are worth (slow).")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Where to keep it; FOLDER/.quorate/model by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a quick model on the labels, and tell how it does: against majority vote and against gold rows alone.

    All are judged on the same gold rows, which they did not learn from. The model is kept with a card, and can vote in
    the next run: a source of kind "model".
    """
    with reported(as_json) as say:
        from quorate.end_model import Wanted, train
        from quorate.project import open_project
        from quorate.reporting.terminal_training import training_view

        project = open_project(folder)
        place = out or project.state / "model"
        params = dict(_pair(pair) for pair in param)
        wanted = Wanted(estimator, params, on, min_probability, worth, place)
        with stages() as tell:
            found = train(project, wanted, tell)
        shown(say, as_json, found, training_view)


def _pair(text: str) -> tuple[str, Any]:
    """A parameter and its value, which is read as TOML has it where it can be: 10, 0.5, true, "l1", [1, 2]."""
    import tomllib

    key, equals, value = text.partition("=")
    if not equals:
        raise PluginError(f"--param {text!r} is not KEY=VALUE")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value
