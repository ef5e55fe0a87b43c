"""Collects every problem of a project, each with its line, so that one reading mends them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from quorate.errors import Problem, ProjectError, QuorateError
from quorate.settings import line_of

FILE = "quorate.toml"


@dataclass(frozen=True)
class Collector:
    """The problems found so far in a quorate.toml of this text."""

    text: str
    problems: list[Problem] = field(default_factory=list)

    def collect(self, where: Sequence[str | int], make: Callable[[], Any]) -> Any:
        """What `make` gives, or None with its problems noted at the key path `where`."""
        try:
            return make()
        except ProjectError as error:
            for problem in error.problems:
                keys = [key for key in problem.where.split(".") if key]
                self.note([*where, *keys], problem.what)
        except QuorateError as error:
            self.note(where, str(error))
        return None

    def note(self, where: Sequence[str | int], what: str) -> None:
        """One more problem at a key path."""
        self.problems.append(Problem(self.place(where), what))

    def place(self, where: Sequence[str | int]) -> str:
        """ "quorate.toml:12 sources[0].label" for a key path."""
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")
        return f"{FILE}{line_of(self.text, where)} {dotted}".rstrip()

    def check(self) -> None:
        """
        Raises:
            ProjectError: anything was noted.
        """
        if self.problems:
            raise ProjectError(self.problems)
