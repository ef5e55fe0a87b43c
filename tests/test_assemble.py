"""The training set: which rows are in it, with which label, weight and split."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate import Gold, Labels, LabelSpace, Rows, TrainingSet, Votes, assemble
from quorate.assemble import threshold
from quorate.errors import TableError
from quorate.training_sets.duplicates import near_duplicates

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
    """But for the two rows at most that the label lends to a split where chance left it without one."""
    whole = labelled(ids)
    fewer = labelled(data.draw(st.permutations(ids))[: len(ids) // 2])
    by_id = dict(zip(whole.rows.ids.to_pylist(), whole.split, strict=True))
    moved = [i for i, s in zip(fewer.rows.ids.to_pylist(), fewer.split, strict=True) if by_id[i] != s]
    assert len(moved) <= 4


def test_in_a_set_of_some_size_no_row_changes_its_split_when_rows_are_added() -> None:
    more = labelled([f"r{i}" for i in range(2_000)])
    few = labelled([f"r{i}" for i in range(500)])
    assert few.split == more.split[:500]


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


def planted(pairs: int) -> tuple[Rows, Labels]:
    """Texts of random words, and of the first `pairs` a twin that differs a little, all in random order."""
    rng = random.Random(11)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(3_000)]
    texts = {f"r{i}": " ".join(rng.choices(words, k=rng.randint(8, 30))) for i in range(4 * pairs)}
    twins = {f"twin of r{i}": twin(texts[f"r{i}"], i, rng) for i in range(pairs)}
    every = list((texts | twins).items())
    rng.shuffle(every)
    rows = Rows.of(pa.table({"id": [i for i, _ in every], "text": [text for _, text in every]}), "id")
    probs = np.random.default_rng(3).dirichlet([1, 1], len(rows))
    return rows, Labels(SPACE, rows.ids, probs, np.ones(len(rows), bool), "m")


def twin(text: str, i: int, rng: random.Random) -> str:
    words = text.split()
    match i % 6:
        case 0:
            return text
        case 1:
            return f"{text.upper()}!!!  "
        case 2:
            words[rng.randrange(len(words))] = "another"
        case 3:
            del words[rng.randrange(len(words))]
        case 4:
            words.insert(0, "RT")
        case _:
            j = rng.randrange(len(words) - 1)
            words[j], words[j + 1] = words[j + 1], words[j]
    return " ".join(words)


def test_of_a_thousand_planted_pairs_none_straddles_a_split() -> None:
    rows, labels = planted(1_000)
    made = assemble(rows, labels)
    split = dict(zip(made.rows.ids.to_pylist(), made.split, strict=True))
    leaks = [i for i in range(1_000) if split[f"r{i}"] != split[f"twin of r{i}"]]
    assert leaks == []
    assert set(split.values()) == {"train", "valid", "test"}


def test_texts_that_share_little_are_no_near_duplicates() -> None:
    rows, _ = planted(200)
    clusters = near_duplicates(rows.values("text"))
    assert len(set(clusters.tolist())) == len(rows) - 200


def test_a_label_with_few_rows_has_one_in_every_split() -> None:
    hard = np.array([1] * 5 + [0] * 200)
    rows = Rows.of(pa.table({"id": [f"r{i}" for i in range(205)]}), "id")
    made = assemble(rows, Labels(SPACE, rows.ids, np.eye(2)[hard] * 0.8 + 0.1, np.ones(205, bool), "m"))
    assert {s for s, y in zip(made.split, made.labels, strict=True) if y == 1} == {"train", "valid", "test"}


def test_with_balance_every_label_weighs_the_same_in_all() -> None:
    made = assemble(ROWS, LABELS, balance=True)
    total = [made.weights[made.labels == y].sum() for y in range(2)]
    assert total == pytest.approx([total[0]] * 2)
    assert sum(total) == pytest.approx(0.9 + 0.6 + 0.8)


def test_a_row_names_the_sources_that_voted_for_its_label() -> None:
    votes = Votes.of([[0, 1], [1, 1], [0, 1], [-1, -1], [-1, 1]], SPACE, ["one", "two"], list("vwxyz"))
    assert assemble(ROWS, LABELS, votes=votes).voters == (("one",), ("one", "two"), ("two",))


def test_what_is_left_out_is_counted_by_reason() -> None:
    assert list(assemble(ROWS, LABELS, min_probability=0.85).facts["left_out"].values()) == [1, 1, 2]


def graded(n: int = 200) -> tuple[Labels, Gold]:
    """Labels of falling probability; every label above 0.8 is right, below every other one."""
    ids = pa.array([f"r{i}" for i in range(n)])
    top = np.linspace(0.99, 0.51, n)
    truth = np.where((top > 0.8) | (np.arange(n) % 2 == 0), 0, 1)
    labels = Labels(SPACE, ids, np.stack([top, 1 - top], axis=1), np.ones(n, bool), "m")
    return labels, Gold(tuple(ids.to_pylist()), truth.astype(np.int16))


def test_the_threshold_for_a_precision_keeps_the_most_rows() -> None:
    labels, gold = graded()
    found = threshold(labels, gold, 0.9)
    kept = labels.probs[:, 0] >= found.probability
    assert found.precision >= 0.9
    assert found.gold_rows == kept.sum()
    assert (gold.labels[kept] == 0).mean() == pytest.approx(found.precision)
    assert found.low < found.precision < found.high
    assert found.probability < 0.8


def test_a_precision_out_of_reach_is_said_with_the_best_there_is() -> None:
    labels, gold = graded()
    wrong = Gold(gold.ids, (1 - gold.labels).astype(np.int16))
    with pytest.raises(TableError, match=r"no least probability .* 99\.0%.* the best is \d"):
        threshold(labels, wrong, 0.99)
    with pytest.raises(TableError, match="it takes 20 to tell"):
        threshold(labels, Gold(gold.ids[:5], gold.labels[:5]), 0.5)


def test_held_out_gold_and_its_near_duplicates_are_tested_on_and_never_trained_on() -> None:
    rows, labels = planted(300)
    at = [i for i, row_id in enumerate(rows.ids.to_pylist()) if row_id in {f"r{i}" for i in range(60)}]
    held = Gold(tuple(rows.ids[i].as_py() for i in at), np.ones(60, np.int16))
    made = assemble(rows, labels, held_out=held)
    of_row = {
        i: (split, SPACE.names[y], by)
        for i, split, y, by in zip(made.rows.ids.to_pylist(), made.split, made.labels, made.provenance, strict=True)
    }
    assert {of_row[i] for i in held.ids} == {("test", "B", "gold")}
    assert {of_row[f"twin of {i}"][0] for i in held.ids} == {"test"}
    assert set(made.split) == {"train", "valid", "test"}


def test_gold_of_most_rows_is_left_aside() -> None:
    rows, labels = planted(50)
    every = Gold(tuple(rows.ids.to_pylist()), np.ones(len(rows), np.int16))
    aside = assemble(rows, labels, held_out=every)
    assert set(aside.provenance) == {"votes"}
    assert aside.split == assemble(rows, labels).split


def test_a_cluster_that_is_a_large_part_of_its_label_is_trained_on() -> None:
    texts = [f"add the song {i} to my list" for i in range(40)]
    texts += ["".join(random.Random(i).choices("abcdefghijklmnop ", k=60)) for i in range(200)]
    for first in range(10):
        rows = Rows.of(pa.table({"id": [f"{first}-{i}" for i in range(240)], "text": texts}), "id")
        made = assemble(rows, Labels(SPACE, rows.ids, np.tile([0.9, 0.1], (240, 1)), np.ones(240, bool), "m"))
        assert set(made.split[:40]) == {"train"}
