"""@labeling_function: what a function reads, what its answers mean, and what it never does twice."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quorate import LabelSpace, Status, Votes, apply, labeling_function
from quorate.errors import LabelError, PluginError, QuorateError, TableError
from quorate.executors.local import Local
from quorate.store import Store

SPACE = LabelSpace(("HAM", "SPAM", "OTHER"), aliases={"advert": "SPAM"})
TEXTS = ["check out my channel", "lovely song", None, ""]
FRAME = pd.DataFrame({"text": TEXTS, "stars": [1, 5, 3, 2]})


def ask(*functions: Any, frame: Any = FRAME, **options: Any) -> Votes:
    return apply(frame, functions, SPACE, max_failure_share=1, **options)


def meaning(answer: Any, label: str | None = None) -> tuple[int, Status, str]:
    """Vote, status and complaint for one answer."""

    @labeling_function(label=label)
    def answers(text: str) -> Any:
        return answer

    votes = ask(answers, frame=FRAME[:1])
    return int(votes.matrix[0, 0]), Status(votes.status[0, 0]), "".join(f.message for f in votes.failures)


# ---- columns ---------------------------------------------------------------------------------------------------------


def test_parameters_are_columns() -> None:
    @labeling_function
    def both(stars: int, text: str, least: int = 4) -> str | None:
        return "HAM" if text and stars > least else None

    assert both.columns == ("stars", "text")
    assert ask(both).matrix[:, 0].tolist() == [-1, 0, -1, -1]
    assert both(5, "nice") == "HAM"


def test_a_single_row_or_x_is_the_whole_row() -> None:
    attribute = labeling_function(label="HAM", name="attribute")(lambda row: row.stars == 5 and row.text != "")
    item = labeling_function(label="HAM", name="item")(lambda x: x["stars"] == 5 and x["text"] != "")
    assert ask(attribute, item).matrix.tolist() == [[-1, -1], [0, 0], [-1, -1], [-1, -1]]


def undecorated(text: str) -> None: ...


named_f = labeling_function(name="f")


@pytest.mark.parametrize(
    ("source", "error", "complaint"),
    [
        (named_f(lambda txt: None), TableError, "'f' reads column 'txt'.*Did you mean 'text'"),
        (named_f(lambda: None), PluginError, "'f': it takes no column"),
        (named_f(lambda *texts: None), PluginError, "'f': parameter 'texts' has no column name"),
        (named_f(lambda text, **more: None), PluginError, "'f': parameter 'more' has no column name"),
        (labeling_function(resources={"words": []})(undecorated), PluginError, "no parameter takes .* 'words'"),
        (labeling_function(label="SPAMM")(undecorated), LabelError, "'undecorated' votes for 'SPAMM'.*mean 'SPAM'"),
        (undecorated, PluginError, "'undecorated' .*decorate it with @labeling_function"),
    ],
)
def test_what_does_not_fit_is_named_before_anything_runs(
    source: Any, error: type[QuorateError], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        ask(source)


# ---- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "label", "vote"),
    [
        ("SPAM", None, 1),
        ("spam", None, 1),
        (" Ham ", None, 0),
        ("Advert", None, 1),
        (None, None, -1),
        (-1, None, -1),
        (True, "SPAM", 1),
        (False, "SPAM", -1),
        (None, "SPAM", -1),
        (np.True_, "advert", 1),
        (re.search("a", "a"), "HAM", 0),
        (re.search("", "a"), "HAM", 0),
        ("advert", "SPAM", 1),
        ({"SPAM": 0.9, "HAM": 0.1}, None, 1),
        ({"advert": 0.6}, None, 1),
        ({"SPAM": 0.5, "HAM": 0.5}, None, -1),
    ],
)
def test_an_answer_means(answer: Any, label: str | None, vote: int) -> None:
    assert meaning(answer, label) == (vote, Status.ABSTAINED if vote == -1 else Status.VOTED, "")


@pytest.mark.parametrize(
    ("answer", "label", "complaint"),
    [
        ("SPAMM", None, "'SPAMM' is not a label.*Did you mean 'SPAM'"),
        ("HAM", "SPAM", "returned 'HAM', but was declared for 'SPAM' alone"),
        (True, None, r"True and False need a label, @labeling_function\(label=...\)"),
        (re.search("a", "a"), None, "need a label"),
        (1, None, r"returned 1 \(int\); return a label name"),
        ({"SPAM": 0.9, "HAM": 0.9}, None, "sum to 1.8, not 1"),
        ({"SPAM": 1.5}, None, "returned 1.5 for 'SPAM'"),
        ({"SPAMM": 0.9}, None, "Did you mean 'SPAM'"),
    ],
)
def test_an_answer_without_meaning_is_a_failure(answer: Any, label: str | None, complaint: str) -> None:
    vote, status, message = meaning(answer, label)
    assert (vote, status) == (-1, Status.FAILED)
    assert re.search(complaint, message)


def test_a_distribution_is_kept_and_labels_without_a_word_share_the_rest() -> None:
    said: list[Any] = [{"SPAM": 0.8}, {"HAM": 0.5, "SPAM": 0.5}, None, "OTHER"]

    @labeling_function
    def soft(stars: int) -> Any:
        return said[stars]

    votes = ask(soft, frame=pd.DataFrame({"stars": range(4)}))
    nothing = [np.nan] * 3
    assert votes.matrix[:, 0].tolist() == [1, -1, -1, 2]
    assert votes.confidence is not None
    np.testing.assert_allclose(votes.confidence[:, 0], [0.8, 0.5, np.nan, np.nan])
    expected = [[0.1, 0.8, 0.1], [0.5, 0.5, 0], nothing, nothing]
    np.testing.assert_allclose(votes.distributions["soft"], expected, atol=1e-6)


# ---- examples --------------------------------------------------------------------------------------------------------


def test_examples_are_the_tests_of_a_function() -> None:
    @labeling_function(label="SPAM", examples={"my channel": "SPAM", "CHANNEL": "spam", "song": None, None: None})
    def channel(text: str) -> bool:
        return "channel" in text

    broken = channel.broken_examples(SPACE)
    assert len(broken) == 2
    assert broken[0] == "channel('CHANNEL') gave None, expected 'SPAM'"
    assert broken[1].startswith("channel(None) failed: TypeError")


def test_examples_of_several_columns_are_tuples_and_of_rows_texts() -> None:
    @labeling_function(pre=[shouted], examples={("nice", 5): "HAM", ("nice", 1): None, ("", 5): None})
    def stars_and_text(shouted: str, stars: int) -> str | None:
        return "HAM" if shouted == "NICE" and stars > 4 else None

    @labeling_function(examples={"lovely song": "HAM"})
    def whole(x: Any) -> str | None:
        return "HAM" if x.text == "lovely song" else None

    assert [*stars_and_text.broken_examples(SPACE), *whole.broken_examples(SPACE)] == []


def note(log: str, thing: Any) -> None:
    with Path(log).open("a") as file:
        file.write(f"{thing}\n")


def noted(log: str) -> list[str]:
    return sorted(Path(log).read_text().splitlines())


# ---- resources -------------------------------------------------------------------------------------------------------


def test_resources_are_values_or_functions_that_load_them() -> None:
    @labeling_function(label="SPAM", resources={"words": {"channel"}, "least": lambda: 3})
    def listed(text: str, words: set[str], least: int) -> bool:
        return bool(words & set((text or "").split())) and len(text) > least

    assert ask(listed).matrix[:, 0].tolist() == [1, -1, -1, -1]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_resource_is_loaded_once_per_process_for_all_functions(workers: int, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    def words() -> set[str]:
        note(log, os.getpid())
        return {"channel"}

    def mentions(text: str, words: set[str]) -> bool:
        return bool(words & set((text or "").split()))

    pair = [labeling_function(label="SPAM", resources={"words": words}, name=name)(mentions) for name in "ab"]
    votes = ask(*pair, partition_rows=1, executor=Local(workers))
    assert votes.matrix.tolist() == [[1, 1], [-1, -1], [-1, -1], [-1, -1]]
    pids = noted(log)
    assert len(pids) == len(set(pids)) <= workers


# ---- pre-processors --------------------------------------------------------------------------------------------------


def shouted(text: str) -> str:
    return text.upper()


@pytest.mark.parametrize("before", [[], ["A", "B"]], ids=["new rows", "appended rows"])
def test_a_pre_processor_is_called_once_for_each_distinct_text_of_all_functions(
    before: list[str], tmp_path: Path
) -> None:
    log = str(tmp_path / "log")

    def plain(text: str) -> str:
        note(log, text)
        return text.lower()

    one = labeling_function(label="SPAM", pre=[plain], name="one")(lambda plain: "a" in plain)
    two = labeling_function(label="HAM", pre=[plain], name="two")(lambda plain, text: plain == text.lower())
    store = Store(tmp_path / "store")
    ask(one, two, frame=pd.DataFrame({"text": pd.Series(before, dtype=str)}), store=store)
    assert not before or noted(log) == before
    votes = ask(one, two, frame=pd.DataFrame({"text": ["A", "B", "CA", "D", "D"]}), store=store)
    assert votes.matrix.tolist() == [[1, 0], [-1, 0], [1, 0], [-1, 0], [-1, 0]]
    assert noted(log) == ["A", "B", "CA", "D"]


def as_series(shouted: pd.Series) -> Any:
    assert shouted.map(lambda cell: isinstance(cell, str)).all()
    return shouted.str.contains("CHANNEL")


@pytest.mark.parametrize(("function", "batch"), [(lambda shouted: "CHANNEL" in shouted, False), (as_series, True)])
def test_a_failing_pre_processor_fails_its_rows_alone(function: Callable[..., Any], batch: bool) -> None:
    unharmed = labeling_function(label="HAM", name="unharmed")(lambda text: True)
    votes = ask(labeling_function(label="SPAM", pre=[shouted], batch=batch, name="f")(function), unharmed)
    assert votes.matrix.tolist() == [[1, 0], [-1, 0], [-1, 0], [-1, 0]]
    assert [(f.row_id, f.source) for f in votes.failures] == [("2", "f")]
    assert votes.failures[0].message == "AttributeError: 'NoneType' object has no attribute 'upper'"
    assert "in shouted" in votes.failures[0].traceback


def test_a_whole_row_has_what_its_pre_processors_made() -> None:
    def words(shouted: str) -> list[str]:
        return shouted.split()

    whole = labeling_function(label="SPAM", pre=[shouted, words], name="whole")(lambda row: "CHANNEL" in row.words)
    assert ask(whole, frame=FRAME[:2]).matrix[:, 0].tolist() == [1, -1]


def test_a_pre_processor_may_have_the_name_of_the_column_it_reads() -> None:
    def text(text: str) -> str:
        return text.upper()

    shouting = labeling_function(label="SPAM", pre=[text], name="shouting")(lambda text: "CHANNEL" in text)
    assert ask(shouting, frame=FRAME[:2]).matrix[:, 0].tolist() == [1, -1]


# ---- batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [list, tuple, iter, np.array, pd.Series, lambda a: pd.Series(a, dtype="boolean"), pa.array],
    ids=["list", "tuple", "iterator", "array", "series", "nullable series", "arrow"],
)
def test_a_batch_function_gets_series_and_returns_a_column(shape: Callable[[Any], Any]) -> None:
    @labeling_function(label="SPAM", batch=True)
    def many(text: pd.Series, stars: pd.Series) -> Any:
        assert text.name == "text"
        answers = text.str.contains("channel") & (stars < 2)
        return shape([None if missing else bool(a) for a, missing in zip(answers, text.isna(), strict=True)])

    votes = ask(many)
    assert votes.matrix[:, 0].tolist() == [1, -1, -1, -1]
    assert not votes.failures


@pytest.mark.parametrize("answer", [[], ["SPAM"], ["SPAM"] * 5, "SPAM", None, 1])
def test_a_batch_answer_that_is_no_column_of_its_rows_fails_them_all(answer: Any) -> None:
    votes = ask(labeling_function(batch=True, name="wrong")(lambda text: answer))
    assert (votes.status == Status.FAILED).all()
    assert "batch" in votes.failures[0].message


def test_a_batch_of_whole_rows_is_a_frame() -> None:
    assert ask(labeling_function(label="HAM", batch=True, name="f")(lambda row: row.stars > 4)).matrix[
        :, 0
    ].tolist() == [-1, 0, -1, -1]
