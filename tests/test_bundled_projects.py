"""The projects of labeling_functions/: examples, demonstration and acceptance test at once. Each runs in a copy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from projects import REPOSITORY
from pyarrow import parquet

import quorate
from quorate.run import Run, check
from quorate.sources.labeling_function import LabelingFunction
from quorate.tables import read_table

BUNDLED = REPOSITORY / "labeling_functions"
NAMES = ("youtube_spam", "snips_intents")
WITH_MODELS = ("youtube_spam_models",)
"""Tested in test_demo.py."""
SIZES = {"youtube_spam": 1956, "snips_intents": 14_484}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the projects, without what somebody's runs left in them."""
    there = tmp_path_factory.mktemp("bundled")
    for name in NAMES:
        shutil.copytree(BUNDLED / name, there / name, ignore=shutil.ignore_patterns(".quorate", "__pycache__"))
    return there


@pytest.fixture(scope="module")
def runs(copies: Path) -> dict[str, Run]:
    return {name: quorate.run(quorate.open_project(copies / name)) for name in NAMES}


@pytest.mark.parametrize("name", [folder.name for folder in sorted(BUNDLED.iterdir()) if folder.is_dir()])
def test_every_bundled_project_is_named_here(name: str) -> None:
    assert name in NAMES + WITH_MODELS


@pytest.mark.parametrize("name", NAMES)
def test_every_inline_example_holds(name: str, copies: Path) -> None:
    project = quorate.open_project(copies / name)
    functions = [source for source in project.sources if isinstance(source, LabelingFunction)]
    assert sum(bool(function.examples) for function in functions) >= 10
    assert check(project) == []


def test_youtube_spam_is_labelled_right_over_all_rows(runs: dict[str, Run]) -> None:
    found = runs["youtube_spam"].report
    assert found["gold"] == {"rows": 1956, "use": "evaluate"}
    assert found["label_model"]["name"] == "quorum"
    assert found["accuracy"] >= 0.90
    assert found["accuracy"] >= found["majority_accuracy"]


def test_youtube_spam_has_at_least_ten_functions_of_ours(copies: Path) -> None:
    sources = quorate.open_project(copies / "youtube_spam").sources
    assert sum(isinstance(source, LabelingFunction) for source in sources) >= 10


def test_snips_intents_are_labelled_right_where_anybody_votes(runs: dict[str, Run]) -> None:
    found = runs["snips_intents"].report
    assert len(found["labels"]) == 7
    assert found["coverage"] >= 0.85
    assert found["accuracy_covered"] >= 0.90


@pytest.mark.parametrize("name", NAMES)
def test_the_report_holds_what_a_reader_needs(name: str, runs: dict[str, Run]) -> None:
    found = runs[name].report
    assert found["rows"] == SIZES[name]
    assert sum(found["distribution"].values()) == found["rows"]
    assert found["failures"] == []
    assert [entry["name"] for entry in found["sources"] if not entry["votes"]] == []
    assert len(found["queue"]) == 50
    assert all(entry["why"] and set(entry["votes"].values()) <= set(found["labels"]) for entry in found["queue"])
    for entry in found["sources"]:
        assert 0 <= entry["accuracy_low"] <= entry["accuracy"] <= entry["accuracy_high"] <= 1


@pytest.mark.parametrize("name", NAMES)
def test_no_source_sees_the_gold_column(name: str, copies: Path, runs: dict[str, Run]) -> None:
    project = quorate.open_project(copies / name)
    assert project.settings.gold is not None
    assert project.settings.gold.use == "evaluate"
    assert project.settings.gold.column not in project.read().rows.columns
    assert project.settings.gold.column not in runs[name].report["queue"][0]["cells"]


@pytest.mark.parametrize("name", NAMES)
def test_the_label_model_never_saw_the_gold(name: str, copies: Path, runs: dict[str, Run]) -> None:
    """Fusing the written votes anew, with no gold in sight, gives the same labels."""
    project = quorate.open_project(copies / name)
    folder = runs[name].folder
    given = parquet.read_table(folder / "votes.parquet").drop_columns(["row_id"]).to_pandas()
    codes = {label: i for i, label in enumerate(project.space.names)}
    matrix = given.apply(lambda column: column.map(codes)).fillna(-1).astype("int16").to_numpy()
    fused = quorate.fuse(quorate.Votes.of(matrix, project.space, list(given.columns)))
    assert fused.names == parquet.read_table(folder / "labels.parquet").column("label").to_pylist()


@pytest.mark.parametrize("name", NAMES)
def test_a_readme_says_where_the_data_comes_from(name: str) -> None:
    text = (BUNDLED / name / "README.md").read_text("utf-8")
    assert "http" in text
    assert "licen" in text.lower() or "CC" in text


def test_a_notebook_needs_five_lines(copies: Path) -> None:
    """What a README shows: a pandas frame, two functions, and the three verbs."""
    table: Any = read_table(copies / "youtube_spam" / "data" / "comments.jsonl.gz", ["id", "text"])
    frame: pd.DataFrame = table.to_pandas()

    @quorate.labeling_function(label="SPAM")
    def channel(text: str) -> bool:
        return "channel" in text.lower()

    @quorate.labeling_function(label="HAM")
    def song(text: str) -> bool:
        return "song" in text.lower()

    votes = quorate.apply(frame, [channel, song], ["HAM", "SPAM"], id="id")
    labels = quorate.fuse(votes)
    queue = quorate.rank(votes, labels, size=20)
    frame["label"] = labels.names

    lower = frame["text"].str.lower()
    only_channel = lower.str.contains("channel") & ~lower.str.contains("song")
    assert (frame["label"][only_channel] == "SPAM").all()
    assert frame["label"][~lower.str.contains("channel|song")].isna().all()
    both = set(frame["id"][lower.str.contains("channel") & lower.str.contains("song")])
    assert both & set(queue.ids.to_pylist()[:5])
    assert len(queue) == 20
