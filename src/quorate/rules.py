"""Loads the Python files of a labeling project and finds the sources in them."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from quorate.apply import as_source
from quorate.attempt import attempt
from quorate.errors import PluginError, Problem, ProjectError, did_you_mean
from quorate.protocols import Source


def load_rules(path: Path) -> list[Source]:
    """Every source that the file defines or lists, in order: labeling functions, Snorkel's objects, other sources.

    Modules beside the file can be imported by it.

    Raises:
        ProjectError: the file is absent, is no Python, fails to import, or defines no source or two of one name.
    """
    if not path.is_file():
        hint = did_you_mean(path.name, (beside.name for beside in path.parent.glob("*.py")))
        raise ProjectError([Problem(path.name, f"there is no such file in {path.parent.name}/.{hint}")])
    if path.suffix != ".py":
        raise ProjectError([Problem(path.name, "is not a Python file; the name of one ends with .py")])
    modules, faults = attempt(_import, [path], time_limit_s=None)
    if faults:
        raise ProjectError(
            [Problem(path.name, f"fails to import: {faults[0].message}\n{faults[0].traceback}".rstrip())]
        )
    found = list(_sources(modules[0]))
    if not found:
        raise ProjectError([Problem(path.name, "defines no labeling function; decorate one with @labeling_function")])
    _check_names(path, modules[0])
    return found


def load_function(folder: Path, where: str) -> Callable[[str], str]:
    """The function of "file.py:function", the file relative to the folder.

    Raises:
        PluginError: it is not written so, or there is no such file or function.
    """
    file, _, name = where.partition(":")
    path = folder / file
    if not name or path.suffix != ".py" or not path.is_file():
        raise PluginError(f'{where!r} names no function of a Python file in the project; write "privacy.py:scrub"')
    modules, faults = attempt(_import, [path], time_limit_s=None)
    if faults:
        raise PluginError(f"{file} fails to import: {faults[0].message}\n{faults[0].traceback}".rstrip())
    function: Callable[[str], str] | None = vars(modules[0]).get(name)
    if not callable(function):
        raise PluginError(f"{file} has no function {name!r}.{did_you_mean(name, vars(modules[0]))}")
    return function


def _check_names(path: Path, module: ModuleType) -> None:
    # The second `def` of a name replaces the first without a word, and a source would be lost.
    lines: dict[str, list[int]] = defaultdict(list)
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            lines[node.name].append(node.lineno)
    twice = {name: at for name, at in lines.items() if len(at) > 1 and _as_source(vars(module).get(name)) is not None}
    if twice:
        problems = [
            f"two functions are called {name!r} (lines {', '.join(map(str, at))}); every source needs a name of its own"
            for name, at in twice.items()
        ]
        raise ProjectError([Problem(path.name, problem) for problem in problems])


def _import(path: Path) -> ModuleType:
    # Without the folder: what a function is called must not change when its project moves.
    name = f"quorate_rules.{path.stem}"
    spec = spec_from_loader(name, _Source(name, str(path)))
    assert spec is not None
    assert spec.loader is not None, "it was given one"
    module = module_from_spec(spec)
    with _importable(path.parent):
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return module


class _Source(SourceFileLoader):
    """Always reads the source: byte code kept beside it cannot tell two edits within one tick of the clock apart."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


@dataclass(frozen=True)
class _Beside:
    """Finds modules in a project's folder."""

    finder: FileFinder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return None if path is not None else self.finder.find_spec(name)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Lets rules import the modules beside them, and forgets these modules afterwards.

    A module that cannot be imported by name is pickled by value, which is how its functions reach other processes;
    and two projects may have helpers of one name.
    """
    before = set(sys.modules)
    finder: Any = _Beside(FileFinder(str(folder), (_Source, [".py"])))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]


def _sources(module: ModuleType) -> Iterator[Source]:
    seen: set[int] = set()
    for value in vars(module).values():
        for thing in value if isinstance(value, list | tuple) else [value]:
            if id(thing) not in seen and not isinstance(thing, type):
                seen.add(id(thing))
                source = _as_source(thing)
                if source is not None:
                    yield source


def _as_source(thing: Any) -> Source | None:
    try:
        return as_source(thing)
    except PluginError:
        return None
