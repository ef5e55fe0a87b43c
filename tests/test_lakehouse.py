"""Lakehouse tables: read at a version, labelled, and the labels written beside them with where they are from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from projects import ROWS, TOML, needs, quorate, write_project
from pyarrow import csv, parquet

from quorate import open_project, run
from quorate.errors import MissingExtra, ProjectError, TableError
from quorate.lakehouse import read_labels
from quorate.scanning.scan import scan

LAKE = TOML.replace('path = "rows.csv"', 'path = "comments"\nlabels_to = "comments_labels"')


@pytest.fixture
def deltalake() -> Any:
    needs("deltalake")
    import deltalake

    return deltalake


@pytest.fixture
def comments() -> pa.Table:
    return csv.read_csv(pa.BufferReader(ROWS.encode()))


@pytest.fixture
def lake(tmp_path: Path, deltalake: Any, comments: pa.Table) -> Path:
    """A project whose data is a Delta table of two versions: two rows, then all four."""
    folder = write_project(tmp_path / "project", toml=LAKE)
    deltalake.write_deltalake(folder / "comments", comments.slice(0, 2))
    deltalake.write_deltalake(folder / "comments", comments.slice(2), mode="append")
    return folder


def by_id(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: str(row.get("id", row.get("row_id"))))


def test_a_table_is_read_as_it_was_at_a_version(lake: Path, comments: pa.Table) -> None:
    assert by_id(scan(lake / "comments").table()) == comments.to_pylist()
    assert by_id(scan(lake / "comments", version=0).table()) == comments.slice(0, 2).to_pylist()
    assert scan(lake / "comments").fingerprint() == scan(lake / "comments", version=1).fingerprint()
    assert scan(lake / "comments").fingerprint() != scan(lake / "comments", version=0).fingerprint()
    with pytest.raises(TableError, match=r"comments has no version 7; the newest is 1"):
        scan(lake / "comments", version=7)


def test_what_was_deleted_is_not_read(lake: Path, deltalake: Any) -> None:
    deltalake.DeltaTable(lake / "comments").delete("id = 'b'")
    assert [row["id"] for row in by_id(scan(lake / "comments").table())] == ["a", "c", "d"]


def test_partition_columns_and_columns_added_later_are_read(tmp_path: Path, deltalake: Any) -> None:
    first = pa.table({"id": ["a", "b"], "day": pa.array([1, None], pa.date32()), "kind": ["é /=%", "007"]})
    deltalake.write_deltalake(tmp_path / "t", first, partition_by=["day", "kind"])
    more = first.slice(0, 1).append_column("n", [[5]])
    deltalake.write_deltalake(tmp_path / "t", more, mode="append", schema_mode="merge")
    found = scan(tmp_path / "t")
    one, two = first.to_pylist()
    expected = [one | {"n": None}, two | {"n": None}, one | {"n": 5}]
    assert sorted(map(str, found.table().to_pylist())) == sorted(map(str, expected))
    assert pa.concat_tables(piece.read() for piece in found.pieces(2)) == pa.concat_tables(found.partitions(2))


def test_files_that_were_vacuumed_are_named_with_the_version(lake: Path, deltalake: Any) -> None:
    for path in (lake / "comments").glob("*.parquet"):
        path.unlink()
    with pytest.raises(TableError, match=r"version 1 needs .*parquet, which was vacuumed"):
        scan(lake / "comments")


def test_a_project_says_which_version_it_labelled(lake: Path, deltalake: Any, comments: pa.Table) -> None:
    made = run(open_project(lake))
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["settings"]["data"]["version"] == 1
    deltalake.write_deltalake(lake / "comments", comments.slice(0, 1), mode="overwrite")
    assert run(open_project(lake)).id != made.id
    (lake / "quorate.toml").write_text(LAKE.replace("[data]", "[data]\nversion = 1"))
    assert run(open_project(lake)).id == made.id


def test_labels_are_a_table_beside_the_data_with_where_they_are_from(lake: Path, deltalake: Any) -> None:
    project = open_project(lake)
    made = run(project)
    written = deltalake.DeltaTable(lake / "comments_labels")
    kept = parquet.read_table(made.folder / "labels.parquet").to_pylist()
    found = scan(lake / "comments_labels").table()
    assert found.column_names == ["row_id", "label", "probability", "covered", "p_HAM", "p_SPAM"]
    assert [{name: row[name] for name in kept[0]} for row in found.to_pylist()] == kept
    assert found.column("probability").to_pylist() == [max(row["p_HAM"], row["p_SPAM"]) for row in kept]
    commit = written.history(1)[0]
    assert (commit["quorate.run"], commit["quorate.source"], commit["quorate.source_version"]) == (
        *(made.id, "comments", "1"),
    )
    assert json.loads(commit["quorate.labels"]) == ["HAM", "SPAM"]
    assert read_labels(project, made.id) == found


def test_labels_of_one_run_are_written_once_and_those_before_stay_readable(lake: Path, deltalake: Any) -> None:
    first = run(open_project(lake))
    before = read_labels(open_project(lake), first.id)
    run(open_project(lake))
    assert deltalake.DeltaTable(lake / "comments_labels").version() == 0
    (lake / "rules.py").write_text((lake / "rules.py").read_text().replace('"song"', '"lovely"'))
    second = run(open_project(lake))
    assert deltalake.DeltaTable(lake / "comments_labels").version() == 1
    assert read_labels(open_project(lake), first.id) == before
    assert read_labels(open_project(lake), second.id) != before
    with pytest.raises(TableError, match=r"no version of run nosuchrun"):
        read_labels(open_project(lake), "nosuchrun")


def test_a_run_that_is_the_newest_again_is_written_again(lake: Path, deltalake: Any) -> None:
    """Who takes an edit back wants the labels of the rules as they are."""
    rules = (lake / "rules.py").read_text()
    first = run(open_project(lake))
    (lake / "rules.py").write_text(rules.replace('"song"', '"lovely"'))
    run(open_project(lake))
    (lake / "rules.py").write_text(rules)
    assert run(open_project(lake)).id == first.id
    assert deltalake.DeltaTable(lake / "comments_labels").history(1)[0]["quorate.run"] == first.id


@pytest.mark.parametrize("place", ["comments", "mine", "rows.csv"])
def test_what_quorate_did_not_write_is_never_replaced(place: str, lake: Path, deltalake: Any) -> None:
    deltalake.write_deltalake(lake / "mine", pa.table({"x": [1]}))
    (lake / "quorate.toml").write_text(LAKE.replace("comments_labels", place))
    with pytest.raises(ProjectError, match=rf"quorate.toml:\d+ data.labels_to: .*{place} is "):
        run(open_project(lake))
    assert not (lake / ".quorate" / "runs").exists()
    assert scan(lake / "mine").table().to_pylist() == [{"x": 1}]


def test_where_labels_go_does_not_change_the_run(lake: Path) -> None:
    first = run(open_project(lake))
    (lake / "quorate.toml").write_text(LAKE.replace("comments_labels", "elsewhere"))
    second = run(open_project(lake))
    assert first.id == second.id
    assert read_labels(open_project(lake), first.id).num_rows == 4


def test_the_same_rows_get_the_same_labels_from_any_shape(lake: Path, comments: pa.Table) -> None:
    from_lake = run(open_project(lake))
    parquet.write_table(comments.slice(0, 3), lake / "a.parquet")
    parquet.write_table(comments.slice(3), lake / "b.parquet")
    for path in ("rows.csv", "?.parquet"):
        (lake / "quorate.toml").write_text(TOML.replace("rows.csv", path))
        made = run(open_project(lake))
        one, other = (parquet.read_table(found.folder / "labels.parquet") for found in (made, from_lake))
        assert by_id(one) == by_id(other)


def test_the_command_line_runs_on_a_table(lake: Path) -> None:
    ended = quorate("run", lake, "--json")
    assert ended.code == 0, ended.err
    assert ended.json["rows"] == 4
    assert (lake / "comments_labels" / "_delta_log").is_dir()


def test_a_version_of_what_is_no_table_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path, toml=TOML.replace("[data]", "[data]\nversion = 3"))
    with pytest.raises(ProjectError, match=r"quorate.toml:\d+ data.path.*rows.csv is no Delta table"):
        open_project(tmp_path)


@pytest.mark.parametrize(
    "place",
    [
        "https://me:hunter22@host/rows.csv",
        "https://host/rows.csv?sig=hunter22",
        "https://host/x.csv?X-Amz-Signature=hunter22",
    ],
)
def test_a_key_in_the_settings_is_refused_and_not_repeated(place: str, tmp_path: Path) -> None:
    write_project(tmp_path, toml=TOML.replace("rows.csv", place))
    with pytest.raises(ProjectError, match=r"data.path: https://host/.* password or key") as refused:
        open_project(tmp_path)
    assert "hunter22" not in str(refused.value)


def test_without_deltalake_the_extra_is_named(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(MissingExtra, match=r"pip install 'quorate\[delta\]'"):
        scan(lake / "comments")
