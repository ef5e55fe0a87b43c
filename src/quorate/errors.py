"""Everything quorate raises on purpose.

    QuorateError
    ├── ProjectError      quorate.toml, or a file it names, is wrong       (exit 2)
    ├── TableError        the data cannot be read as rows with ids         (exit 2)
    ├── LabelError        a name that is not in the label space            (exit 2)
    ├── PluginError       no such plug-in, or options it does not take     (exit 2)
    ├── MissingExtra      an optional package is not installed             (exit 2)
    ├── ClusterError      no cluster there, or workers unfit for the job   (exit 2)
    ├── RowNotFound       a row id that the data does not hold             (exit 2)
    ├── CannotTell        a question that what is known cannot answer      (exit 2)
    ├── ExportRefused     a platform would refuse the training set         (exit 2)
    ├── ExportBroken      a written row does not read back as it is        (exit 2)
    ├── ReplayDiffers     an export made anew is another                   (exit 1)
    ├── ChecksFailed      a labeling function's own examples do not hold   (exit 1)
    ├── TooManyFailures   sources failed past the project's limit          (exit 3)
    ├── EndpointStopped   an endpoint will answer no question at all       (exit 4)
    ├── JournalError      paid answers cannot be kept                      (exit 5)
    └── DecisionsError    what people decided cannot be read or kept       (exit 5)

A source that raises on a row is not an error of this tree: it becomes a *failed* vote (`values.Failure`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar


class QuorateError(Exception):
    """Base of the tree; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it is, what was found, what to do."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class ProjectError(QuorateError):
    """All the problems of a labeling project at once, so that one reading mends them all."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TableError(QuorateError):
    """The data cannot be read as a table of rows with unique ids."""


class LabelError(QuorateError):
    """A label name that the label space does not hold."""


class PluginError(QuorateError):
    """An unknown plug-in, or options that it does not take."""


class MissingExtra(QuorateError):
    """A package that only some users need is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{package} is not installed; run: pip install 'quorate[{extra}]'")


class ClusterError(QuorateError):
    """A cluster that does not answer, has no workers, or has workers that cannot do the work."""


class RowNotFound(QuorateError):
    """A row id that the data does not hold."""


class CannotTell(QuorateError):
    """What is asked of a comparison cannot be answered, or not be understood."""


class ChecksFailed(QuorateError):
    """The examples written beside labeling functions do not hold."""

    exit_code = 1


class ExportRefused(QuorateError):
    """What a platform would refuse a training set for, all at once."""

    def __init__(self, format: str, errors: Sequence[str]) -> None:
        self.errors = tuple(errors)
        told = "\n".join(f"- {error}" for error in errors)
        super().__init__(f"{format} would not take this training set; nothing was written:\n{told}")


class ExportBroken(QuorateError):
    """A file that does not read back as what was written."""


class ReplayDiffers(QuorateError):
    """An export that does not come out the same again; one line per difference."""

    exit_code = 1


class TooManyFailures(QuorateError):
    """One or more sources failed on more than the allowed share of their rows."""

    exit_code = 3


class EndpointStopped(QuorateError):
    """An endpoint that will answer no question of this run: a bad key, an unknown model, no quota."""

    exit_code = 4


class JournalError(QuorateError):
    """The journal of paid answers cannot be read or written."""

    exit_code = 5


class DecisionsError(QuorateError):
    """What people decided cannot be read or written."""

    exit_code = 5


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean 'x'?' for the nearest known word, or '' when none is near."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[near[0]]!r}?" if near else ""


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Names in quotes, cut after `limit` with a count of the rest."""
    every = [repr(name) for name in names]
    rest = len(every) - limit
    return ", ".join(every[:limit]) + (f" and {rest} more" if rest > 0 else "")
