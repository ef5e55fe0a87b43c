"""The commands that tell other systems of a run: trackers and pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quorate.commands.saying import AsJson, Folder, reported
from quorate.errors import PluginError, did_you_mean

TRACKERS = ("mlflow",)


def check_tracker(name: str) -> None:
    """
    Raises:
        PluginError: there is no tracker of that name.
        MissingExtra: its package is not installed; told before anything is asked or paid.
    """
    if not name:
        return
    if name not in TRACKERS:
        hint = did_you_mean(name, TRACKERS)
        raise PluginError(f"no tracker is called {name!r}; there is {', '.join(TRACKERS)}.{hint}")
    from quorate.registry import vendor

    vendor(name, name)


def tell_tracker(name: str, project: Any, made: Any) -> None:
    """Leaves the finished run with the tracker, and says where on standard error."""
    if name:
        from quorate.tracking.mlflow import log
        from quorate.tracking.record import record_of

        typer.echo(log(record_of(project, made)), err=True)


def pipeline(
    folder: Folder,
    *,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("component.yaml"),
    image: Annotated[str, typer.Option(help="The image it runs in, with Python 3.11 or newer.")] = "python:3.11-slim",
    package: Annotated[
        str, typer.Option(help="What pip installs there; this version of quorate with the extras you use by default.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write the project's run as a component of Kubeflow Pipelines: a project folder in, labels and report out.

    The component takes the folder as an artefact and holds none of its files and no key.
    """
    with reported(as_json) as say:
        from quorate.project import open_project
        from quorate.tracking.kubeflow import compile_component

        packages = compile_component(open_project(folder), out, image, package)
        told = {"schema": "quorate.pipeline/1", "file": str(out), "image": image, "packages": packages}
        say(told, lambda: f"wrote {out}: runs {packages[0]} in {image}")
