"""scikit-learn classifiers as sources: what they learn from, and that no row is judged by a model that saw it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from projects import REPOSITORY, write_project
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from quorate import Gold, LabelSpace, Rows, Votes, apply, open_project, run
from quorate.errors import PluginError, QuorateError
from quorate.sources.sklearn import Classifier
from quorate.store import Store

SPACE = LabelSpace(("HAM", "SPAM"))
MEMORISING = [("DecisionTreeClassifier", {"random_state": 0}), ("KNeighborsClassifier", {"n_neighbors": 1})]


def rows_of(texts: Any) -> Rows:
    return Rows.of(pd.DataFrame({"text": pd.Series(texts, dtype=object)}))


def gold_of(labels: list[str | None], space: LabelSpace = SPACE) -> Gold:
    """Gold for the first rows."""
    return Gold.of(range(len(labels)), labels, space)


def vote(source: Classifier, rows: Rows, labels: list[str | None], space: LabelSpace = SPACE, **options: Any) -> Votes:
    return apply(rows, [source], space, gold=gold_of(labels, space), max_failure_share=1, **options)


def random_texts(n: int, seed: int = 0) -> list[str]:
    """Different texts of five words that say nothing about their labels."""
    words = np.random.default_rng(seed).choice([f"w{i}" for i in range(60)], (n, 5))
    return [f"{' '.join(row)} id{i}" for i, row in enumerate(words)]


def random_labels(n: int, seed: int = 1) -> list[str | None]:
    return ["SPAM" if y else "HAM" for y in np.random.default_rng(seed).permutation(n) % 2]


def share_right(votes: Votes, labels: list[str | None], part: slice = slice(None)) -> float:
    right = [vote != -1 and SPACE.names[vote] == y for vote, y in zip(votes.matrix[part, 0], labels[part], strict=True)]
    return float(np.mean(right))


# ---- learning --------------------------------------------------------------------------------------------------------


def test_a_handful_of_gold_rows_is_enough_to_vote_on_the_others() -> None:
    comments = pd.read_json(REPOSITORY / "labeling_functions/youtube_spam/data/comments.jsonl.gz", lines=True)
    comments = comments.sample(frac=1, random_state=0).reset_index(drop=True)
    votes = vote(Classifier("model"), Rows.of(comments), comments["label"][:60].tolist())
    truth = comments["label"].map(SPACE.index).to_numpy()
    assert votes.families == ("model",)
    assert (votes.matrix[60:, 0] == truth[60:]).mean() > 0.75


@pytest.mark.parametrize(("estimator", "params"), MEMORISING)
def test_votes_for_gold_rows_come_from_models_that_did_not_see_them(estimator: str, params: dict[str, Any]) -> None:
    """Labels are noise, so only a model that saw a row can know its label: it is right always, the others half the
    time."""
    texts, labels = random_texts(200), random_labels(200)
    source = Classifier("model", estimator, params=params, min_confidence=0)
    # The same words written otherwise: the same features, but no row that anything was learned from.
    elsewhere = [text.upper() + " !" for text in texts]
    votes = vote(source, rows_of([*texts, *elsewhere]), labels)
    assert share_right(votes, labels * 2, slice(200, 400)) == 1
    assert 0.3 < share_right(votes, labels, slice(200)) < 0.7


def test_a_copy_of_a_gold_row_does_not_give_its_label_away() -> None:
    texts, labels = random_texts(100), random_labels(100)
    source = Classifier("model", "KNeighborsClassifier", params={"n_neighbors": 1}, min_confidence=0)
    votes = vote(source, rows_of(texts * 2), labels * 2)
    assert share_right(votes, labels * 2) < 0.7


def test_votes_do_not_depend_on_how_the_rows_are_cut() -> None:
    texts, labels = random_texts(60), random_labels(40)
    whole, cut = (vote(Classifier("model"), rows_of(texts), labels, partition_rows=n) for n in (None, 7))
    assert whole.matrix.tolist() == cut.matrix.tolist()
    np.testing.assert_array_equal(whole.distributions["model"], cut.distributions["model"])


@pytest.mark.parametrize(
    ("estimator", "params"), [("RandomForestClassifier", {"n_estimators": 5}), ("DecisionTreeClassifier", {})]
)
def test_learning_twice_from_the_same_gold_gives_the_same_votes(estimator: str, params: dict[str, Any]) -> None:
    texts, labels = random_texts(60), random_labels(40)
    once, again = (vote(Classifier("m", estimator, params=params), rows_of(texts), labels) for _ in "12")
    np.testing.assert_array_equal(once.distributions["m"], again.distributions["m"])


def test_votes_that_were_kept_count_as_long_as_the_gold_stays(tmp_path: Path) -> None:
    rows, store = rows_of(random_texts(60)), Store(tmp_path)
    before, after = random_labels(40), random_labels(40, seed=2)
    for labels in (before, before, after, after[:30]):
        kept, fresh = vote(Classifier("m"), rows, labels, store=store), vote(Classifier("m"), rows, labels)
        np.testing.assert_array_equal(kept.distributions["m"], fresh.distributions["m"])
    assert len(list((tmp_path / "votes" / "m").iterdir())) == 3


# ---- too little gold -------------------------------------------------------------------------------------------------

THREE = LabelSpace(("HAM", "SPAM", "OTHER"))


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([None, None], "the project has no gold|0 gold rows"),
        (["HAM"] * 5, "at least two rows of each of two labels.*5 gold rows over 1 label"),
        (["HAM"] * 5 + ["SPAM"], "at least two rows.*'SPAM'"),
        (["HAM", "SPAM"] * 5 + ["OTHER"], "at least two rows.*'OTHER'"),
    ],
)
def test_too_few_gold_rows_are_an_error_that_says_what_is_missing(labels: list[str | None], complaint: str) -> None:
    with pytest.raises(PluginError, match=f"'model' learns from gold.*({complaint})"):
        vote(Classifier("model"), rows_of(random_texts(12)), labels, THREE)


def test_a_project_without_anchors_is_told_so_before_anything_votes() -> None:
    with pytest.raises(PluginError, match="'model' learns from gold rows, and the project has no gold to anchor on"):
        apply(rows_of(["a", "b"]), [Classifier("model")], SPACE)


def test_rows_of_a_label_that_all_say_the_same_are_one_row() -> None:
    """Equal texts share a fold, so the model of that fold would never meet the label."""
    texts = ["my channel", "my channel", *random_texts(6)]
    with pytest.raises(PluginError, match=r"'model' learns from gold.*'SPAM'"):
        vote(Classifier("model"), rows_of(texts), ["SPAM", "SPAM", *["HAM"] * 6])


@pytest.mark.parametrize("texts", [["", " ", None, "\t"], ["!", "?", ".", ","]])
def test_gold_rows_without_a_word_are_an_error_that_names_the_source(texts: list[str | None]) -> None:
    with pytest.raises(PluginError, match=r"'model'.*'text'"):
        vote(Classifier("model"), rows_of(texts), ["HAM", "HAM", "SPAM", "SPAM"])


# ---- fitted elsewhere ------------------------------------------------------------------------------------------------

TRAINING = ["my channel", "free money", "lovely song", "love it"]


def fitted(labels: list[Any]) -> Any:
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(TRAINING, labels)


def test_a_fitted_pipeline_votes_as_its_predict_does() -> None:
    model = fitted(["SPAM", "SPAM", "HAM", "HAM"])
    texts = ["a channel", "this song", "money money", "love"]
    votes = apply(rows_of(texts), [Classifier("model", model)], SPACE)
    assert [SPACE.names[v] for v in votes.matrix[:, 0]] == model.predict(texts).tolist()
    expected = model.predict_proba(texts)
    np.testing.assert_allclose(votes.distributions["model"], expected, atol=1e-4)


def test_it_abstains_below_its_confidence_on_ties_and_where_there_is_no_text() -> None:
    texts = ["my channel", "a channel or a song", "unknown words", None]
    model = fitted(["SPAM", "SPAM", "HAM", "HAM"])
    top = model.predict_proba([text or "" for text in texts]).max(axis=1)
    assert top[0] > 0.8 > top[1]
    votes = apply(rows_of(texts), [Classifier("model", model, min_confidence=0.8)], SPACE)
    assert votes.matrix[:, 0].tolist() == [1, -1, -1, -1]
    even = apply(rows_of(texts), [Classifier("model", model, min_confidence=0)], SPACE)
    assert even.matrix[2:, 0].tolist() == [-1, -1]


def test_classes_are_read_as_label_names_and_aliases() -> None:
    space = LabelSpace(("HAM", "SPAM"), aliases={"1": "SPAM", "0": "HAM"})
    votes = apply(rows_of(["my channel", "lovely song"]), [Classifier("model", fitted([1, 1, 0, 0]))], space)
    assert votes.matrix[:, 0].tolist() == [1, 0]


def test_classes_that_stand_for_one_label_add_up() -> None:
    model = fitted(["SPAM", "advert", "HAM", "HAM"])
    space = LabelSpace(("HAM", "SPAM"), aliases={"advert": "SPAM"})
    votes = apply(rows_of(TRAINING), [Classifier("model", model)], space)
    ham = model.predict_proba(TRAINING)[:, 0]
    np.testing.assert_allclose(votes.distributions["model"], np.column_stack([ham, 1 - ham]), atol=1e-4)


def test_a_class_that_is_no_label_is_named_before_anything_votes() -> None:
    model = fitted(["SPAMM", "SPAMM", "HAM", "HAM"])
    with pytest.raises(QuorateError, match=r"'model' votes for 'SPAMM'.*Did you mean 'SPAM'"):
        apply(rows_of(TRAINING), [Classifier("model", model)], SPACE)


def test_an_object_that_is_not_fitted_learns_from_gold() -> None:
    texts, labels = random_texts(100), random_labels(100)
    letters = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(3, 5)), LogisticRegression(C=1e6))
    votes = vote(Classifier("model", letters, min_confidence=0), rows_of([*texts, *(t + " " for t in texts)]), labels)
    assert share_right(votes, labels * 2, slice(100, 200)) > 0.95
    assert share_right(votes, labels * 2, slice(100)) < 0.7
    assert not hasattr(letters, "classes_"), "the caller's own object stays as it was"


# ---- mistakes, and in a project --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "params", "complaint"),
    [
        ("LogisticRegresion", {}, "no classifier 'LogisticRegresion'.*Did you mean 'LogisticRegression'"),
        ("LinearSVC", {}, "LinearSVC gives no probabilities"),
        ("SVC", {}, "SVC gives no probabilities"),
        ("OneVsRestClassifier", {}, "'model'.*missing.*'estimator'"),
        (LogisticRegression, {}, "LogisticRegression is a class"),
        (LogisticRegression(), {"C": 1}, "`params` are for an estimator given by name"),
        ("LogisticRegression", {"Q": 1}, "LogisticRegression takes no parameter 'Q'"),
        ("LogisticRegression", {"C": -1}, "'model'.*C"),
    ],
)
def test_an_estimator_that_cannot_work_is_named(estimator: Any, params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PluginError, match=complaint):
        vote(Classifier("model", estimator, params=params), rows_of(random_texts(20)), random_labels(20))


def test_a_fitted_object_without_probabilities_is_named() -> None:
    model = make_pipeline(TfidfVectorizer(), SVC()).fit(TRAINING, ["SPAM", "SPAM", "HAM", "HAM"])
    with pytest.raises(QuorateError, match=r"'model'.*no probabilities"):
        apply(rows_of(TRAINING), [Classifier("model", model)], SPACE)


TOML = """\
    [data]
    path = "rows.csv"
    id = "id"
    text = "text"
    [labels]
    HAM = "honest"
    SPAM = "advertising"
    [gold]
    column = "label"
    use = "anchor"
    [[sources]]
    kind = "sklearn"
    name = "model"
    estimator = "LogisticRegression"
    params = { C = 5.0 }
    """


ROWS = """\
id,text,label
0,my channel,SPAM
1,lovely song,HAM
2,free money,SPAM
3,love it,HAM
4,your channel,SPAM
5,a song,HAM
6,free channel,SPAM
7,lovely lovely,HAM
8,his channel,
9,more money,
10,lovely voice,
"""


def test_a_project_declares_a_classifier_that_learns_from_its_anchors(tmp_path: Path) -> None:
    finished = run(open_project(write_project(tmp_path, toml=TOML, rows=ROWS)))
    assert pd.read_parquet(finished.folder / "votes.parquet")["model"].tolist()[8:] == ["SPAM", "SPAM", "HAM"]


def test_an_unknown_estimator_of_a_project_is_named_with_its_line(tmp_path: Path) -> None:
    toml = TOML.replace('"LogisticRegression"', '"LogisticRegresion"')
    with pytest.raises(QuorateError, match=r"quorate.toml:11 sources.*Did you mean 'LogisticRegression'"):
        open_project(write_project(tmp_path, toml=toml, rows=ROWS))
