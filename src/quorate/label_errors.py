"""label_errors: the rows of a project, or of a table that somebody labelled, whose label is probably wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from quorate.errors import CannotTell, TableError, did_you_mean, listed
from quorate.fuse import fuse
from quorate.project import Data, Project, open_project
from quorate.reporting.label_errors import Evidence, errors_report, errors_table
from quorate.rows import Rows
from quorate.scanning.files import shown
from quorate.settings import ContentSettings
from quorate.standing import joined_gold
from quorate.store import write_atomically
from quorate.suspects.held_out import classifier
from quorate.suspects.noise import Floats, Given
from quorate.suspects.suspected import Suspects, suspects
from quorate.suspects.views import views
from quorate.tables import read_table
from quorate.values import ABSTAIN, Gold, LabelSpace, Queue, Votes
from quorate.voting import fused

Of = Literal["labels", "gold"]
_FEWEST_ROWS = 20
# Where wrong labels cannot be told from mistakes of the models, more would be noise.
_MOST_UNTRUSTED = 50
_MANY_TURNS, _CELLS = 3, 50_000


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """What was found: `report` is the documented object (schema `quorate.errors/1`), `suspects` holds every row."""

    report: Mapping[str, Any]
    suspects: Suspects = field(repr=False)
    listed: NDArray[np.intp] = field(repr=False)

    @property
    def queue(self) -> Queue:
        """The listed rows as a review queue."""
        doubt = self.suspects.suspicion[self.listed].astype(np.float32)
        ids = self.suspects.ids.take(pa.array(self.listed, pa.int64()))
        return Queue(ids, self.listed, doubt, {"suspicion": doubt}, np.ones(len(self.listed)))

    @property
    def table(self) -> pa.Table:
        """The listed rows with what speaks against their labels, one a row."""
        return errors_table(self.report["suspects"])

    def write(self, path: Path) -> None:
        """Writes the table as CSV or Parquet.

        Raises:
            TableError: the name ends neither in .csv nor in .parquet.
        """
        form = form_of(path)
        write_atomically(path, lambda beside: form(self.table, beside))


@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    """Rows with the labels to doubt; `by_votes` is P(label | votes), `votes_gave` whether these gave the labels."""

    title: str
    of: str
    rows: Rows
    space: LabelSpace
    given: Given
    content: Any
    text: str | None
    votes: Votes | None = None
    by_votes: Floats | None = None
    votes_gave: bool = False


def form_of(path: Path) -> Callable[[pa.Table, Path], object]:
    """What writes a table to a file of this name.

    Raises:
        TableError: the name ends neither in .csv nor in .parquet.
    """
    forms: dict[str, Callable[[pa.Table, Path], object]] = {".csv": csv.write_csv, ".parquet": parquet.write_table}
    if path.suffix.lower() not in forms:
        raise TableError(f"{path.name}: suspects are written as .csv or .parquet")
    return forms[path.suffix.lower()]


def kind_of(word: str) -> Of:
    """The kind of labels that a word names.

    Raises:
        CannotTell: it names none.
    """
    kinds: dict[str, Of] = {kind: kind for kind in get_args(Of)}
    if word not in kinds:
        raise CannotTell(f"{word!r} names no labels to doubt; there are {listed(kinds)}")
    return kinds[word]


def find_errors(
    what: Any,
    *,
    of: Of = "labels",
    label: str | None = None,
    text: str | None = None,
    columns: Sequence[str] = (),
    id: str | None = None,
    model: str = "",
    size: int | None = None,
) -> LabelErrors:
    """The rows whose label is probably wrong, the most suspicious first, with what speaks against each label.

    Args:
        what: a project or its folder; or a data file or a table (pandas, polars, Arrow) with a column of labels.
        of: of a project, whether the labels of its votes are doubted, or those that people gave.
        label: of a table, the column of labels.
        text: the column that models read; of a project its content or main text by default, of a table `text`.
        columns: in place of a text, columns of numbers (or of lists of numbers: embeddings).
        id: of a table, the column of row ids.
        model: a scikit-learn classifier by the name of its class; "" is logistic regression.
        size: rows to list; None: as many as are estimated to be wrong.

    Raises:
        ProjectError, TableError, LabelError: what is named is not there.
        CannotTell: there are no labels to doubt, or too few.
        PluginError: scikit-learn has no such classifier, or it gives no probabilities.
    """
    if model:
        classifier(model)
    meant = _labelled(what, of, text, columns, label=label, id=id)
    k, known = len(meant.space), meant.given != ABSTAIN
    if known.sum() < _FEWEST_ROWS or len(np.unique(meant.given[known])) < 2:
        raise CannotTell(
            f"{meant.title}: {int(known.sum())} labels of {len(np.unique(meant.given[known]))} kinds are too few to "
            f"find wrong ones by the others; it takes {_FEWEST_ROWS} of two kinds"
        )
    seen = views(meant.content)
    found = suspects(
        seen,
        meant.given,
        k,
        meant.rows.ids,
        votes=meant.by_votes,
        votes_gave=meant.votes_gave,
        model=model,
        turns=1 if model else turns_for(len(seen), k),
    )
    chosen = found.ranked()[: _many(found) if size is None else size]
    evidence = Evidence(meant.rows, seen, meant.space, meant.text, meant.votes)
    head = {"schema": "quorate.errors/1", "title": meant.title, "of": meant.of}
    names = [view.name for view in seen.seen]
    told = {"classifier": model or "LogisticRegression", "views": names[:1] if model else names}
    report = head | told | errors_report(found, evidence, chosen)
    return LabelErrors(report, found, chosen)


def _labelled(
    what: Any, of: Of, text: str | None, columns: Sequence[str], *, label: str | None, id: str | None
) -> _Labelled:
    if isinstance(what, Path | str) and Path(what).is_dir():
        what = open_project(what)
    if not isinstance(what, Project):
        if of != "labels":
            raise CannotTell(f"a table has no {of} beside its labels: name the column with --label")
        return _of_table(what, label, text, columns, id)
    if label is not None or id is not None:
        raise CannotTell(f"{what.name}: --label and --id are for tables; quorate.toml names the columns of a project")
    return _of_project(what, of, text, columns)


def turns_for(rows: int, k: int) -> int:
    """How often rows are dealt into folds anew: oftener is better, and takes longer."""
    return _MANY_TURNS if rows * k <= _CELLS else 1


def _many(found: Suspects) -> int:
    wrong = max(round(found.estimate.rows), int((found.suspicion > 0.5).sum()))
    return min(wrong, _MOST_UNTRUSTED) if found.estimate.trust == "none" else wrong


def _of_project(project: Project, of: Of, text: str | None, columns: Sequence[str]) -> _Labelled:
    made = fused(project, offline=True)
    data, votes = made.data, made.votes
    main = text or project.settings.data.text
    if of == "gold":
        gold = joined_gold(data.gold, data.reviewed)
        if gold is None:
            raise CannotTell(f"{project.name} has no gold to doubt: set [gold] in quorate.toml, or review some rows")
        given, by_votes = gold.aligned(votes.ids), _unheard(votes, project)
    else:
        settled = data.anchors.aligned(votes.ids) if data.anchors is not None else np.full(len(votes), ABSTAIN)
        given = np.where(settled == ABSTAIN, made.labels.hard, ABSTAIN).astype(np.int16)
        by_votes = made.alone.probs
    content = _content(data, project, main, columns)
    title, space = f"{project.name}, {of}", project.space
    return _Labelled(title, of, data.rows, space, given, content, main, votes, by_votes, of == "labels")


def _unheard(votes: Votes, project: Project) -> Floats:
    """P(label | votes) by a label model that was told no gold; even where nobody voted."""
    alone = fuse(votes, project.label_model)
    return np.where(alone.covered[:, None], alone.probs, alone.probs.mean(axis=0))


def _content(data: Data, project: Project, main: str | None, columns: Sequence[str]) -> Any:
    if data.content is not None and not columns and main == project.settings.data.text:
        return data.content
    if not columns and main is None:
        raise TableError(
            f"{project.name} names no text to read: set data.text in quorate.toml, or give --text or --columns"
        )
    return _read(data.rows, main, columns)


def _read(rows: Rows, text: str | None, columns: Sequence[str]) -> Any:
    meant = ContentSettings(embeddings=tuple(columns)) if columns else ContentSettings(column=text)
    return meant.read(rows)


def _of_table(what: Any, label: str | None, text: str | None, columns: Sequence[str], id: str | None) -> _Labelled:
    named = isinstance(what, Path | str)
    texts = [name for name in (label, text, id) if name]
    rows = Rows.of(read_table(str(what), texts) if named else what, id)
    label = label or "label"
    main = text or ("text" if not columns and "text" in rows.columns else None)
    for name in (label, *(() if columns else (main or "text",))):
        if name not in rows.columns:
            hint = did_you_mean(name, rows.columns)
            raise TableError(f"there is no column {name!r}; the columns are {listed(rows.columns)}.{hint}")
    cells = [None if cell is None or not str(cell).strip() else str(cell).strip() for cell in rows.values(label)]
    names = sorted({cell for cell in cells if cell is not None})
    if len(names) < 2:
        raise CannotTell(f"column {label!r} holds {listed(names) or 'no label'}; it takes two labels to mistake one")
    space = LabelSpace(tuple(names))
    given = Gold.of(rows.ids.to_pylist(), cells, space).aligned(rows.ids)
    kept = Rows(rows.table.drop_columns([label]), rows.ids)
    title = f"{Path(shown(str(what))).name}, {label}" if named else label
    return _Labelled(title, "column", kept, space, given, _read(kept, main, columns), main)
