"""Content: texts and embeddings smooth the labels and extend them, and change nothing where they say nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from projects import quorate

from quorate import Gold, Labels, Votes, fuse
from quorate.content import with_content
from quorate.features import FOLDS, Features

WORDS = (("refund", "broken", "late", "rude", "awful"), ("lovely", "thanks", "perfect", "quick", "great"))
NAMES = ("BAD", "GOOD")


def reviews(n: int, seed: int = 0, coverage: float = 0.6, right: float = 0.8) -> tuple[Votes, list[str], Any]:
    """Votes of three voters that are right as often as told, texts that tell the label, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    texts = [" ".join(rng.choice(WORDS[y], 3)) + f" order {i}" for i, y in enumerate(truth)]
    matrix = np.where(rng.random((n, 3)) < right, truth[:, None], 1 - truth[:, None])
    matrix[rng.random(n) > coverage] = -1
    return Votes.of(matrix, NAMES), texts, truth


def share_right(labels: Labels, truth: Any) -> float:
    return float((labels.hard == truth).mean())


def test_texts_mend_labels_and_reach_rows_without_votes() -> None:
    votes, texts, truth = reviews(600)
    alone, after = fuse(votes), fuse(votes, features=texts)
    assert after.model == "quorum+content"
    assert alone.model == "quorum"
    assert not alone.covered.all()
    assert after.covered.all()
    assert share_right(after, truth) > 0.97
    covered = alone.covered
    assert (after.hard == truth)[covered].mean() > (alone.hard == truth)[covered].mean() + 0.03


def test_embeddings_do_what_texts_do() -> None:
    votes, _, truth = reviews(600, seed=1)
    rng = np.random.default_rng(2)
    embeddings = rng.normal(size=(600, 8))
    embeddings[:, 3] += 4 * truth
    after = fuse(votes, features=embeddings)
    assert share_right(after, truth) > 0.93


def test_a_row_without_embedding_keeps_what_the_votes_say() -> None:
    votes, _, truth = reviews(300, seed=3)
    embeddings = np.random.default_rng(4).normal(size=(300, 4)) + 3 * truth[:, None]
    embeddings[:20] = np.nan
    alone, after = fuse(votes), fuse(votes, features=embeddings)
    np.testing.assert_array_equal(after.probs[:20], alone.probs[:20])
    np.testing.assert_array_equal(after.covered[:20], alone.covered[:20])


def test_settled_rows_keep_their_label_and_teach_the_rest() -> None:
    votes, texts, truth = reviews(400, seed=5, right=0.7)
    wrong = Gold(("0", "1"), (1 - truth[:2]).astype(np.int16))
    after = fuse(votes, gold=wrong, features=texts)
    np.testing.assert_array_equal(after.probs[:2], np.eye(2)[1 - truth[:2]])
    silent = Votes.of(np.full((400, 2), -1), NAMES)
    gold = Gold(tuple(map(str, range(100))), truth[:100].astype(np.int16))
    assert share_right(fuse(silent, gold=gold, features=texts), truth) > 0.95


def test_content_that_says_nothing_changes_no_probability() -> None:
    votes, _, _ = reviews(400, seed=6)
    alone = fuse(votes)
    noise = np.random.default_rng(7).normal(size=(400, 5))
    for features in (np.ones((400, 3)), [""] * 400, [None] * 400, noise):
        after = fuse(votes, features=features)
        assert np.abs(after.probs - alone.probs)[alone.covered].max() < 0.35
        assert (after.hard == alone.hard)[alone.covered].mean() > 0.97
    np.testing.assert_array_equal(fuse(votes, features=[""] * 400).probs, alone.probs)


def test_too_few_rows_to_learn_from_leave_the_votes_alone() -> None:
    votes, texts, _ = reviews(12, seed=8)
    np.testing.assert_array_equal(fuse(votes, features=texts).probs, fuse(votes).probs)
    empty = Votes.of(np.zeros((0, 2), np.int16), NAMES)
    assert len(fuse(empty, features=[])) == 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), classes=st.integers(2, 5))
def test_probabilities_sum_to_one_and_the_global_generator_rests(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    votes = Votes.of(rng.integers(-1, classes, (60, 3)), [f"label_{y}" for y in range(classes)])
    embeddings = rng.normal(size=(60, 3))
    before, given_embeddings = np.random.get_state(legacy=False)["state"]["key"].copy(), embeddings.copy()
    after = fuse(votes, features=embeddings)
    np.testing.assert_allclose(after.probs.sum(axis=1), 1.0)
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], before)
    np.testing.assert_array_equal(embeddings, given_embeddings)
    np.testing.assert_array_equal(fuse(votes, features=embeddings).probs, after.probs)


def test_the_order_of_the_rows_does_not_matter() -> None:
    votes, texts, truth = reviews(200, seed=9)
    order = np.random.default_rng(10).permutation(200)
    turned = Votes.of(votes.matrix[order], NAMES, ids=order)
    embeddings = np.random.default_rng(11).normal(size=(200, 4)) + truth[:, None]
    for features, shuffled, close in (
        (embeddings, embeddings[order], 1e-3),
        (texts, [texts[i] for i in order], 5e-2),
    ):
        first, second = fuse(votes, features=features), fuse(turned, features=shuffled)
        np.testing.assert_allclose(second.probs, first.probs[order], atol=close)


def test_the_same_content_is_in_the_same_fold() -> None:
    features = Features.of(["one two", "three four", "one two", "five", None, ""] * 4)
    assert len(set(features.fold[[0, 2, 6, 8]])) == 1
    assert features.fold[4] == features.fold[5]
    assert features.fold.max() < FOLDS
    assert not features.speaks[[4, 5]].any()


def test_features_that_do_not_fit_are_told() -> None:
    votes, texts, _ = reviews(30)
    with pytest.raises(ValueError, match="30 rows of votes, but 29 rows of features"):
        fuse(votes, features=texts[:29])
    with pytest.raises(ValueError, match="features are texts, one a row, or numbers"):
        with_content(fuse(votes), list(range(30)))


def project(folder: Path, content: str) -> Path:
    votes, texts, truth = reviews(200, seed=12, coverage=0.7, right=0.85)
    rows = ["id,said,x,y,gold,v0,v1,v2"]
    for i, (text, y, row) in enumerate(zip(texts, truth, votes.matrix.tolist(), strict=True)):
        cast = ",".join("" if v < 0 else NAMES[v] for v in row)
        rows.append(f"{i},{text},{y + i % 7 / 10},{i % 3},{NAMES[y]},{cast}")
    (folder / "rows.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    functions = "\n".join(f"@labeling_function()\ndef rule_{j}(v{j}):\n    return v{j} or None\n" for j in range(3))
    (folder / "rules.py").write_text(f"from quorate import labeling_function\n\n{functions}", encoding="utf-8")
    (folder / "quorate.toml").write_text(
        'rules = ["rules.py"]\n[data]\npath = "rows.csv"\nid = "id"\n[labels]\nBAD = ""\nGOOD = ""\n'
        f'[gold]\ncolumn = "gold"\n{content}',
        encoding="utf-8",
    )
    return folder


@pytest.mark.parametrize("content", ['[content]\ncolumn = "said"\n', '[content]\nembeddings = ["x", "y"]\n'])
def test_a_project_asks_for_content_and_its_report_tells_both_accuracies(tmp_path: Path, content: str) -> None:
    found = quorate("run", project(tmp_path, content), "--json").json
    assert found["label_model"]["name"] == "quorum+content"
    assert found["content"]["extended"] > 20
    assert found["accuracy"] > found["content"]["accuracy_votes_only"] + 0.05


def test_a_project_without_content_says_nothing_of_it(tmp_path: Path) -> None:
    found = quorate("run", project(tmp_path, ""), "--json").json
    assert found["content"] is None
    assert found["label_model"]["name"] == "quorum"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[content]\ncolumn = "sayd"\n', "there is no column 'sayd'"),
        ('[content]\nembeddings = ["said"]\n', "column 'said' must hold numbers"),
        ('[content]\ncolumn = "gold"\n', "there is no column 'gold'"),
        ("[content]\n", "names either column"),
        ('[content]\ncolum = "said"\n', "there is no such key"),
    ],
)
def test_content_that_is_not_there_is_told_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    failed = quorate("run", project(tmp_path, content), "--json").json
    assert failed["schema"] == "quorate.error/1"
    assert any(said in problem and "quorate.toml:1" in problem for problem in map(str, failed["problems"]))
