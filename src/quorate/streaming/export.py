"""export: the training set of a table that need not fit into memory, written a partition at a time."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.errors import ExportBroken, ExportRefused, listed
from quorate.lock import VOTES, votes_table
from quorate.project import Project
from quorate.protocols import Grows, Limited
from quorate.registry import build, load, names
from quorate.run_files import growing
from quorate.streaming.choosing import TOGETHER, Choice, Labelled
from quorate.streaming.looking import look
from quorate.streaming.spill import Spill, spilling
from quorate.streaming.voting import Voting, vote_through
from quorate.training_sets.card import Counted, card_of
from quorate.training_sets.writing import json_line, write_text
from quorate.values import TrainingSet, Votes
from quorate.wanted import CARD, PROVENANCE, Wanted, Written, provenance


def check_streamed(project: Project, wanted: Wanted) -> tuple[int, tuple[str, ...]]:
    """How many rows there would be, and what is worth a warning; nothing stays on the disk.

    Raises:
        ExportRefused: the format holds all rows at once, or the platform would refuse them.
    """
    exporter = _exporter(wanted)
    with spilling(project.state / "runs") as beside:
        choice, _ = _chosen(project, wanted, beside, beside / VOTES)
        return int(choice.sums.rows.sum()), _warnings(exporter, choice.labelled.empty())


def write_streamed(project: Project, wanted: Wanted, folder: Path) -> Written:
    """Writes all but the lock into an empty folder, a partition at a time.

    Raises:
        ExportRefused: the format holds all rows at once.
        ExportBroken: a row does not come back as it was written.
    """
    exporter = _exporter(wanted)
    with spilling(project.state / "runs") as beside:
        choice, votes = _chosen(project, wanted, beside, folder / VOTES)
        empty = choice.labelled.empty()
        (file,) = exporter.parts(empty)
        counted = _write(exporter, choice, folder, file)
        _reread(exporter, folder, file)
        write_text(folder / CARD, card_of(counted, choice.facts))
        rows = sum(counted.rows.values())
        left_out = choice.labelled.looked.intake.total - rows
        return Written([Path(file)], rows, left_out, _warnings(exporter, empty), votes)


def _exporter(wanted: Wanted) -> Grows:
    exporter = build("exporters", wanted.format, wanted.options)
    if not isinstance(exporter, Grows):
        able = [name for name in names("exporters") if isinstance(load("exporters", name).example(), Grows)]
        raise ExportRefused(
            wanted.format,
            (
                "it holds all rows at once, and the table is read a partition at a time; export to one of "
                f"{listed(able)}, or set stream = false in [run] where the table fits into memory",
            ),
        )
    return exporter


def _warnings(exporter: Grows, empty: TrainingSet) -> tuple[str, ...]:
    found = exporter.problems(empty).warnings if isinstance(exporter, Limited) else ()
    return (*found, TOGETHER)


def _chosen(project: Project, wanted: Wanted, beside: Path, votes: Path) -> tuple[Choice, dict[str, str]]:
    """What is exported, with the hash of each source's votes, which are written to a file."""
    looked = look(project)
    desk = replace(project.desk, rules=replace(project.desk.rules, is_offline=True, asks_again=False))
    voting = Voting.of(project, looked, desk, False, None)
    sources, families = (tuple(getattr(one, what) for one in voting.sources) for what in ("name", "family"))
    none = Votes(project.space, _NO_IDS, sources, families, *_nothing(len(sources)))
    with Spill(beside / "rows") as spill, growing(votes, votes_table(none).schema) as add:
        hashes = _Hashes(sources, beside / "statuses")

        def write(part: Votes) -> None:
            add(votes_table(part))
            hashes.add(part)

        folded = vote_through(voting, write, spill)
    choice = Choice.of(Labelled.of(project, wanted, looked, families, (folded, spill)), beside)
    return choice, hashes.digests()


_NO_IDS = pa.array([], pa.string())


def _nothing(m: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    return np.zeros((0, m), np.int16), np.zeros((0, m), np.uint8)


class _Hashes:
    """The hash of each source's votes, which come in parts: labels first, so status waits on the disk."""

    def __init__(self, sources: tuple[str, ...], path: Path) -> None:
        self._hashes, self._path = {name: sha256() for name in sources}, path
        self._rows: list[int] = []
        path.touch()

    def add(self, votes: Votes) -> None:
        for j, name in enumerate(votes.sources):
            self._hashes[name].update(votes.matrix[:, j].tobytes())
        with self._path.open("ab") as file:
            file.write(votes.status.T.tobytes())
        self._rows.append(len(votes))

    def digests(self) -> dict[str, str]:
        with self._path.open("rb") as file:
            for j, made in enumerate(self._hashes.values()):
                first = 0
                for rows in self._rows:
                    file.seek(first * len(self._hashes) + j * rows)
                    made.update(file.read(rows))
                    first += rows
        return {name: made.hexdigest() for name, made in self._hashes.items()}


def _write(exporter: Grows, choice: Choice, folder: Path, file: str) -> Counted:
    """Writes the format's file and the provenance of its rows; gives what they come to."""
    empty = choice.labelled.empty()
    counts: Counter[tuple[int, str]] = Counter()
    at = reviewed = 0
    with (
        exporter.growing(empty, folder / file) as add,
        (folder / PROVENANCE).open("w", encoding="utf-8", newline="") as told,
    ):
        for part in choice.parts():
            add(part)
            told.writelines(json_line(provenance(part, i, {file: at + i})) for i in range(len(part.rows)))
            counts.update(zip(part.labels.tolist(), part.split, strict=True))
            reviewed += part.provenance.count("gold")
            at += len(part.rows)
    return Counted(empty.name, empty.space.names, reviewed, counts)


def _reread(exporter: Grows, folder: Path, file: str) -> None:
    with (folder / PROVENANCE).open(encoding="utf-8", newline="\n") as told:
        meant = ((line["id"], line["label"]) for line in map(json.loads, told))
        for i, (one, back) in enumerate(zip_longest(meant, exporter.reading(folder / file))):
            if one is None or back is None:
                raise ExportBroken(f"{file} reads back as {'more' if one is None else 'fewer'} rows than were written")
            if one != back:
                raise ExportBroken(
                    f"{file}: row {one[0]!r}, the one at {i:,}, does not read back as it is: {back[0]!r} with label "
                    f"{back[1]!r} for {one[1]!r}"
                )
