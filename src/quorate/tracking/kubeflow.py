"""Kubeflow Pipelines: a run of a labeling project as a compiled component."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from quorate import __version__
from quorate.project import Project
from quorate.registry import vendor
from quorate.store import write_atomically

if TYPE_CHECKING:
    from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Output

IMAGE = "python:3.11-slim"
_EXTRAS = ("openai", "cohere", "spacy", "snorkel")


def label_project(
    project: Input[Artifact],
    labels: Output[Dataset],
    report: Output[HTML],
    metrics: Output[Metrics],
    offline: bool = False,
) -> None:
    """Labels the data of a labeling project: a folder with quorate.toml, its rules and its data."""
    # The text of this function is what runs in the cluster: it can use nothing of this file.
    import shutil
    import tempfile
    from pathlib import Path

    import quorate

    # What came in belongs to the step before; runs are written beside a project's settings.
    folder = Path(tempfile.mkdtemp()) / "project"
    shutil.copytree(project.path, folder)
    made = quorate.run(quorate.open_project(folder), offline=offline)
    for target, name in ((labels.path, "labels.parquet"), (report.path, "report.html")):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made.folder / name, target)
    for name in ("rows", "coverage", "overlap", "conflict", "accuracy", "majority_accuracy"):
        if made.report[name] is not None:
            metrics.log_metric(name, made.report[name])
    labels.metadata.update({"run": made.id, "format": "parquet", "quorate": made.report["quorate"]})


def compile_component(project: Project, out: Path, image: str = IMAGE, package: str = "") -> list[str]:
    """Writes the component, the same bytes for the same project, and gives the packages that it installs.

    Args:
        image: what the component runs in; it needs Python 3.11 or newer.
        package: what pip installs, in place of this version of quorate with the extras that the project uses.

    Raises:
        MissingExtra: the Kubeflow Pipelines SDK is not installed.
    """
    dsl, compiler = vendor("kfp.dsl", "kfp"), vendor("kfp.compiler", "kfp")
    packages = [package or _requirement(project)]
    types = {
        "project": dsl.Input[dsl.Artifact],
        "labels": dsl.Output[dsl.Dataset],
        "report": dsl.Output[dsl.HTML],
        "metrics": dsl.Output[dsl.Metrics],
        "offline": bool,
        "return": None,
    }
    label_project.__annotations__ = types
    component = dsl.component(label_project, base_image=image, packages_to_install=packages)

    def write(beside: Path) -> None:
        # The compiler goes by the ending.
        named = beside.with_name(f"{beside.name}.yaml")
        try:
            compiler.Compiler().compile(component, str(named), pipeline_name=_kebab(project.name))
            beside.write_bytes(named.read_bytes())
        finally:
            named.unlink(missing_ok=True)

    write_atomically(out, write)
    return packages


def _requirement(project: Project) -> str:
    """This version of quorate with the extras that the project's plug-ins name."""
    settings = project.settings
    kinds = {
        str(options["kind"]) for options in (*settings.sources, *settings.endpoints.values(), settings.label_model)
    }
    if any("doc" in (source.columns or ()) for source in project.sources):
        kinds.add("spacy")
    extras = [extra for extra in _EXTRAS if extra in kinds]
    named = f"[{','.join(extras)}]" if extras else ""
    return f"quorate{named}=={__version__}"


def _kebab(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "labels"
