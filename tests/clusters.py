"""What the tests of clusters share: outcomes to compare, workers to kill, projects that no worker can read."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from projects import REPOSITORY, write_project

from quorate import apply, open_project
from quorate.project import Project
from quorate.protocols import Executor
from quorate.run import run
from quorate.values import Votes

FILES = ("votes.parquet", "labels.parquet", "queue.parquet", "report.json", "report.html")

HELPED = """\
import words
from quorate import labeling_function
from words import shouted


@labeling_function(label="SPAM")
def sells(text):
    return any(word in text for word in words.SOLD)


@labeling_function(label="HAM")
def calm(text):
    return not shouted(text)


@labeling_function(label="SPAM", time_limit_s=0.5)
def hangs(text):
    while "song" in text and "channel" in text:
        pass
    return "channel" in text


@labeling_function(label="SPAM")
def raises(text):
    if text.startswith("lovely"):
        raise ValueError(f"cannot read {text!r}")
"""
WORDS = """\
SOLD = ["channel", "cheap"]


def shouted(text):
    return text == text.upper()
"""

WAITS = """\
import os, time
from quorate import labeling_function

FOLDER = os.path.dirname(__file__)


@labeling_function(label="SPAM", time_limit_s=60)
def waits(text):
    if text.endswith(" 5"):
        with open(f"{FOLDER}/here.{os.getpid()}", "w") as here:
            here.write(str(os.getppid()))
        while not os.path.exists(f"{FOLDER}/go_on"):
            time.sleep(0.02)
    return "channel" in text
"""

DEADLY = """\
import os
from quorate import labeling_function


@labeling_function(label="SPAM")
def deadly(text):
    if text == "my channel has this song":
        os._exit(7)
    return "channel" in text


@labeling_function(label="HAM")
def song(text):
    return "song" in text
"""


def outcome(folder: Path, executor: Executor | None = None) -> dict[str, bytes]:
    """Every file of a run of the project that finds nothing done before; with no executor as its settings say."""
    shutil.rmtree(folder / ".quorate", ignore_errors=True)
    project = open_project(folder)
    run(project if executor is None else replace(project, executor=executor))
    return files_of(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of the only run of the project."""
    [made] = [path for path in (folder / ".quorate" / "runs").iterdir() if path.is_dir() and not path.is_symlink()]
    return {name: (made / name).read_bytes() for name in FILES}


def bundled(folder: Path) -> Path:
    """The bundled project `youtube_spam`, without what was made of it before."""
    original = REPOSITORY / "labeling_functions" / "youtube_spam"
    return Path(shutil.copytree(original, folder / "youtube_spam", ignore=shutil.ignore_patterns(".quorate")))


def votes_of(project: Project, executor: Executor) -> Votes:
    """The votes of a project, two rows at a time, however many fail."""
    rows = project.read().rows
    return apply(rows, project.sources, project.space, executor=executor, partition_rows=2, max_failure_share=1.0)


def said(votes: Votes) -> Any:
    """All that votes say, to be compared."""
    return votes.sources, votes.matrix.tolist(), votes.status.tolist(), votes.failures


def read_then_gone(folder: Path) -> Project:
    """A project whose rules and helper are read here, and are on no disk any more when workers get them."""
    project = open_project(write_project(folder, rules=HELPED, words_py=WORDS))
    (folder / "rules.py").unlink()
    (folder / "words.py").unlink()
    return project


def waiting_project(folder: Path) -> Path:
    """Ten rows, of which the sixth waits until somebody writes the file `go_on`."""
    rows = "".join(f"r{i},{'my channel' if i % 3 else 'a song'} no. {i},{i}\n" for i in range(10))
    return write_project(folder, rules=WAITS, rows="id,text,stars\n" + rows)


@contextmanager
def killing(folder: Path, parent: bool = False) -> Iterator[list[int]]:
    """Kills, beside what runs meanwhile, the process where the sixth row waits (or its parent); gives its id."""
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 60
        while not (here := [path for path in folder.glob("here.*") if path.read_text()]):
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
        killed.append(int(here[0].read_text()) if parent else int(here[0].suffix[1:]))
        os.kill(killed[0], signal.SIGKILL)
        (folder / "go_on").touch()

    beside = threading.Thread(target=kill)
    beside.start()
    yield killed
    beside.join()


def left_running(mark: str, within_s: float = 20.0) -> list[str]:
    """The command lines of processes whose environment has this as MARK and that have not ended in time."""
    wanted, deadline = f"MARK={mark}".encode(), time.monotonic() + within_s
    while (found := _with_environment(wanted)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _with_environment(wanted: bytes) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
