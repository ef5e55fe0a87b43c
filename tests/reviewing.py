"""Projects to review, and review servers in processes of their own, as people start them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from projects import write_project

from quorate.decisions import Decision, read_decisions
from quorate.standing import by_row, standing

TOKEN = "a-token-for-tests-only"
TOML = """\
rules = ["rules.py"]

[data]
path = "rows.csv"
id = "id"
text = "text"

[labels]
HAM = "honest"
SPAM = "advertising"

[[sources]]
kind = "keywords"
name = "word_free"
label = "SPAM"
any = ["free", "win"]

[queue]
size = {size}

[review]
overlap = {overlap}
blind = "{blind}"
"""
WORDS = ("free", "song", "channel", "lovely", "win", "video", "old", "music")


def review_project(
    folder: Path, rows: int | Sequence[str] = 150, *, overlap: float = 0.0, blind: str = "sample", size: int = 100
) -> Path:
    """A project of so many different rows, or of these texts."""
    texts = rows if not isinstance(rows, int) else [_text(n) for n in range(rows)]
    lines = ["id,text,n", *(f'r{n},"{text.replace(chr(34), chr(34) * 2)}",{n % 7}' for n, text in enumerate(texts))]
    toml = TOML.format(overlap=overlap, blind=blind, size=size)
    return write_project(folder, toml=toml, rows="\n".join(lines) + "\n")


def _text(n: int) -> str:
    # Letters tell the rows apart: numbers alone would not.
    name = "".join(chr(97 + int(digit)) for digit in str(n))
    return f"{WORDS[n % 8]} {WORDS[n // 8 % 8]} item {name}"


@dataclass
class Served:
    """A running `quorate review`; `url` lets a browser in."""

    process: subprocess.Popen[str]
    url: str

    @property
    def home(self) -> str:
        return self.url.partition("/?")[0]

    def kill(self) -> None:
        """As a power cut would: nothing is tidied up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """As Ctrl+C does; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def start_review(folder: Path, *options: str, port: int = 0) -> Served:
    """A review server of the project, once it answers."""
    command = [sys.executable, "-m", "quorate", "review", str(folder), "--no-browser", "--token", TOKEN]
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
    )
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"http://\S+", line):
            return Served(process, found[0])
    raise AssertionError("".join(lines))


@contextmanager
def reviewed(folder: Path, *options: str) -> Iterator[Served]:
    served = start_review(folder, *options)
    try:
        yield served
    finally:
        served.stop()
        assert served.process.stdout
        served.process.stdout.close()


class Client:
    """A browser without a face: the cookie, the token of the page, and posts."""

    def __init__(self, served: Served, name: str = "Ada") -> None:
        self.http = httpx.Client(
            base_url=served.home, timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        assert self.http.get("/", params={"token": TOKEN}).status_code == 200
        page = self.http.get("/").text
        found = re.search(r'name="csrf" content="(\w+)"', page)
        assert found, page
        self.csrf = found[1]
        if name:
            assert self.send("name", {"name": name}).status_code == 200

    def send(self, verb: str, body: Any, **headers: str) -> httpx.Response:
        given = {"origin": str(self.http.base_url).rstrip("/"), "x-csrf-token": self.csrf} | headers
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(f"/api/{verb}", content=content, headers={"content-type": "application/json"} | given)

    def post(self, verb: str, **body: Any) -> Any:
        answer = self.send(verb, body)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()


def answered(folder: Path) -> dict[str, Decision]:
    """The answers that stand in a project, by row."""
    stands = {i: standing(made).settled for i, made in by_row(decided(folder)).items()}
    return {row_id: answer for row_id, answer in stands.items() if answer is not None}


def decided(folder: Path) -> list[Decision]:
    return read_decisions(folder / ".quorate" / "decisions.sqlite")
