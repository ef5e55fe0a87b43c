"""quorate predict: a kept model says the same of a row in whatever file, format and company it comes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from projects import quorate
from pyarrow import csv, parquet
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from taught_rows import comments, write_taught

import quorate as package
from quorate.classifiers import OutOfFold
from quorate.end_model import Wanted, train
from quorate.errors import PluginError, TableError
from quorate.kept_model import SCHEMA, KeptModel, read_model, write_model
from quorate.predicting import Asked, predict, predict_file
from quorate.project import open_project
from quorate.rows import Rows

COLUMNS = ["row_id", "label", "probability", "p_HAM", "p_SPAM"]
TRICKY = ['a "quoted" channel, with a comma', "two\nlines of a song", "", "007", "ünïcode 🎵 voice", "NA", "song\u2028"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learned from comments."""
    folder = tmp_path_factory.mktemp("predict")
    project = open_project(write_taught(folder / "project"))
    train(project, Wanted(weigh_worth=False, out=folder / "model"))
    return folder / "model"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Rows that the model did not see, texts that are hard to write down among them."""
    texts = [text for _, text, _ in comments(60, seed=9)] + TRICKY
    return pd.DataFrame({"key": [f"0{i}" for i in range(len(texts))], "text": texts, "more": range(len(texts))})


def write(frame: pd.DataFrame, path: Path) -> Path:
    """The rows in the format that the name tells."""
    if path.suffix == ".parquet":
        frame.to_parquet(path)
        return path
    name = path.name.removesuffix(".gz")
    tabs = "\t" if name.endswith(".tsv") else ","
    lines = name.endswith((".jsonl", ".ndjson"))
    text = (
        "".join(json.dumps(record) + "\n" for record in frame.to_dict("records"))
        if lines
        else frame.to_csv(index=False, sep=tabs)
    )
    content = ("\ufeff" + text).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    kinds = csv.ConvertOptions(column_types={"row_id": pa.string()}, strings_can_be_null=True)
    table = parquet.read_table(path) if path.suffix == ".parquet" else csv.read_csv(path, convert_options=kinds)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_a_table_gets_what_the_model_says_of_its_rows(model: Path, frame: pd.DataFrame) -> None:
    said = predict(model, frame, id="key")
    assert said.column_names == COLUMNS
    assert said.column("row_id").to_pylist() == frame["key"].tolist()
    expected = read_model(model).models.whole.predict_proba(frame["text"].tolist())
    heat = read_model(model).models.temperature
    odds = np.log(expected[:, 1] / expected[:, 0]) / heat
    np.testing.assert_allclose(said.column("p_SPAM").to_numpy(), 1 / (1 + np.exp(-odds)), atol=1e-5)
    known = [("HAM", "SPAM").index(label) for *_, label in comments(60, seed=9)]
    given = [("HAM", "SPAM").index(label) for label in said.column("label").to_pylist()[:60]]
    assert np.mean(np.array(given) == known) > 0.8


def test_the_public_name_is_the_function() -> None:
    assert package.predict is predict


def test_a_row_that_taught_the_model_is_judged_by_one_that_did_not_see_it(model: Path) -> None:
    frame = pd.DataFrame({"text": [text for _, text, _ in comments(200)]})
    kept = read_model(model)
    whole = kept.models.whole.predict_proba(frame["text"].tolist())
    said = predict(model, frame).column("p_SPAM").to_numpy()
    np.testing.assert_allclose(said, kept.probabilities(Rows.of(frame))[0][:, 1], atol=1e-5)
    assert np.abs(said - whole[:, 1]).max() > 0.01


def test_rows_without_a_text_or_without_certainty_get_no_label(model: Path) -> None:
    frame = pd.DataFrame({"text": [None, "channel money subscribe visit", "the a"]})
    sure = predict(model, frame).column("probability").to_pylist()
    said = predict(model, frame, min_probability=(sure[1] + sure[2]) / 2)
    assert said.column("label").to_pylist() == [None, "SPAM", None]
    assert said.column("probability").to_pylist() == sure
    assert said.to_pylist()[0] == {"row_id": "0", **dict.fromkeys(COLUMNS[1:])}


def test_nothing_is_said_of_nothing(model: Path, tmp_path: Path) -> None:
    assert predict(model, pd.DataFrame({"text": pd.Series([], dtype=str)})).column_names == COLUMNS
    empty = tmp_path / "rows.csv"
    empty.write_text("text\n")
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        assert predict_file(model, Asked(empty, tmp_path / name))["rows"] == 0
    assert (tmp_path / "out.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert (tmp_path / "out.jsonl").read_text() == ""
    assert parquet.read_table(tmp_path / "out.parquet").column_names == COLUMNS


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["r.csv", "r.csv.gz", "r.tsv", "r.jsonl", "r.ndjson", "r.jsonl.gz", "r.parquet"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_format_is_read_and_written_alike(
    model: Path, frame: pd.DataFrame, tmp_path: Path, name: str, form: str
) -> None:
    asked = Asked(write(frame, tmp_path / name), tmp_path / f"out.{form}", "key")
    told = predict_file(model, asked)
    assert read(asked.to) == predict(model, frame, id="key").to_pylist()
    assert told["rows"] == len(frame)
    assert sum(told["labels"].values()) + told["without_label"] == len(frame)


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.parquet"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_what_is_said_does_not_hang_on_how_many_rows_are_read_at_once(
    model: Path, frame: pd.DataFrame, tmp_path: Path, name: str, form: str
) -> None:
    data = write(frame, tmp_path / name)
    for rows in (1, 7, 10_000):
        predict_file(model, Asked(data, tmp_path / f"{rows}.{form}", rows_at_once=rows))
    assert read(tmp_path / f"1.{form}") == read(tmp_path / f"7.{form}") == read(tmp_path / f"10000.{form}")
    assert [row["row_id"] for row in read(tmp_path / f"7.{form}")] == [str(i) for i in range(len(frame))]


def test_ids_need_not_be_unique_in_a_file(model: Path, tmp_path: Path) -> None:
    data = write(pd.DataFrame({"day": ["007", "007"], "text": ["a song", "my channel"]}), tmp_path / "r.csv")
    predict_file(model, Asked(data, tmp_path / "out.csv", "day"))
    assert [row["row_id"] for row in read(tmp_path / "out.csv")] == ["007", "007"]


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.parquet"])
def test_numbers_are_read_as_numbers_from_every_part_of_a_file(tmp_path: Path, name: str) -> None:
    """Whole numbers at the beginning, fractions and empty cells later."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(40, 2))
    whole = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, (table[:, 0] > 0).astype(int))
    about = {"schema": SCHEMA, "labels": ["HAM", "SPAM"], "columns": ["a", "b"], "reads": "numbers"}
    write_model(tmp_path / "model", KeptModel(about, OutOfFold(whole, (), {})))
    frame = pd.DataFrame({"a": [1.0, 2.0, 0.25, -3.5], "b": [0.0, 1.0, 2.0, 0.5]})
    if name == "r.csv":
        (tmp_path / name).write_text("a,b\n1,0\n2,1\n0.25,2\n-3.5,0.5\n")
    elif name == "r.jsonl":
        (tmp_path / name).write_text('{"a":1,"b":0}\n{"a":2,"b":1}\n{"a":0.25,"b":2}\n{"a":-3.5,"b":0.5}\n')
    else:
        frame.to_parquet(tmp_path / name)
    predict_file(tmp_path / "model", Asked(tmp_path / name, tmp_path / "out.parquet", rows_at_once=2))
    said = parquet.read_table(tmp_path / "out.parquet")
    np.testing.assert_allclose(said.column("p_SPAM"), whole.predict_proba(frame.to_numpy())[:, 1], atol=1e-5)


# ---- what cannot be done ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("r.csv", b"id,txt\n1,a\n", r"r\.csv has no column 'text'.*it has 'id', 'txt'.*Did you mean 'txt'"),
        ("r.jsonl", b'{"txt": "a"}\n', r"r\.jsonl has no column 'text'.*Did you mean 'txt'"),
        ("r.csv", b"id,text\n1,a\n2,b,c\n", "r.csv, line 3 .*found 3 values"),
        ("r.jsonl", b'{"text": "a"}\n\n[1]\n', "line 3 is not a JSON object"),
        ("r.parquet", b"PAR1", "not a readable Parquet file"),
        ("r.xlsx", b"x", "cannot tell the format"),
    ],
)
def test_data_that_cannot_be_read_are_refused_with_the_place(
    model: Path, tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=complaint):
        predict_file(model, Asked(tmp_path / name, tmp_path / "out.csv"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_fault_half_way_leaves_what_was_there_before(model: Path, tmp_path: Path) -> None:
    data, to = tmp_path / "r.jsonl", tmp_path / "out.csv"
    data.write_text('{"text": "a"}\n{"text": "b"}\nno JSON\n')
    to.write_text("before")
    with pytest.raises(TableError):
        predict_file(model, Asked(data, to, rows_at_once=1))
    assert to.read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"r.jsonl", "out.csv"}


def test_what_makes_no_sense_is_refused_before_a_model_is_opened(model: Path, tmp_path: Path) -> None:
    data = write(pd.DataFrame({"text": ["a"]}), tmp_path / "r.csv")
    with pytest.raises(TableError, match=r"out\.txt: what is predicted is written as \.csv, \.jsonl or \.parquet"):
        predict_file(tmp_path, Asked(data, tmp_path / "out.txt"))
    with pytest.raises(TableError, match="holds the rows to read"):
        predict_file(tmp_path, Asked(data, data))
    with pytest.raises(PluginError, match=r"no model\.json"):
        predict_file(tmp_path, Asked(data, tmp_path / "out.csv"))
    with pytest.raises(TableError, match=r"there is no file .*Did you mean 'r\.csv'"):
        predict_file(model, Asked(tmp_path / "rr.csv", tmp_path / "out.csv"))
    with pytest.raises(TableError, match=r"reads column 'text'.*Did you mean 'txt'"):
        predict(model, pd.DataFrame({"txt": ["a"]}))


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_the_file_and_says_so(model: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    data = write(frame, tmp_path / "rows.parquet")
    ended = quorate("predict", model, data, "--to", tmp_path / "out.csv", "--id", "key", "--min-probability", "0.6")
    assert ended.code == 0, ended.err
    said = predict(model, frame, id="key", min_probability=0.6).to_pylist()
    assert read(tmp_path / "out.csv") == said
    spam, none = (sum(row["label"] == label for row in said) for label in ("SPAM", None))
    assert none > 0
    assert f"{len(frame)} rows" in ended.out
    assert f"SPAM {spam}, {none} without a label" in ended.out
    told = quorate("predict", model, data, "--to", tmp_path / "out.csv", "--json").json
    assert told["schema"] == "quorate.predict/1"
    refused = quorate("predict", model, tmp_path / "nothing.csv", "--to", tmp_path / "out.csv")
    assert refused.code == 2
    assert "there is no file" in refused.err


def test_the_card_of_a_model_names_the_command(model: Path) -> None:
    assert "quorate predict" in (model / "README.md").read_text("utf-8")
