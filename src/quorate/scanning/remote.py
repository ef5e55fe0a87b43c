"""Files behind a URL (`s3://`, `gs://`, `abfs://`, `memory://`, …), through fsspec and the package of each store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar, cast
from urllib.parse import urlsplit

from quorate.attempt import attempt
from quorate.errors import MissingExtra, TableError, did_you_mean
from quorate.registry import vendor
from quorate.scanning.files import shown, without_secrets

T = TypeVar("T")
# What stores say of a file that changes when it does, the surest first.
_STAMPS = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "last_modified", "updated", "created")


def listed_at(place: str) -> Iterator[tuple[str, str, int, str]]:
    """Path in the store, path under the place, size and stamp of the files at a URL: one, a folder's, or a glob's.

    Raises:
        TableError: nothing is there, or the store cannot be asked.
        MissingExtra: a package that the store needs is not installed.
    """
    store, path = _store(place)
    # Stores remember what they listed; what was added since is data too.
    store.invalidate_cache()
    for name, facts in sorted(_asked(place, lambda: _entries(store, path)).items()):
        stamp = next((str(facts[key]) for key in _STAMPS if facts.get(key)), "")
        yield name, _under(path, name), int(facts.get("size") or 0), stamp


def opened(place: str, path: str) -> IO[bytes]:
    """The bytes of a file of the store that a URL names.

    Raises:
        TableError: it cannot be read.
    """
    store, _ = _store(place)
    return cast("IO[bytes]", _asked(place, lambda: store.open(path, "rb")))


def exists(place: str) -> bool:
    """Whether anything is at a URL.

    Raises:
        TableError: the store cannot be asked.
    """
    store, path = _store(place)
    store.invalidate_cache()
    return bool(_asked(place, lambda: store.exists(path)))


def _entries(store: Any, path: str) -> dict[str, Any]:
    if any(mark in path for mark in "*?["):
        return {name: facts for name, facts in store.glob(path, detail=True).items() if facts["type"] == "file"}
    if store.isfile(path):
        return {path: store.info(path)}
    return dict(store.find(path, detail=True))


def _under(path: str, name: str) -> str:
    """The name of a file from the place on: all that a folder or a glob's fixed part holds, or its own name."""
    root = path.rstrip("/") if not any(mark in path for mark in "*?[") else _fixed(path)
    inner = name.removeprefix(root).lstrip("/") if name != path else ""
    return urlsplit(inner or name.rpartition("/")[2]).path


def _fixed(pattern: str) -> str:
    parts = pattern.split("/")
    return "/".join(parts[: next(i for i, part in enumerate(parts) if any(mark in part for mark in "*?["))])


def _store(place: str) -> tuple[Any, str]:
    core, known = vendor("fsspec.core", "remote"), vendor("fsspec.registry", "remote").known_implementations
    scheme = place.partition("://")[0]
    if scheme not in known:
        raise TableError(f"{shown(place)}: there is no kind of store {scheme!r}.{did_you_mean(scheme, known)}")
    try:
        store, path = core.url_to_fs(place)
    except ImportError:
        raise MissingExtra(known[scheme]["class"].split(".")[0], "remote") from None
    return store, path


def _asked(place: str, ask: Callable[[], T]) -> T:
    # Each store fails by exceptions of its own package, and some name the whole URL.
    made, faults = attempt(lambda _: ask(), [None], time_limit_s=None)
    if faults:
        raise TableError(f"{shown(place)} cannot be read: {without_secrets(faults[0].message, place)}")
    return cast("T", made[0])
