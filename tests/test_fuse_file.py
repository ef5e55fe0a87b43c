"""fuse_file: the same labels as in memory, from files, however they are read and cut."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from pyarrow import parquet
from typer.testing import CliRunner

from quorate import ABSTAIN, Gold, Votes, fuse, fuse_file, vote_files
from quorate.cli import app
from quorate.errors import LabelError, TableError

NAMES = ["HAM", "SPAM", "ODD"]


def matrix_of(rows: int = 3000, sources: int = 5, seed: int = 0) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, rows)
    right = rng.random((rows, sources)) < np.linspace(0.5, 0.9, sources)
    matrix = np.where(right, truth[:, None], rng.integers(0, 3, right.shape)).astype(np.int16)
    matrix[rng.random(matrix.shape) > 0.6] = ABSTAIN
    return matrix, truth


def columns_of(matrix: NDArray[np.int16], kind: str = "int8") -> dict[str, pa.Array]:
    found = {}
    for j in range(matrix.shape[1]):
        said = [None if y == ABSTAIN else NAMES[y] for y in matrix[:, j]]
        if kind == "names":
            found[f"s{j}"] = pa.array(
                [None if i % 7 == 0 and word is None else word or "" for i, word in enumerate(said)]
            )
        elif kind == "dictionary":
            found[f"s{j}"] = pa.array(said, pa.string()).dictionary_encode()
        elif kind == "nulls":
            found[f"s{j}"] = pa.array(matrix[:, j].tolist(), pa.int64(), mask=matrix[:, j] == ABSTAIN)
        else:
            found[f"s{j}"] = pa.array(matrix[:, j], pa.int8())
    return found


def written(path: Path, columns: dict[str, pa.Array]) -> Path:
    parquet.write_table(pa.table(columns), path, row_group_size=700)
    return path


@pytest.mark.parametrize("sources", [5, 30])
@pytest.mark.parametrize("kind", ["int8", "nulls", "names", "dictionary"])
def test_labels_are_those_of_fuse(tmp_path: Path, kind: str, sources: int) -> None:
    matrix, truth = matrix_of(sources=sources)
    gold = [NAMES[y] if i < 40 else None for i, y in enumerate(truth)]
    ids = [f"r{i}" for i in range(len(matrix))]
    columns = {"id": pa.array(ids), **columns_of(matrix, kind), "said": pa.array(gold)}
    done = fuse_file(written(tmp_path / "v.parquet", columns), tmp_path / "l.parquet", NAMES, id="id", gold="said")
    votes = Votes.of(matrix, NAMES, ids=ids)
    labels = fuse(votes, gold=Gold.of(ids, gold, votes.space))
    table = parquet.read_table(tmp_path / "l.parquet")
    assert table.column_names == ["id", "label", "covered", "p_HAM", "p_SPAM", "p_ODD"]
    assert table.column("id").to_pylist() == ids
    assert table.column("label").to_pylist() == labels.names
    assert (table.column("covered").to_numpy() == labels.covered).all()
    probs = np.stack([table.column(f"p_{name}").to_numpy() for name in NAMES], axis=1)
    assert probs == pytest.approx(labels.probs, abs=1e-6)
    assert done.rows == done.learned == len(matrix)
    assert done.covered == labels.covered.sum()
    assert done.distribution["SPAM"] == labels.names.count("SPAM")
    assert done.distribution["undecided"] == labels.names.count(None)


@pytest.mark.parametrize("sources", [5, 30])
def test_how_much_is_read_at_a_time_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: int
) -> None:
    matrix, _ = matrix_of(sources=sources)
    votes, found = written(tmp_path / "v.parquet", columns_of(matrix)), []
    for rows in (64, 1000, 1 << 20):
        monkeypatch.setattr(vote_files, "_FEWEST_ROWS", rows)
        monkeypatch.setattr(vote_files, "_CELLS_AT_A_TIME", rows)
        fuse_file(votes, tmp_path / "l.parquet", NAMES)
        found.append(parquet.read_table(tmp_path / "l.parquet").combine_chunks())
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_a_folder_of_parts_is_one_table(tmp_path: Path) -> None:
    matrix, _ = matrix_of()
    (tmp_path / "parts").mkdir()
    for i, rows in enumerate((slice(0, 900), slice(900, 3000))):
        written(tmp_path / "parts" / f"part-{i}.parquet", columns_of(matrix[rows]))
    fuse_file(tmp_path / "parts", tmp_path / "a.parquet", NAMES)
    fuse_file(written(tmp_path / "v.parquet", columns_of(matrix)), tmp_path / "b.parquet", NAMES)
    whole, parts = (parquet.read_table(tmp_path / name).combine_chunks() for name in ("b.parquet", "a.parquet"))
    assert whole.equals(parts)


def test_rows_that_are_drawn_teach_and_all_rows_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, truth = matrix_of(6000, 30)
    gold = np.full(len(truth), ABSTAIN)
    gold[:50] = truth[:50]
    columns = {**columns_of(matrix), "said": pa.array(gold)}
    monkeypatch.setattr(sys.modules[fuse_file.__module__], "_MOST_CELLS", 2000 * 30)
    done = fuse_file(written(tmp_path / "v.parquet", columns), tmp_path / "l.parquet", NAMES, gold="said")
    assert 1900 < done.learned < 2200
    assert done.rows == 6000
    hard = parquet.read_table(tmp_path / "l.parquet").column("label").to_pylist()
    assert hard[:50] == [NAMES[y] for y in truth[:50]]
    assert np.mean([label == NAMES[y] for label, y in zip(hard, truth, strict=True)]) > 0.9


@pytest.mark.parametrize(
    ("columns", "error", "told"),
    [
        ({"a": ["HAM", "EGGS"]}, LabelError, r"v.parquet, column 'a': 'EGGS' is not a label"),
        ({"a": [0, 3]}, LabelError, r"column 'a': a vote is 3, but labels are 0 to 2"),
        ({"a": [0, -2]}, LabelError, r"column 'a': a vote is -2"),
        ({"a": [0.5]}, TableError, r"column 'a': votes are label names or ints, not double"),
        ({"id": ["x"]}, TableError, r"v.parquet has no column of votes"),
    ],
)
def test_what_is_wrong_with_the_votes_is_said(
    tmp_path: Path, columns: dict[str, list[object]], error: type[Exception], told: str
) -> None:
    votes = tmp_path / "v.parquet"
    parquet.write_table(pa.table(columns), votes)
    with pytest.raises(error, match=told):
        fuse_file(votes, tmp_path / "l.parquet", NAMES, id="id" if "id" in columns else None)
    assert not (tmp_path / "l.parquet").exists()


def test_what_is_wrong_with_the_files_is_said(tmp_path: Path) -> None:
    votes = written(tmp_path / "v.parquet", columns_of(matrix_of(10)[0]))
    with pytest.raises(TableError, match=r"has no column 's9'; its columns are 's0', 's1'"):
        fuse_file(votes, tmp_path / "l.parquet", NAMES, gold="s9")
    with pytest.raises(TableError, match="holds the votes; name another file"):
        fuse_file(votes, votes, NAMES)
    with pytest.raises(TableError, match=r"there is no file .*w.parquet"):
        fuse_file(tmp_path / "w.parquet", tmp_path / "l.parquet", NAMES)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(TableError, match=r"bad.parquet is not a readable Parquet file"):
        fuse_file(tmp_path / "bad.parquet", tmp_path / "l.parquet", NAMES)
    (tmp_path / "none").mkdir()
    with pytest.raises(TableError, match=r"there is no .parquet file in"):
        fuse_file(tmp_path / "none", tmp_path / "l.parquet", NAMES)
    written(tmp_path / "none" / "a.parquet", {"a": pa.array([0])})
    written(tmp_path / "none" / "b.parquet", {"b": pa.array([0])})
    with pytest.raises(TableError, match=r"b.parquet has other columns than a.parquet"):
        fuse_file(tmp_path / "none", tmp_path / "l.parquet", NAMES)


def test_the_command_writes_the_labels_or_says_what_it_lacks(tmp_path: Path) -> None:
    votes, labels = written(tmp_path / "v.parquet", columns_of(matrix_of()[0])), tmp_path / "l.parquet"
    done = CliRunner().invoke(app, ["fuse", str(votes), "--labels", "HAM, SPAM, ODD", "--to", str(labels)])
    assert done.exit_code == 0, done.output
    assert "3,000 rows have votes" in done.output
    assert parquet.read_metadata(labels).num_rows == 3000
    for lacking in (["--labels", "HAM,SPAM,ODD"], ["--to", str(labels)], []):
        refused = CliRunner().invoke(app, ["fuse", str(votes), *lacking])
        assert refused.exit_code == 2
        assert "--labels A,B --to labels.parquet" in refused.output + refused.stderr
