"""Projects whose rules write down each row that they are asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from projects import write_project
from pyarrow import parquet

from quorate import open_project
from quorate import run as finish
from quorate.run import Run

TOML = """\
rules = ["rules.py"]

[data]
path = "rows.csv"
id = "id"
text = "text"

[labels]
HAM = "honest"
SPAM = "advertising"

[label_model]
kind = "majority"

[run]
partition_rows = 4
"""

HEAD = """\
from quorate import labeling_function

LOG = __file__ + ".log"


def tell(source, cell):
    with open(LOG, "a") as log:
        log.write(f"{source}\\t{cell}\\n")


"""

RULES = (
    HEAD
    + """\
@labeling_function(label="SPAM")
def by_text(text):
    tell("by_text", text)
    return "channel" in text


@labeling_function()
def by_stars(stars):
    tell("by_stars", stars)
    return "HAM" if stars > 3 else None


@labeling_function(label="HAM")
def by_row(row):
    tell("by_row", row.id)
    return "song" in row.text and row.stars > 1
"""
)

ROWS = [(f"r{i}", f"{'channel' if i % 3 else 'song'} number {i}", 10 + i) for i in range(10)]


def csv(rows: list[Any], header: str = "id,text,stars") -> str:
    """The rows as a CSV file."""
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def project(folder: Path, *, toml: str = TOML, rules: str = RULES, rows: list[Any] | None = None, **files: str) -> Path:
    """A project of ten rows and three rules that write down what they are asked."""
    return write_project(folder, toml=toml, rules=rules, rows=csv(ROWS if rows is None else rows), **files)


def run(folder: Path, retry_failed: bool = False) -> Run:
    """The project, opened anew and run in this process."""
    return finish(open_project(folder), retry_failed=retry_failed)


def asked(folder: Path) -> dict[str, list[str]]:
    """The cells that each source was asked about since the last look, in order."""
    log = folder / "rules.py.log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    found: dict[str, list[str]] = {}
    for source, _, cell in (line.partition("\t") for line in lines):
        found.setdefault(source, []).append(cell)
    return found


def times_asked(folder: Path) -> dict[str, int]:
    """How often each source was asked since the last look."""
    return {source: len(cells) for source, cells in asked(folder).items()}


def edit(path: Path, before: str, after: str) -> None:
    """Replaces some text of a file, which must be there."""
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def votes(made: Run) -> list[dict[str, Any]]:
    """The written votes, a mapping per row."""
    return parquet.read_table(made.folder / "votes.parquet").to_pylist()  # type: ignore[no-any-return]
