"""Data in any shape: read in blocks, in partitions or in pieces it is what it is as a whole, and faults have places."""

from __future__ import annotations

import csv as plain_csv
import gzip
import io
import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from projects import needs
from pyarrow import csv as arrow_csv
from pyarrow import json as arrow_json
from pyarrow import parquet

from quorate.errors import MissingExtra, TableError
from quorate.scanning.scan import Scan, scan
from quorate.tables import read_table

CELLS = (
    *("5", "-3", "0", "1", "0x10", " 5 ", "99999999999999999999", "1.5", "1e5", "true", "False", "", "NA", "nan"),
    *("2020-01-01", "12:30:00", "2020-01-01 00:00:00", "1600-01-01 00:00:00", "2020-01-01 00:00:00.123456789"),
    *(
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00.5Z",
        "word",
        'say "stop", twice',
        "two\nlines",
        "é",
        '"',
        ",",
        "007",
    ),
)
VALUES: tuple[Any, ...] = (
    *(1, 2.5, 10**30, True, "word", "2020-01-01", "2020-01-01 00:00:00", None, "", [], [1], [2.5], ["a"], [None]),
    *({}, {"x": 1}, {"y": 2}, {"x": 1.5, "y": None}, [{"x": 1}], [{"z": "2020-01-01"}], [[]]),
)
BLOCKS = st.sampled_from([1, 7, 20, 60, 10_000])
LAW = settings(max_examples=80, deadline=None)


def written(name: str, content: bytes, look: Callable[[Path], Any]) -> Any:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return look(path)


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    pool = draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=4))
    width = draw(st.integers(1, 3))
    rows = draw(st.lists(st.lists(st.sampled_from(pool), min_size=width, max_size=width), max_size=25))
    sink = io.StringIO()
    style = {"lineterminator": draw(st.sampled_from(["\n", "\r\n"])), "quoting": draw(st.sampled_from([0, 1]))}
    plain_csv.writer(sink, **style).writerows([list("abc"[:width]), *rows])  # type: ignore[arg-type]
    return sink.getvalue().encode()


@st.composite
def jsonl_files(draw: st.DrawFn) -> bytes:
    pool = st.sampled_from(draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3)))
    rows = draw(st.lists(st.dictionaries(st.sampled_from("abc"), pool, max_size=3), min_size=1, max_size=25))
    return b"".join(json.dumps(row).encode() + b"\n" for row in [{"a": None}, *rows])


@LAW
@given(csv_files(), BLOCKS, st.booleans(), st.sampled_from([(), ("a",), ("b", "c")]))
def test_csv_in_blocks_is_what_arrow_makes_of_the_whole(
    content: bytes, size: int, zipped: bool, text: tuple[str, ...]
) -> None:
    whole = arrow_csv.read_csv(
        io.BytesIO(content),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(text, pa.string())),
    )
    name = "rows.csv.gz" if zipped else "rows.csv"
    found = written(name, content, lambda path: scan(path, text, block_bytes=size).table())
    assert found.schema == whole.schema
    assert repr(found.to_pylist()) == repr(whole.to_pylist())


@LAW
@given(jsonl_files(), BLOCKS)
def test_jsonl_in_blocks_is_what_arrow_makes_of_the_whole(content: bytes, size: int) -> None:
    look = lambda path: scan(path, block_bytes=size).table()  # noqa: E731
    try:
        whole = arrow_json.read_json(io.BytesIO(content))
    except pa.ArrowInvalid:
        with pytest.raises(TableError, match=r"rows.jsonl: line \d+"):
            written("rows.jsonl", content, look)
        return
    found = written("rows.jsonl", content, look)
    assert found.schema == whole.schema
    assert repr(found.to_pylist()) == repr(whole.to_pylist())


def table_of(rows: int, first: int = 0) -> pa.Table:
    ids = range(first, first + rows)
    return pa.table({"id": [f"r{i}" for i in ids], "text": [f'line {i}\n"x"' for i in ids], "n": list(ids)})


def save(table: pa.Table, path: Path, row_group_rows: int = 7) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=row_group_rows)
        return
    sink = io.BytesIO()
    if ".csv" in path.name:
        arrow_csv.write_csv(table, sink)
    else:
        sink.write(b"".join(json.dumps(row).encode() + b"\n" for row in table.to_pylist()))
    path.write_bytes(gzip.compress(sink.getvalue()) if path.suffix == ".gz" else sink.getvalue())


@LAW
@given(
    st.sampled_from([".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet"]),
    st.lists(st.integers(0, 20), min_size=1, max_size=4).filter(any),
    st.integers(1, 30),
    BLOCKS,
)
def test_partitions_and_pieces_are_the_whole_cut_over_file_borders(
    suffix: str, counts: list[int], rows: int, size: int
) -> None:
    with TemporaryDirectory() as folder:
        for i, count in enumerate(counts):
            save(table_of(count, sum(counts[:i])), Path(folder) / f"part-{i}{suffix}")
        data = scan(folder, ["id"], block_bytes=size)
        parts = list(data.partitions(rows))
        assert [part.num_rows for part in parts[:-1]] == [rows] * (len(parts) - 1)
        assert pa.concat_tables(parts).to_pylist() == table_of(sum(counts)).to_pylist() == data.table().to_pylist()
        pieces = [pickle.loads(pickle.dumps(piece)) for piece in data.pieces(rows)]
        assert [piece.read() for piece in pieces] == parts
        assert [piece.read() for piece in pieces[::-2]] == parts[::-2]
        assert [piece.first for piece in pieces] == list(range(0, sum(counts), rows))
        assert data.rows == sum(counts)
        assert {part.schema for part in parts} <= {data.schema}


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv.gz", "rows.jsonl"])
def test_pieces_in_a_row_cost_no_more_than_reading_once(name: str, tmp_path: Path) -> None:
    """A row group, or a gzip file, that was read from its start for every piece would cost a hundred times as much."""
    save(table_of(20_000), tmp_path / name, row_group_rows=20_000)
    data = scan(tmp_path / name)
    data.schema  # noqa: B018
    begun = time.process_time()
    assert sum(part.num_rows for part in data.partitions(100)) == 20_000
    once = time.process_time() - begun
    begun = time.process_time()
    pieces = [pickle.loads(pickle.dumps(piece)) for piece in data.pieces(100)]
    assert sum(piece.read().num_rows for piece in pieces) == 20_000
    assert time.process_time() - begun < 10 * once + 0.3


def test_a_column_that_turns_to_text_late_is_text_from_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,n\n" + "".join(f"r{i},{i}\n" for i in range(999)) + "late,many\n")
    parts = list(scan(tmp_path / "rows.csv", block_bytes=50).partitions(100))
    assert {part.schema.field("n").type for part in parts} == {pa.string()}
    assert parts[0].column("n").to_pylist()[:3] == ["0", "1", "2"]


def test_files_come_in_the_order_of_their_paths_as_texts(tmp_path: Path) -> None:
    for name in ("part-2", "part-10", "a/part-9"):
        save(pa.table({"file": [name]}), tmp_path / f"{name}.parquet")
    assert read_table(tmp_path).column("file").to_pylist() == ["a/part-9", "part-10", "part-2"]


@pytest.mark.parametrize("name", ["_SUCCESS", ".part-0.parquet.crc", "part-0.parquet.crc", ".hidden/x.parquet", "_t/x"])
def test_what_engines_leave_beside_data_is_no_data(name: str, tmp_path: Path) -> None:
    save(table_of(3), tmp_path / "part-0.parquet")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"no data")
    assert scan(tmp_path).rows == 3


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_folders_that_say_column_equals_value_give_columns(suffix: str, tmp_path: Path) -> None:
    for folder in ("year=2023/code=007", "year=2024/code=a%20b", "year=2024/code=__HIVE_DEFAULT_PARTITION__"):
        save(table_of(1), tmp_path / folder / f"x{suffix}")
    found = read_table(tmp_path)
    assert found.schema.field("year").type == pa.int64()
    assert found.select(["year", "code"]).to_pylist() == [
        {"year": 2023, "code": "007"},
        {"year": 2024, "code": None},
        {"year": 2024, "code": "a b"},
    ]
    one_year = scan(tmp_path / "year=2024" / "*" / f"x{suffix}", ["code"])
    assert one_year.columns == ("id", "text", "n", "code")
    assert read_table(str(tmp_path / "year=*" / "code=007" / f"*{suffix}"), ["year"]).to_pylist()[0]["year"] == "2023"


def test_an_empty_file_among_others_has_no_rows(tmp_path: Path) -> None:
    """Engines write one for each partition that is empty."""
    save(table_of(3), tmp_path / "part-1.jsonl")
    (tmp_path / "part-0.jsonl").touch()
    assert scan(tmp_path).rows == 3


def test_rows_of_jsonl_files_may_lack_names_that_others_have(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "a", "n": 1}\n')
    (tmp_path / "b.jsonl").write_text('{"id": "b", "n": 2.5, "more": [1]}\n')
    assert read_table(tmp_path).to_pylist() == [
        {"id": "a", "n": 1.0, "more": None},
        {"id": "b", "n": 2.5, "more": [1]},
    ]


DAMAGED: dict[str, tuple[dict[str, bytes], str]] = {
    "columns": ({"a.csv": b"id,x\n1,2\n", "b.csv": b"id,y\n1,2\n"}, r"a.csv has a column 'x', b.csv has none"),
    "formats": ({"a.csv": b"id\n1\n", "b.jsonl": b"{}\n"}, r"holds a.csv and b.jsonl: data is of one format"),
    "a stranger": ({"a.csv": b"id\n1\n", "notes.md": b"x"}, r"holds notes.md, .* by a glob"),
    "folders": ({"y=1/a.csv": b"id\n1\n", "b.csv": b"id\n1\n"}, r"folders of b.csv and y=1/a.csv name different"),
    "ragged": ({"a.csv": b"id\n1\n", "b.csv": b"id\n" + b"1\n" * 50 + b"1,2\n3,4\n"}, r"b.csv, line 52 .*2 row\(s\)"),
    "bytes": ({"a.csv": b"id\n" + b"one\n" * 50 + b"caf\xe9\n"}, r"a.csv, line 52: byte 0xe9 is not UTF-8"),
    "not JSON": ({"a.jsonl": b'{"id": 1}\n' * 50 + b"{\n"}, r"a.jsonl: line 51 is not JSON"),
    "turned": (
        {"a.jsonl": b'{"id": 1}\n', "b.jsonl": b'{"id": 2}\n{"id": "x"}\n'},
        r"b.jsonl: line 2: 'id' is text, and was a number before in a.jsonl",
    ),
    "turned within": (
        {"a.jsonl": b'{"a": [1]}\n' * 9 + b'{"a": ["x"]}\n'},
        r"a.jsonl: line 10: 'a' holds string and int64",
    ),
    "no names": ({"a.jsonl": b"{}\n{}\n"}, r"no object in it has a name"),
    "twice": ({"a.csv": b"id,id\n1,2\n"}, r"a.csv names the column 'id' twice"),
}


@pytest.mark.parametrize(("files", "message"), DAMAGED.values(), ids=DAMAGED)
def test_what_is_wrong_in_one_of_many_files_is_said_with_file_and_line(
    files: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        scan(tmp_path, block_bytes=20).table()


def test_parquet_files_of_different_types_are_refused_with_both_named(tmp_path: Path) -> None:
    save(pa.table({"n": [1]}), tmp_path / "a.parquet")
    save(pa.table({"n": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(TableError, match=r"'n' is int64 in a.parquet and string in b.parquet"):
        read_table(tmp_path)


def test_a_column_without_a_value_in_one_parquet_file_takes_the_type_of_the_others(tmp_path: Path) -> None:
    save(pa.table({"n": pa.nulls(2)}), tmp_path / "a.parquet")
    save(pa.table({"n": ["x"]}), tmp_path / "b.parquet")
    assert read_table(tmp_path).column("n").to_pylist() == [None, None, "x"]


@pytest.mark.parametrize("name", ["dat", "data/*.csvv", "data/parts"])
def test_a_mistyped_place_is_refused(name: str, tmp_path: Path) -> None:
    save(table_of(1), tmp_path / "data" / "part.csv")
    with pytest.raises(TableError, match=r"Did you mean 'data'|holds no data file|there is no file"):
        scan(tmp_path / name)


def test_a_fingerprint_changes_with_the_data_and_not_with_the_folder_it_lies_in(tmp_path: Path) -> None:
    save(table_of(3), tmp_path / "a" / "x.csv")
    save(table_of(3), tmp_path / "b" / "y.csv")
    alone = scan(tmp_path / "a" / "x.csv").fingerprint()
    assert alone == scan(tmp_path / "b" / "y.csv").fingerprint()
    many = scan(tmp_path / "a").fingerprint()
    assert many == scan(tmp_path / "a").fingerprint()
    save(table_of(3, 1), tmp_path / "a" / "z.csv")
    assert many != scan(tmp_path / "a").fingerprint()
    save(table_of(4), tmp_path / "a" / "x.csv")
    assert alone != scan(tmp_path / "a" / "x.csv").fingerprint()


def test_a_file_that_changes_under_a_scan_is_noticed(tmp_path: Path) -> None:
    save(table_of(50), tmp_path / "x.csv")
    piece = scan(tmp_path / "x.csv").pieces(10)[2]
    save(table_of(40, 7), tmp_path / "x.csv")
    with pytest.raises(TableError, match=r"x.csv has changed"):
        piece.read()


_PEAK = """
import sys
from quorate.scanning.scan import scan
rows = sum(part.num_rows for part in scan(sys.argv[1], ["id"]).partitions(5_000))
print(rows, next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_memory_is_that_of_a_few_blocks_whatever_the_size_of_the_data(suffix: str, tmp_path: Path) -> None:
    texts = pa.array([f"{i} " + "word " * 60 for i in range(20_000)])
    table = pa.table({"id": pa.array([f"r{i}" for i in range(20_000)]), "text": texts})
    peaks_kib = []
    for folder, files in ((tmp_path / "some", 3), (tmp_path / "many", 15)):
        save(table, folder / f"part-0{suffix}", row_group_rows=20_000)
        for i in range(1, files):
            copyfile(folder / f"part-0{suffix}", folder / f"part-{i}{suffix}")
        command = [sys.executable, "-c", _PEAK, str(folder)]
        rows, peak_kib = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
        assert rows == 20_000 * files
        peaks_kib.append(peak_kib)
    # The further twelve files are 75 MB of text.
    assert peaks_kib[1] - peaks_kib[0] < 20_000


@pytest.fixture
def bucket() -> Iterator[Any]:
    needs("fsspec")
    import fsspec  # type: ignore[import-untyped]

    store = fsspec.filesystem("memory")
    for i, year in enumerate((2023, 2024)):
        with store.open(f"/bucket/year={year}/x.csv", "wb") as sink:
            sink.write(f"id,n\nr{i},{i}\n".encode())
    with store.open("/bucket/_SUCCESS", "wb") as sink:
        sink.write(b"")
    yield store
    store.rm("/bucket", recursive=True)


@pytest.mark.parametrize(
    ("place", "rows"),
    [("memory://bucket", 2), ("memory://bucket/year=*/x.csv", 2), ("memory://bucket/year=2024/x.csv", 1)],
)
def test_a_store_behind_a_url_is_read_as_a_folder_is(place: str, rows: int, bucket: Any) -> None:
    found = scan(place, ["id"])
    assert found.rows == rows
    assert found.table().column("id").to_pylist() == ["r0", "r1"][2 - rows :]
    assert ("year" in found.columns) == (rows == 2)
    assert [pickle.loads(pickle.dumps(piece)).read().num_rows for piece in found.pieces(1)] == [1] * rows


def test_a_store_tells_by_its_fingerprint_that_a_file_changed(bucket: Any) -> None:
    before = scan("memory://bucket").fingerprint()
    assert scan("memory://bucket").fingerprint() == before
    with bucket.open("/bucket/year=2024/x.csv", "wb") as sink:
        sink.write(b"id,n\nr9,9\n")
    assert scan("memory://bucket").fingerprint() != before


def test_a_store_without_its_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("fsspec")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtra, match=r"s3fs is not installed; run: pip install 'quorate\[remote\]'"):
        scan("s3://bucket/rows.csv")
    with pytest.raises(TableError, match=r"no kind of store 's4'"):
        scan("s4://bucket/rows.csv")


class _Guarded(SimpleHTTPRequestHandler):
    """Files for those who know the signature, without a word in the log."""

    def log_message(self, *args: Any) -> None: ...

    def send_head(self) -> Any:
        if "sig=opensesame" not in self.path:
            return self.send_error(403, "not with " + self.path.partition("?")[2])
        return super().send_head()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    needs("fsspec")
    save(table_of(30), tmp_path / "rows.csv")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Guarded, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_signed_url_is_read_and_its_signature_is_nowhere(site: str) -> None:
    found = scan(f"{site}/rows.csv?sig=opensesame", ["id"])
    assert found.table().to_pylist() == table_of(30).to_pylist()
    assert "opensesame" not in repr(found) + found.place
    assert found.place == f"{site}/rows.csv"


@pytest.mark.parametrize("place", ["{site}/rows.csv?sig=wrongword", "{site}/none.csv?sig=wrongword"])
def test_a_refused_url_keeps_its_secrets(place: str, site: str) -> None:
    with pytest.raises(TableError) as refused:
        scan(place.format(site=site).replace("http://", "http://user:hunter22@")).table()
    assert "127.0.0.1" in str(refused.value)
    assert not [word for word in ("wrongword", "hunter22") if word in str(refused.value)]


def test_a_scan_is_lazy_and_says_what_it_is_of(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("id\n1,2\n")
    found = scan(tmp_path / "bad.csv")
    assert isinstance(found, Scan)
    assert found.fingerprint()
    with pytest.raises(TableError):
        found.columns  # noqa: B018
