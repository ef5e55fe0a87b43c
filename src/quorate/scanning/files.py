"""Files of data: what is known of one before it is read, and what messages call it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from quorate.asking.keys import scrubbed

_SECRET = re.compile(r"(?:^|[&_-])(?:sig|signature|credential|token|key|secret|password)=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class File:
    """One file of the data: where it is, what messages call it, and what changes when it does.

    `given` are the columns that its folders name (`year=2024/`), as texts; None where the folder says there is none.
    """

    url: str = field(repr=False)
    name: str
    size: int
    stamp: str
    given: tuple[tuple[str, str | None], ...] = ()
    store: str = field(default="", repr=False)
    """The URL by which the store that holds the file is reached; none for a file of this machine."""

    @property
    def kind(self) -> str:
        """The last suffix that tells the format, in small letters."""
        suffixes = [s for s in Path(self.name.lower()).suffixes if s != ".gz"]
        return suffixes[-1] if suffixes else ""

    @property
    def is_gzip(self) -> bool:
        return self.name.lower().endswith(".gz")


def is_remote(place: str) -> bool:
    """Whether this is a URL, and not a path of this machine (`file://` is one)."""
    return "://" in place and not place.startswith("file://")


def local_path(place: str) -> Path:
    """The path that a place on this machine is, `file://` or not."""
    return Path(unquote(urlsplit(place).path) if place.startswith("file://") else place)


def placed(folder: Path, place: str) -> str:
    """What a path in a project's settings means: a URL as it is, anything else from the project's folder on."""
    return place if "://" in place else str(folder / place)


def shown(place: str) -> str:
    """The place as messages, reports and manifests may hold it: without user, password and query of a URL."""
    if "://" not in place:
        return place
    parts = urlsplit(place)
    # In Azure's URLs what stands before the @ is the container.
    host = parts.netloc if parts.scheme.startswith(("abfs", "wasb")) else parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def keyless(place: str) -> str:
    """The place.

    Raises:
        ValueError: it is a URL with a password, or with a query that looks like a key or a signature.
    """
    parts = urlsplit(place) if "://" in place else urlsplit("")
    if parts.password or _SECRET.search(parts.query):
        raise ValueError(
            f"{shown(place)} is written with a password or key, and files are copied; leave it out: stores take it "
            "from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_SAS_TOKEN, …)"
        )
    return place


def without_secrets(said: str, place: str) -> str:
    """What somebody said of a place, without what only its owner may know."""
    parts = urlsplit(place)
    secrets = (parts.password, parts.username, parts.query, *parts.query.split("&"))
    return scrubbed(said.replace(place, shown(place)), *(text for text in secrets if text))


def is_hidden(name: str) -> bool:
    """Whether a file of this relative path is none of the data: a log, a marker, a checksum."""
    parts = name.split("/")
    return name.endswith(".crc") or any(p.startswith(".") or (p.startswith("_") and "=" not in p) for p in parts)


def first_line(error: BaseException) -> str:
    """The first line of what a library said."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
