"""What many tests need: small projects on disk, the command line, optional packages."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from threading import Thread
from typing import Any

import pytest

REPOSITORY = Path(__file__).parent.parent

TOML = """\
rules = ["rules.py"]

[data]
path = "rows.csv"
id = "id"
text = "text"

[labels]
HAM = "honest"
SPAM = "advertising"
"""

RULES = """\
from quorate import labeling_function


@labeling_function(label="SPAM")
def channel(text):
    return "channel" in (text or "")


@labeling_function(label="HAM")
def song(text):
    return "song" in (text or "")
"""

ROWS = """\
id,text,stars
a,check out my channel,1
b,lovely song,5
c,my channel has this song,3
d,nothing to say,3
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


def write_project(
    folder: Path, *, toml: str = TOML, rules: str = RULES, rows: str | bytes = ROWS, **files: str
) -> Path:
    """A project folder; more files by name (`words_txt="..."` is words.txt)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quorate.toml").write_text(dedent(toml), encoding="utf-8")
    (folder / "rules.py").write_text(dedent(rules), encoding="utf-8")
    (folder / "rows.csv").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(dedent(text), encoding="utf-8")
    return folder


def quorate(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Ended:
    """The command line in a process of its own, as a person runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "quorate", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        check=False,
        timeout=300,
        env=os.environ | {"COLUMNS": "160", "NO_COLOR": "1"} | environment,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def quorate_on_a_terminal(*arguments: str | Path) -> Ended:
    """The same with standard error on a terminal, which is what a person sees; `err` holds its control characters."""
    import pty

    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        # The kernel says that the other end is closed by an error.
        with suppress(OSError):
            while part := os.read(ours, 4096):
                seen.append(part)

    reader = Thread(target=read)
    reader.start()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "quorate", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=300,
            env=os.environ | {"COLUMNS": "160", "TERM": "xterm"},
        )
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    return Ended(done.returncode, done.stdout, b"".join(seen).decode("utf-8"))


def needs(package: str) -> None:
    """Skips the test where an optional package is absent; on CI it fails instead."""
    if importlib.util.find_spec(package) is None:
        _missing(f"{package} is not installed: pip install 'quorate[all]'")


def needs_spark() -> None:
    """Skips the test where Spark cannot start; on CI it fails instead."""
    needs("pyspark")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        _missing("Spark needs Java 17: apt install openjdk-17-jre-headless")


def _missing(message: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
