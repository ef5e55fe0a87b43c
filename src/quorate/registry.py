"""Finds plug-ins: a folder is a kind, a file in it is a plug-in, and entry points of the same name come through
the same door (`[project.entry-points."quorate.signals"] mine = "package.module:MySignal"`)."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from quorate.attempt import attempt
from quorate.errors import MissingExtra, PluginError, Problem, ProjectError, did_you_mean, listed

KINDS = ("sources", "endpoints", "label_models", "signals", "exporters", "executors")


@cache
def names(kind: str) -> tuple[str, ...]:
    """The names of every plug-in of a kind, sorted; nothing is imported."""
    folder = Path(__file__).parent / kind
    built_in = {module.name for module in pkgutil.iter_modules([str(folder)])}
    return tuple(sorted(built_in | set(_installed(kind))))


def load(kind: str, name: str) -> Any:
    """The plug-in class.

    Raises:
        PluginError: no plug-in of that name; the message holds the nearest one.
    """
    # On a command line hyphens come easier: openai-chat is openai_chat.
    name = name if name in names(kind) else name.replace("-", "_")
    if name not in names(kind):
        hint = did_you_mean(name, names(kind))
        raise PluginError(
            f"no {kind.removesuffix('s').replace('_', ' ')} is called {name!r}; "
            f"there are {listed(names(kind), 20)}.{hint}"
        )
    point = _installed(kind).get(name)
    if point is None:
        return import_module(f"quorate.{kind}.{name}").plugin
    loaded, faults = attempt(EntryPoint.load, [point], time_limit_s=None)
    reason = faults[0].message if faults else "" if is_dataclass(loaded[0]) else "it is not a dataclass"
    if reason:
        package = point.dist.name if point.dist else "an installed package"
        raise PluginError(f"{kind} {name!r} of {package} ({point.value}) cannot be used: {reason}")
    return loaded[0]


@cache
def _installed(kind: str) -> dict[str, EntryPoint]:
    # Reading the metadata of every installed package is slow, and packages do not appear while a process runs.
    return {point.name: point for point in entry_points(group=f"quorate.{kind}")}


def build(kind: str, name: str, options: Mapping[str, Any], folder: Path | None = None) -> Any:
    """A plug-in made from options as quorate.toml holds them; relative `Path` options start at `folder`.

    Raises:
        PluginError: no plug-in of that name.
        ProjectError: options it does not take, lacks, or that have the wrong type, all at once.
    """
    plugin = load(kind, name)
    known = {f.name: f for f in fields(plugin) if f.init and not f.name.startswith("_")}
    problems = [
        Problem(
            key,
            f"{name} takes no option {key!r}; it takes {listed(known, 20)}.{did_you_mean(key, known)}",
        )
        for key in options
        if key not in known
    ]
    missing = [
        key for key, f in known.items() if key not in options and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing and hasattr(plugin, "adopt"):
        raise PluginError(f"{name} is made from objects of Python; define them in a file that `rules` names")
    problems += [Problem("", f"{name} needs the option {key!r}") for key in missing]
    if problems:
        raise ProjectError(problems)
    return _validated(plugin, options, folder)


def vendor(package: str, extra: str) -> ModuleType:
    """An optional package, imported now.

    Raises:
        MissingExtra: it is not installed; the message holds the pip command.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != package.split(".", maxsplit=1)[0]:
            raise
        raise MissingExtra(package.split(".", maxsplit=1)[0], extra) from None


def imported(name: str) -> ModuleType:
    """A module that the user named.

    Raises:
        PluginError: there is none, or it fails when it is imported.
    """
    modules, faults = attempt(import_module, [name], time_limit_s=None)
    if faults:
        raise PluginError(f"module {name!r} cannot be imported: {faults[0].message}")
    module: ModuleType = modules[0]
    return module


@cache
def _validator(plugin: Any) -> Any:
    # To be made anew takes longer than a label model takes on some thousand rows.
    from pydantic import TypeAdapter

    return TypeAdapter(plugin)


def _validated(plugin: Any, options: Mapping[str, Any], folder: Path | None) -> Any:
    from pydantic import ValidationError

    try:
        made = _validator(plugin).validate_python(dict(options))
    except ValidationError as error:
        raise ProjectError(
            [Problem(".".join(map(str, fault["loc"])), expected(fault)) for fault in error.errors()]
        ) from None
    paths = {
        f.name: folder / value
        for f in fields(made)
        if folder and f.init and isinstance(value := getattr(made, f.name), Path)
    }
    return plugin(**{f.name: getattr(made, f.name) for f in fields(made) if f.init} | paths) if paths else made


_MEANT = {
    "tuple_type": "should be a list, [...]",
    "list_type": "should be a list, [...]",
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "model_attributes_type": "should be a table",
    "string_type": "should be a text",
    "path_type": "should be a text, a path",
}


def expected(fault: Any) -> str:
    """What pydantic found wrong, in the words of TOML."""
    message = _MEANT.get(
        fault["type"], str(fault["msg"]).removeprefix("Value error, ").replace("Input should", "should")
    )
    return message if fault["type"] == "value_error" else f"{message}, got {fault['input']!r}"
