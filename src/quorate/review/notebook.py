"""notebook: a review in the cells of a notebook, without a browser page of its own."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from quorate.project import open_project
from quorate.review.room import Room
from quorate.review.talk import Talk


def review_in_notebook(
    folder: Path | str, reviewer: str = "", *, most: int | None = None, ask: Callable[[str], str] = input
) -> int:
    """Shows rows of a project one after another and keeps what is answered; how many were answered.

    Answers are durable as they are given; the next `run` of the project learns from them.

    Args:
        reviewer: who answers; the name of the login by default.
        most: so many answers end it; `q` ends it at any time.
        ask: brings the answer to a prompt; `input`, where nothing else is given.

    Raises:
        ProjectError: the project or its data are wrong.
        DecisionsError: an answer cannot be kept.
    """
    console = Console(highlight=False, soft_wrap=True)
    show: Callable[[Any], Any] = lambda what: console.print(what, markup=False)  # noqa: E731
    room = Room(open_project(folder))
    try:
        talk = Talk(room, reviewer or getpass.getuser(), show, ask, f"notebook-{os.getpid()}")
        return talk.go_on(most)
    finally:
        room.close()
