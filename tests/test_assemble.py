"""The training set: which rows are in it, with which label, weight and split."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate import Gold, Labels, LabelSpace, Rows, TrainingSet, assemble

SPACE = LabelSpace(("A", "B"))
ROWS = Rows.of(pa.table({"id": list("vwxyz"), "text": ["one", "two", "three", "four", "five"]}), "id")
LABELS = Labels(
    SPACE,
    ROWS.ids,
    np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.7, 0.3], [0.2, 0.8]]),
    np.array([True, True, True, False, True]),
    "quorum",
)


def chosen(training_set: TrainingSet) -> dict[str, tuple[str, float, str]]:
    """Label, weight and provenance by row id."""
    names = [SPACE.names[y] for y in training_set.labels]
    of_row = zip(names, training_set.weights.tolist(), training_set.provenance, strict=True)
    return dict(zip(training_set.rows.ids.to_pylist(), of_row, strict=True))


def test_rows_with_a_hard_label_are_in_and_weigh_its_probability() -> None:
    """x ties and y has no vote: neither has a label to learn from."""
    assert chosen(assemble(ROWS, LABELS)) == {
        "v": ("A", 0.9, "votes"),
        "w": ("B", 0.6, "votes"),
        "z": ("B", 0.8, "votes"),
    }


def test_a_persons_label_overrides_the_votes_and_weighs_one() -> None:
    gold = Gold.of(["v", "y", "elsewhere"], ["B", "A", "A"], SPACE)
    training_set = assemble(ROWS, LABELS, gold)
    found = chosen(training_set)
    assert found["v"] == ("B", 1.0, "gold")
    assert found["y"] == ("A", 1.0, "gold")
    assert set(found) == {"v", "w", "y", "z"}
    assert training_set.probs[0].tolist() == [0.0, 1.0]


def test_rows_below_the_least_probability_are_left_out_but_a_persons_never() -> None:
    gold = Gold.of(["w"], ["A"], SPACE)
    assert set(chosen(assemble(ROWS, LABELS, gold, min_probability=0.85))) == {"v", "w"}


def test_cells_stay_with_their_row() -> None:
    training_set = assemble(ROWS, LABELS)
    assert dict(zip(training_set.rows.ids.to_pylist(), training_set.rows.values("text"), strict=True)) == {
        "v": "one",
        "w": "two",
        "z": "five",
    }


def test_labels_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="same ids in the same order"):
        assemble(Rows.of(ROWS.table), LABELS)


def labelled(ids: list[str]) -> TrainingSet:
    rows = Rows.of(pa.table({"id": pa.array(ids, pa.string())}), "id")
    probs = np.tile([0.9, 0.1], (len(ids), 1))
    return assemble(rows, Labels(SPACE, rows.ids, probs, np.ones(len(ids), bool), "m"))


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=30), st.data())
def test_a_row_keeps_its_split_when_rows_come_and_go(ids: list[str], data: st.DataObject) -> None:
    whole = labelled(ids)
    fewer = labelled(data.draw(st.permutations(ids))[: len(ids) // 2])
    by_id = dict(zip(whole.rows.ids.to_pylist(), whole.split, strict=True))
    assert all(by_id[i] == s for i, s in zip(fewer.rows.ids.to_pylist(), fewer.split, strict=True))


def test_the_split_is_80_10_10() -> None:
    """Within 5 sigma of a binomial over 10,000 rows."""
    split = labelled([f"r{i}" for i in range(10_000)]).split
    for name, share in (("train", 0.8), ("valid", 0.1), ("test", 0.1)):
        assert abs(split.count(name) - 10_000 * share) < 5 * np.sqrt(10_000 * share * (1 - share))


def test_nothing_labelled_gives_an_empty_training_set() -> None:
    nobody = Labels(SPACE, ROWS.ids, LABELS.probs, np.zeros(5, bool), "m")
    empty = assemble(ROWS, nobody)
    assert (len(empty.rows), empty.labels.tolist(), empty.split) == (0, [], ())
    assert empty.probs.shape == (0, 2)


def test_an_empty_table_gives_an_empty_training_set() -> None:
    assert len(labelled([]).rows) == 0
