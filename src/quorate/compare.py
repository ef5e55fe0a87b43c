"""compare: which of two or more sources labels better, by how much, how sure, at what price."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from quorate.comparing.candidates import SAMPLES, Candidates, Settled
from quorate.comparing.comparison import comparison
from quorate.comparing.grouped import groups_given
from quorate.comparing.sampling import review_queue
from quorate.comparing.tabled import Columns, tabled
from quorate.contestants import of_project
from quorate.errors import CannotTell
from quorate.project import Project, open_project
from quorate.scanning.files import shown
from quorate.store import write_atomically
from quorate.tables import read_table
from quorate.values import Gold, Queue, Votes


@dataclass(frozen=True, eq=False)
class Comparison:
    """A comparison: `report` is the documented object (schema `quorate.compare/1`), `candidates` what it is about."""

    report: Mapping[str, Any]
    candidates: Candidates = field(repr=False)

    @property
    def verdict(self) -> str:
        """One sentence."""
        return str(self.report["verdict"]["sentence"])

    @property
    def fails(self) -> bool:
        """Whether a condition of `fail_if` holds."""
        return any(finding["holds"] for finding in self.report["conditions"])

    def html(self) -> str:
        """The report as one self-contained HTML file."""
        from quorate.comparing.page import page

        return page(self.report)

    def markdown(self) -> str:
        """The report as Markdown, for a pull request."""
        from quorate.comparing.markdown import markdown

        return markdown(self.report)

    def to_review(self, size: int = 100) -> Queue:
        """The rows that a person should settle next."""
        return review_queue(self.candidates, size)


def compare(
    what: Any,
    *names: str,
    gold: Any = None,
    second: str | None = None,
    text: str | None = None,
    id: str | None = None,
    labels: Sequence[str] | None = None,
    others: Sequence[str] = (),
    again: Mapping[str, str] | None = None,
    confidence: Mapping[str, str] | None = None,
    usd_per_1000: Mapping[str, float] | None = None,
    group: Any = None,
    answers: Path | str | None = None,
    sampled: str = "",
    fail_if: Sequence[str] = (),
) -> Comparison:
    """Two or more sources compared, of a project, of `Votes`, or of a table with a column of labels for each.

    Args:
        what: a project or its folder, votes, a data file, or a table (pandas, polars, Arrow).
        names: the sources; A and B are the first two.
        gold: of a table the column of labels that people gave (`a|b`: both fit); of votes a `Gold`; projects have it.
        second: of a table the column of another person's labels: how far people agree is the ceiling.
        again: for a source, the one that asks the same once more: the noise floor.
        confidence: of a table, for a source the column of its certainty, 0 to 1.
        group: the column whose equal cells mark rows that belong together, such as a document; of votes a value a row.
        answers: of a table the filled-in list that `to_review` gave: a file with `id` and `gold`, in order.
        sampled: how settled rows were chosen, `random` or `strata`; found out from their shares where it is not said.
        fail_if: conditions such as `"B worse than A by 2 points"`; see `Comparison.fails`.

    Raises:
        TableError, LabelError, ProjectError: what is named is not there.
        CannotTell: a condition that is not understood, or asks about accuracy where no row is settled.
    """
    if isinstance(what, Path | str) and Path(what).is_dir():
        what = open_project(what)
    if isinstance(what, Project):
        candidates = of_project(what, names, again or {}, sampled, group)
    elif isinstance(what, Votes):
        candidates = replace(
            of_votes(what, names, gold, again or {}, sampled), groups=None if group is None else groups_given(group)
        )
    else:
        by_source = again or {}, confidence or {}, usd_per_1000 or {}
        columns = Columns(tuple(names), gold, second, text, id, tuple(others), *by_source, group)
        named = isinstance(what, Path | str)
        table = read_table(str(what), columns.every) if named else what
        title = Path(shown(str(what))).name if named else "labels"
        given = None if answers is None else read_table(str(answers), ("id", "gold"))
        candidates = tabled(table, columns, title=title, labels=labels, sampled=sampled, answers=given)
        candidates = replace(candidates, settle=_settling(what, columns) if named else ())
    return Comparison(comparison(candidates, fail_if), candidates)


def _settling(file: Path | str, columns: Columns) -> tuple[str, str]:
    """The commands that write which rows of a file to settle next, and that take in what was answered."""
    named = {"--gold": columns.gold, "--text": columns.text, "--id": columns.id}
    options = [word for option, value in named.items() if value for word in (option, value)]
    command = shlex.join(["quorate", "compare", str(file), *columns.sources, *options])
    return f"{command} --to-review next.csv", f"{command} --answers next.csv"


def of_votes(
    votes: Votes, names: Sequence[str], gold: Gold | None, again: Mapping[str, str], sampled: str = ""
) -> Candidates:
    """The candidates of votes made in Python; their rows have no text."""
    import pyarrow as pa

    from quorate.rows import Rows

    rows = Rows(pa.table({"id": votes.ids}), votes.ids)
    settled = Settled.of_gold(gold, votes, in_order=gold is not None and bool(gold.times), sampled=sampled)
    return Candidates("votes", rows, votes, tuple(names), settled, again=again)


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for; `again`, `confidence` and `price` hold `NAME=VALUE`."""

    what: Path
    names: Sequence[str]
    gold: str | None = None
    second: str | None = None
    text: str | None = None
    id: str | None = None
    group: str | None = None
    again: Sequence[str] = ()
    confidence: Sequence[str] = ()
    price: Sequence[str] = ()
    sampled: str = ""
    answers: Path | None = None
    fail_if: Sequence[str] = ()


def compare_as_asked(wanted: Wanted) -> Comparison:
    """The comparison that the words of a command line ask for.

    Raises:
        CannotTell: an option that makes no sense here.
    """
    if wanted.sampled and wanted.sampled not in SAMPLES:
        raise CannotTell(f"--sampled is {' or '.join(SAMPLES)}, not {wanted.sampled!r}")
    of_files = (wanted.gold, wanted.second, wanted.text, wanted.id, wanted.confidence, wanted.price, wanted.answers)
    if wanted.what.is_dir() and any(of_files):
        raise CannotTell(
            "--gold, --second, --text, --id, --confidence, --price and --answers are for files; a project has these"
        )
    if len(wanted.names) < 2:
        raise CannotTell(f"name two sources or more: quorate compare {wanted.what} A B")
    return compare(
        wanted.what,
        *wanted.names,
        gold=wanted.gold,
        second=wanted.second,
        text=wanted.text,
        id=wanted.id,
        again=_named("--again", wanted.again),
        confidence=_named("--confidence", wanted.confidence),
        usd_per_1000={name: _number(name, value) for name, value in _named("--price", wanted.price).items()},
        group=wanted.group,
        answers=wanted.answers,
        sampled=wanted.sampled,
        fail_if=wanted.fail_if,
    )


def _named(option: str, words: Sequence[str]) -> dict[str, str]:
    for word in words:
        if not all(word.partition("=")):
            raise CannotTell(f"{option} is NAME=VALUE, not {word!r}")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise CannotTell(f"--price {name}={value}: {value!r} is no number of US dollars") from None


def write_forms(
    found: Comparison, html: Path | None, markdown: Path | None, to_review: Path | None, size: int
) -> list[str]:
    """Writes the forms that are wanted, and says of each where it is."""
    said = []
    for path, form in ((html, found.html), (markdown, found.markdown)):
        if path is not None:
            write_atomically(path, partial(_write_text, form()))
            said.append(f"report: {path}")
    if to_review is not None:
        rows = write_to_review(found.to_review(size), found.candidates, to_review)
        said.append(f"{rows:,} rows to settle, in the order to settle them: {to_review}")
    return said


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def write_to_review(queue: Queue, candidates: Candidates, path: Path) -> int:
    """Writes the rows to settle as a CSV with an empty `gold` column, and how many there are.

    Blind: no source's answer stands beside a row.
    """
    import csv
    import io

    text = candidates.text
    cells = [""] * len(queue) if text is None else candidates.rows.arrow(text).take(queue.position).to_pylist()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "text", "inclusion", "gold"])
    for row_id, cell, inclusion in zip(queue.ids.to_pylist(), cells, queue.inclusion.tolist(), strict=True):
        writer.writerow([row_id, cell, f"{inclusion:.6g}", ""])
    write_atomically(path, partial(_write_text, out.getvalue()))
    return len(queue)
