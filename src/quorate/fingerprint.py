"""Fingerprints: one hash that changes whenever what a thing computes might change."""

from __future__ import annotations

import dataclasses
import dis
import functools
import pickle
import re
import site
import sys
import sysconfig
import types
from collections.abc import Iterator
from hashlib import blake2b, file_digest
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Seen = dict[int, tuple[int, Any]]
"""Things met so far, by id: their number in order of meeting, and the thing."""


def fingerprint(*things: Any) -> str:
    """32 hex digits over values, functions (their code, the helpers and globals they use), files and modules.

    Comments, docstrings, annotations and where the code stands do not count. A `Path` counts as the content of its
    file. An object that wraps a function counts as the function, one that has a `fingerprint()` speaks for itself;
    anything else counts as its pickle.
    """
    digest = blake2b(digest_size=16)
    for piece in _pieces(things, {}):
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file as other tools print it, 64 hex digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _pieces(thing: Any, seen: Seen) -> Iterator[bytes]:
    yield type(thing).__qualname__.encode()
    if thing is None or isinstance(thing, str | bytes | int | float | complex | bool | type(...)):
        yield repr(thing).encode("utf-8", "surrogatepass")
    elif id(thing) in seen:
        yield str(seen[id(thing)][0]).encode()
    else:
        # The thing is kept with its number: what is freed could lend its id to another.
        seen[id(thing)] = (len(seen), thing)
        yield from _compound(thing, seen)


def _compound(thing: Any, seen: Seen) -> Iterator[bytes]:
    if isinstance(thing, types.FunctionType):
        yield from _function(thing, seen)
    elif isinstance(thing, types.CodeType):
        yield from _code(thing, seen)
    elif isinstance(thing, types.ModuleType):
        yield from _module(thing, seen)
    elif isinstance(thing, Path):
        yield thing.read_bytes() if thing.is_file() else b"absent"
    elif isinstance(thing, re.Pattern):
        yield from _pieces((thing.pattern, thing.flags), seen)
    elif isinstance(thing, dict):
        yield from _pieces(list(thing.items()), seen)
    elif isinstance(thing, list | tuple):
        yield str(len(thing)).encode()
        for item in thing:
            yield from _pieces(item, seen)
    elif isinstance(thing, set | frozenset):
        yield from sorted(fingerprint(item).encode() for item in thing)
    else:
        yield from _object(thing, seen)


def _object(thing: Any, seen: Seen) -> Iterator[bytes]:
    if isinstance(thing, functools.partial):
        yield from _pieces((thing.func, thing.args, thing.keywords), seen)
    elif isinstance(thing, types.MethodType):
        yield from _pieces((thing.__func__, thing.__self__), seen)
    elif isinstance(thing, type):
        yield from _class(thing, seen)
    elif hasattr(thing, "__wrapped__"):
        # Before its own fingerprint, which would have no end where a labeling function calls itself.
        yield from _pieces(thing.__wrapped__, seen)
    elif callable(getattr(thing, "fingerprint", None)):
        yield thing.fingerprint().encode()
    elif dataclasses.is_dataclass(thing):
        yield from _pieces([(f.name, getattr(thing, f.name)) for f in dataclasses.fields(thing)], seen)
    elif isinstance(thing, types.BuiltinFunctionType):
        yield f"{thing.__module__}.{thing.__qualname__}".encode()
        if not isinstance(thing.__self__, types.ModuleType | None):
            yield from _pieces(thing.__self__, seen)  # re.compile("x").search
    else:
        yield from _state(thing, seen)


def _state(thing: Any, seen: Seen) -> Iterator[bytes]:
    """A plain object: its class, and its attributes where it has them, else its pickle."""
    yield from _class(type(thing), seen)
    state = getattr(thing, "__dict__", None)
    if state:
        yield from _pieces(sorted(state.items()), seen)
        return
    try:
        yield pickle.dumps(thing, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError):
        yield repr(type(thing)).encode()


def _function(function: types.FunctionType, seen: Seen) -> Iterator[bytes]:
    # What a decorator of a library wrapped is the user's, though the code around it is the library's.
    wrapped = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    yield from _pieces((function.__defaults__, function.__kwdefaults__, wrapped), seen)
    yield from _pieces(getattr(function, "__wrapped__", None), seen)
    if _is_installed(function.__code__.co_filename):
        # Not its `__module__`: `functools.wraps` gives it that of what it wraps.
        module = str(function.__globals__.get("__name__"))
        yield f"{module}.{function.__code__.co_qualname}".encode()
        yield _release(module).encode()
        return
    yield from _code(function.__code__, seen)
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield name.encode()
            yield from _pieces(function.__globals__[name], seen)


def _code(code: types.CodeType, seen: Seen) -> Iterator[bytes]:
    # Instructions with their operands, not the raw bytes: a docstring shifts the places of constants.
    for instruction in dis.get_instructions(code):
        yield instruction.opname.encode()
        yield from _pieces(instruction.argval, seen)
    yield code.co_exceptiontable
    yield repr((code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], code.co_freevars)).encode()


def _names(code: types.CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*(_names(c) for c in inner))


def _class(cls: type, seen: Seen) -> Iterator[bytes]:
    yield cls.__qualname__.encode()
    if _is_library(cls.__module__):
        yield f"{cls.__module__} {_release(cls.__module__)}".encode()
        return
    yield from _pieces([base for base in cls.__bases__ if base is not object], seen)
    for name, member in sorted(vars(cls).items()):
        if name not in _NOT_CODE:
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            yield name.encode()
            yield from _pieces(function, seen)


# What a class carries that says nothing of what it computes, or changes from process to process.
_NOT_CODE = frozenset(
    (
        *("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__slots__", "__firstlineno__"),
        *("__annotations__", "__annotate__", "__annotations_cache__", "__static_attributes__"),
        *("__abstractmethods__", "_abc_impl", "__orig_bases__", "__parameters__"),
    )
)


def _module(module: types.ModuleType, seen: Seen) -> Iterator[bytes]:
    path = getattr(module, "__file__", None)
    yield module.__name__.encode()
    if path is None or _is_installed(path):
        yield _release(module.__name__).encode()
        return
    yield Path(path).read_bytes()
    # And what it imports from other modules of the user.
    for name, member in sorted(vars(module).items()):
        # What Python notes in a module (`__spec__`, `__loader__`) is where it was found, not what it computes.
        elsewhere = getattr(member, "__module__", module.__name__) != module.__name__
        if not name.startswith("__") and (elsewhere or isinstance(member, types.ModuleType)):
            yield name.encode()
            yield from _pieces(member, seen)


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _is_library(name: str) -> bool:
    """Whether a module is Python's or an installed package's; one that is loaded no more was a project's."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return name != "__main__"
    path = getattr(sys.modules.get(name), "__file__", None)
    return path is not None and _is_installed(path)


@functools.cache
def _installed_roots() -> tuple[str, ...]:
    roots = {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return tuple(roots | set(site.getsitepackages()) | {str(Path(__file__).parent)})


def _is_installed(path: str) -> bool:
    """Whether the file belongs to Python or an installed package: its release stands for its code."""
    return path.startswith("<frozen") or path.startswith(_installed_roots())


@functools.cache
def _release(module: str) -> str:
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names or package == "builtins":
        return f"python {sys.version_info.major}.{sys.version_info.minor}"
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
