"""quorate train: no model is judged on what it saw, the worth in gold is right, and the kept model is honest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from projects import REPOSITORY, needs, quorate, quorate_on_a_terminal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from taught_rows import TOML, comments, write_taught

from quorate import Gold, LabelSpace, Rows, Votes, fuse, open_project, run
from quorate.classifiers import fitting_temperature, tempered
from quorate.end_model import Wanted, train
from quorate.errors import PluginError, QuorateError, TableError
from quorate.estimating.estimates import Estimated
from quorate.kept_model import read_model
from quorate.sources.model import EndModel
from quorate.training.inputs import Numbers, Reading, Texts
from quorate.training.judging import (
    FOLDS,
    Judges,
    OfLabel,
    Score,
    better_elsewhere,
    difference,
    folds,
    left_out,
    scored,
)
from quorate.training.learner import Learner, Lesson
from quorate.training.lessons import Lessons
from quorate.training.report import Judged, advice, sentence
from quorate.training.worth import Curve, Relation, Worth, accuracy, learning_curve, measured, worth
from quorate.training_sets.duplicates import near_duplicates
from quorate.values import Labels

QUICK = Wanted(weigh_worth=False)
WEAK = "these 12,000 weak labels are worth"


def judges_of(truth: Any, fold: Any = None, cluster: Any = None, k: int = 2) -> Judges:
    truth = np.asarray(truth, np.int16)
    n = len(truth)
    return Judges(
        truth,
        (truth >= 0).astype(np.float64),
        np.arange(n) if cluster is None else np.asarray(cluster),
        np.arange(n) % FOLDS if fold is None else np.asarray(fold),
        k,
    )


def one_hot(labels: Any, k: int = 2) -> Any:
    return np.eye(k)[np.asarray(labels)]


def texts_and_truth(n: int, seed: int = 0, noise: float = 0.1) -> tuple[list[str], Any]:
    rows = comments(n, seed, noise)
    return [text for _, text, _ in rows], np.array([("HAM", "SPAM").index(label) for *_, label in rows])


# ---- what a model reads and learns -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reads", ["words", "pieces", "words+pieces"])
@pytest.mark.parametrize("dimensions", [0, 5])
def test_the_kept_pipeline_says_what_the_trained_model_says(reads: Reading, dimensions: int) -> None:
    texts, truth = texts_and_truth(60)
    inputs = Texts.of(texts, reads)
    model = Learner(dimensions=dimensions).fit(inputs, Lesson.of(one_hot(truth), np.arange(60) < 40))
    rows = np.arange(60)
    np.testing.assert_allclose(model.pipeline.predict_proba(texts), model.probabilities(rows), atol=1e-9)


def test_the_kept_pipeline_of_numbers_says_what_the_trained_model_says() -> None:
    table = np.random.default_rng(0).normal(size=(50, 3))
    table[3, 1] = np.nan
    model = Learner().fit(Numbers(table), Lesson.of(one_hot((table[:, 0] > 0).astype(int)), np.arange(50)))
    np.testing.assert_allclose(model.pipeline.predict_proba(table), model.probabilities(np.arange(50)), atol=1e-9)


def test_a_model_knows_no_word_of_rows_that_it_did_not_learn_from() -> None:
    texts, truth = texts_and_truth(40)
    others = [*texts[:30], *(f"{text} unheard" for text in texts[30:])]
    lesson = Lesson.of(one_hot(truth), np.arange(40) < 30)
    seen = np.arange(30)
    here, there = (Learner().fit(Texts.of(t), lesson).probabilities(seen) for t in (texts, others))
    np.testing.assert_array_equal(here, there)


def test_probabilities_teach_as_rows_repeated_by_their_probability_do() -> None:
    table = np.random.default_rng(1).normal(size=(80, 2))
    probs = np.stack([1 / (1 + np.exp(table[:, 0])), 1 / (1 + np.exp(-table[:, 0]))], axis=1).round(1)
    # Scaled by hand, as the learner scales.
    values = (table - table.mean(axis=0)) / table.std(axis=0)
    times = np.rint(10 * probs).astype(int)
    repeated = np.repeat(np.concatenate([values, values]), np.concatenate([times[:, 0], times[:, 1]]), axis=0)
    labels = np.repeat([0, 1], times.sum(axis=0))
    # Ten times the rows, a tenth of the weight of each.
    expected = LogisticRegression(C=0.3, tol=1e-8).fit(repeated, labels).predict_proba(values)
    model = Learner(params={"C": 3.0, "tol": 1e-8}).fit(Numbers(table), Lesson.of(probs, np.arange(80)))
    np.testing.assert_allclose(model.probabilities(np.arange(80)), expected, atol=1e-3)


def test_a_lesson_of_one_label_makes_a_model_that_always_says_it() -> None:
    model = Learner().fit(Texts.of(["a b", "c d", "e f"]), Lesson.of(one_hot([1, 1, 1]), np.arange(2)))
    assert model.probabilities(np.arange(3)).tolist() == [[0.0, 1.0]] * 3


# ---- judging ---------------------------------------------------------------------------------------------------------


def test_a_model_that_memorises_is_no_better_than_chance_on_labels_that_mean_nothing() -> None:
    texts, _ = texts_and_truth(300)
    # Every text stands there three times, written a little differently: near-duplicates would give the answer away.
    texts = [*texts, *(text.upper() for text in texts), *(f"{text}!!" for text in texts)]
    truth = np.tile(np.random.default_rng(3).integers(2, size=300), 3)
    clusters = near_duplicates(texts)
    judges = judges_of(truth, folds([str(i) for i in range(900)], clusters), clusters)
    learner = Learner("DecisionTreeClassifier")
    found = left_out(learner, Texts.of(texts, "words"), judges.fold, lambda seen: Lesson.of(one_hot(truth), seen))
    assert found is not None
    accuracy = scored(judges, found.probs.argmax(axis=1)).accuracy
    assert accuracy.low < 0.5 < accuracy.high
    # Three copies tell no more than one.
    assert accuracy.high - accuracy.low > 0.1


def test_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, given = rng.integers(3, size=200), rng.integers(3, size=200)
    score = scored(judges_of(truth, k=4), given)
    assert score.accuracy.value == pytest.approx((truth == given).mean())
    assert score.macro_f1.value == pytest.approx(f1_score(truth, given, average="macro"))
    assert score.accuracy.low < score.accuracy.value < score.accuracy.high
    assert score.labels[3].recall is None


def test_a_row_without_a_label_is_right_nowhere() -> None:
    assert scored(judges_of([0, 1] * 30), np.full(60, -1)).accuracy.value == 0


def test_95_percent_intervals_hold_the_truth_about_so_often() -> None:
    rng = np.random.default_rng(5)
    held = []
    for _ in range(200):
        right = np.repeat(rng.random(60) < 0.85, 2)
        accuracy = scored(judges_of(np.zeros(120, int), cluster=np.arange(120) // 2), np.where(right, 0, 1)).accuracy
        held.append(accuracy.low <= 0.85 <= accuracy.high)
    assert np.mean(held) > 0.9


def test_a_difference_is_paired() -> None:
    truth = np.random.default_rng(0).integers(2, size=400)
    good, better = truth.copy(), truth.copy()
    good[:40] = 1 - good[:40]
    better[:20] = 1 - better[:20]
    found = difference(judges_of(truth), better, good)
    assert found.value == pytest.approx(0.05)
    assert found.low > 0.02
    assert difference(judges_of(truth), good, good).high == 0


def test_the_choice_of_a_model_does_not_hang_on_the_gold_that_judges_it() -> None:
    texts, truth = texts_and_truth(200, noise=0.3)
    inputs, judges = Texts.of(texts, "words"), judges_of(truth)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(200) < 0.3, 1 - truth, truth)
    found = [
        left_out(Learner(), inputs, judges.fold, lambda seen, y=labels: Lesson.of(one_hot(y), seen))  # type: ignore[misc]
        for labels in (noisy, truth)
    ]
    both = [trained for trained in found if trained is not None]
    chosen, is_second = better_elsewhere(judges, both[0], both[1])
    assert is_second
    for held in range(FOLDS):
        here = judges.fold == held
        other = replace(judges, truth=np.where(here, 1 - judges.truth, judges.truth).astype(np.int16))
        np.testing.assert_array_equal(better_elsewhere(other, *both)[0].probs[here], chosen.probs[here])


def test_no_label_knows_of_gold_that_may_not_be_seen() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.integers(-1, 2, (300, 4))
    votes, space = Votes.of(matrix, ["HAM", "SPAM"]), LabelSpace(("HAM", "SPAM"))
    seen = np.arange(300) % 5 != 0

    def labels(truth: Any) -> Labels:
        gold = Gold(tuple(votes.ids.to_pylist()), truth)
        lessons = Lessons(
            votes, fuse(votes, gold=gold), lambda known: fuse(votes, gold=known), truth, truth, np.ones(300, bool)
        )
        return lessons.labels_seeing(seen)

    truth = rng.integers(2, size=300).astype(np.int16)
    other = np.where(seen, truth, 1 - truth).astype(np.int16)
    assert len(space) == 2
    np.testing.assert_array_equal(labels(truth).probs, labels(other).probs)


# ---- worth -----------------------------------------------------------------------------------------------------------


def curve_of(sizes: list[int], judged: int, a: float, b: float, c: float) -> Curve:
    """Models whose errors follow the power law, on rows drawn at random."""
    rng = np.random.default_rng(0)
    return Curve(np.array(sizes), tuple(rng.random((10, judged)) >= a + b * n**-c for n in sizes))


def judged(name: str, accuracy: float, rows: float, recalls: tuple[float, float] = (0.9, 0.9)) -> Judged:
    estimate = Estimated(accuracy, accuracy - 0.02, accuracy + 0.02, 500)
    labels = tuple(OfLabel(250, recall, recall, recall) for recall in recalls)
    return Judged(name, rows, Score(estimate, estimate, labels))


@pytest.mark.parametrize(
    ("lead", "worthy", "said"),
    [
        (
            Estimated(0.04, 0.01, 0.07, 500),
            Worth("about", 913, 702, 1_180, is_extrapolated=True),
            f"{WEAK} about 910 gold ones (95 %: 700 to 1,200, beyond what was measured): the 150 gold rows alone do "
            "less well (90.0% against 86.0%)",
        ),
        (
            Estimated(0.04, 0.01, 0.07, 500),
            Worth("at least", 702, 702, None),
            f"{WEAK} at least 700 gold ones (95 %; the other end cannot be told): the 150 gold rows alone do less well "
            "(90.0% against 86.0%)",
        ),
        (
            Estimated(-0.01, -0.03, 0.01, 500),
            Worth("at most", 140, None, 140),
            f"the 150 gold rows alone do as well (90.0% against 86.0%): {WEAK} at most 140 gold ones (95 %; the other "
            "end cannot be told)",
        ),
        (
            Estimated(-0.01, -0.03, 0.01, 500),
            Worth("unknown", 150, None, None),
            "what these 12,000 weak labels are worth in gold ones cannot be told from 150 (90.0% against 86.0%)",
        ),
        (
            Estimated(0.04, 0.01, 0.07, 500),
            Worth("more than", 150, 150, None),
            f"{WEAK} more than all 150 gold rows there are to learn from (90.0% against 86.0%)",
        ),
        (
            Estimated(-0.3, -0.4, -0.2, 500),
            Worth("fewer than", 10, None, None),
            f"the 150 gold rows alone do better (90.0% against 86.0%): {WEAK} fewer than 10 gold ones",
        ),
    ],
)
def test_the_verdict_says_what_was_measured(lead: Estimated, worthy: Worth, said: str) -> None:
    found = {"weak": judged("weak", 0.9, 12_000), "gold": judged("gold", 0.86, 150)}
    assert sentence(found, worthy, lead, 150) == said


def test_what_would_help_is_what_was_measured_and_nothing_where_labels_do_better() -> None:
    found = {
        "weak": judged("weak", 0.8, 1_000, (0.9, 0.5)),
        "gold": judged("gold", 0.85, 150, (0.85, 0.85)),
        "together": judged("together", 0.88, 1_000),
    }
    behind, ahead = Estimated(-0.05, -0.08, -0.02, 500), Estimated(0.05, 0.02, 0.08, 500)
    told = list(advice(found, behind, 0.2, ("HAM", "SPAM"), anchored=False))
    assert any("88.0% in place of 80.0%" in line for line in told)
    assert any("20% of the rows have no vote" in line for line in told)
    assert [line for line in told if "is found in" in line] == [
        "SPAM is found in 50% of its rows, by gold alone in 85%: rules for it"
    ]
    assert list(advice(found, ahead, 0.2, ("HAM", "SPAM"), anchored=False)) == []


@pytest.mark.parametrize("rows", [60, 200, 700])
def test_the_worth_is_where_the_curve_meets_the_labels(rows: int) -> None:
    judged = 20_000
    curve = curve_of([10, 20, 40, 80, 160, 320, 640], judged, 0.05, 1.2, 0.5)
    given = (np.random.default_rng(1).random(judged) < 0.05 + 1.2 * rows**-0.5).astype(int)
    found = worth(curve, judges_of(np.zeros(judged, int)), given)
    assert found.relation == "about"
    assert found.rows == pytest.approx(rows, rel=0.3)
    assert found.is_extrapolated == (rows > 640)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= rows <= found.high


@pytest.mark.parametrize("rows", [100, 400, 1_000])
def test_where_the_curve_is_flat_only_an_end_that_holds_is_said(rows: int) -> None:
    """Errors fall from 3.0 % at 20 rows to 2.2 % at 640: 2,000 rows to judge by cannot tell where they are 2.3 %."""
    sizes, judged = [20, 40, 80, 160, 320, 640], 2_000
    curve = curve_of(sizes, judged, 0.02, 0.045, 0.5)
    given = (np.random.default_rng(rows).random(judged) < 0.02 + 0.045 * rows**-0.5).astype(int)
    found = worth(curve, judges_of(np.zeros(judged, int)), given)
    assert found.relation != "about"
    if found.relation == "at least":
        assert found.low == found.rows <= rows
    elif found.relation == "at most":
        assert found.high == found.rows >= rows
    else:
        assert found.relation == "unknown"


def test_the_worth_is_not_told_where_it_cannot_be() -> None:
    judged = 5_000
    curve, judges = curve_of([10, 40, 160], judged, 0.05, 1.2, 0.5), judges_of(np.zeros(judged, int))
    perfect, poor = np.zeros(judged, int), (np.arange(judged) % 2)
    assert worth(curve, judges, perfect).relation == "more than"
    assert worth(curve, judges, perfect).rows == 160
    assert worth(curve, judges, poor).relation == "fewer than"


def test_the_worth_from_half_of_the_gold_is_that_of_models_on_all_of_it() -> None:
    texts, truth = texts_and_truth(800, noise=0.2)
    judges, inputs, learner = judges_of(truth), Texts.of(texts, "words"), Learner()
    # Labels that are as often right as models on 60 gold rows, which have been drawn from all.
    target = accuracy(measured(learner, inputs, judges, 60, seed=5), judges)
    given = np.where(np.random.default_rng(0).permutation(800) < round(800 * target), truth, 1 - truth)
    half = np.random.default_rng(0).random(800) < 0.5
    curve = learning_curve(learner, inputs, judges, target, half)
    assert curve is not None
    found = worth(curve, judges, given)
    assert found.relation == "about"
    assert found.rows == pytest.approx(60, rel=0.3)


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A project, and what `train` said of it."""
    folder = write_taught(tmp_path_factory.mktemp("train") / "project")
    ended = quorate("train", folder, "--json")
    assert ended.code == 0, ended.err
    return folder, ended.json


def test_train_tells_of_all_contenders_on_the_same_gold(trained: tuple[Path, Any]) -> None:
    _, told = trained
    assert told["schema"] == "quorate.train/1"
    assert {entry["name"] for entry in told["contenders"]} == {"labels", "weak", "hard", "soft", "majority", "gold"}
    assert {entry["accuracy"]["rows"] for entry in told["contenders"]} == {200}
    weak = next(entry for entry in told["contenders"] if entry["name"] == "weak")
    assert weak["accuracy"]["value"] > 0.8
    assert told["worth"]["relation"] in get_args(Relation)
    assert "weak labels" in told["verdict"]


def test_train_says_what_it_does(tmp_path: Path) -> None:
    heard: list[str] = []
    train(open_project(write_taught(tmp_path / "project")), Wanted(), heard.append)
    assert heard[0] == "reading what the sources said"
    assert [doing for doing in heard if doing.startswith("training")] == [
        "training a model on the most probable",
        "training a model on probabilities",
        "training a model on majority vote",
        "training a model on gold rows alone",
    ]
    assert any(doing.startswith("learning curve: models on 10 gold rows") for doing in heard)
    assert heard[-1] == "keeping the model"


def test_on_a_terminal_train_and_errors_show_what_they_do_and_elsewhere_nothing(tmp_path: Path) -> None:
    folder = write_taught(tmp_path / "project", n=60)
    shown = quorate_on_a_terminal("train", folder, "--no-worth", "--json")
    assert json.loads(shown.out)["schema"] == "quorate.train/1"
    assert "training a model" in shown.err
    shown = quorate_on_a_terminal("errors", folder, "--json")
    assert json.loads(shown.out)["schema"] == "quorate.errors/1"
    assert "models learn the labels of other rows: 3 times over" in shown.err
    assert quorate("train", folder, "--no-worth").err == ""
    assert quorate("errors", folder).err == ""


def test_training_twice_says_the_same_to_the_byte(trained: tuple[Path, Any], tmp_path: Path) -> None:
    folder, told = trained
    again = quorate("train", folder, "--json", "--out", tmp_path)
    assert json.dumps(again.json | {"files": []}) == json.dumps(told | {"files": []})
    for name in ("README.md", "model.json"):
        assert (tmp_path / name).read_bytes() == (folder / ".quorate" / "model" / name).read_bytes()


def test_the_card_says_what_the_model_is(trained: tuple[Path, Any]) -> None:
    folder, told = trained
    card = (folder / ".quorate" / "model" / "README.md").read_text("utf-8")
    weak = next(entry for entry in told["contenders"] if entry["name"] == "weak")
    for part in (
        "LogisticRegression",
        "HAM, SPAM",
        f"{weak['accuracy']['value']:.1%}",
        told["model"]["trained"]["sha256"],
    ):
        assert part in card
    assert "| SPAM |" in card


def test_the_kept_model_votes_in_the_next_run(trained: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = trained
    more = f'\n[[sources]]\nkind = "model"\nname = "end_model"\npath = "{(folder / ".quorate" / "model").as_posix()}"\n'
    done = run(open_project(write_taught(tmp_path / "next", more=more)))
    source = next(entry for entry in done.report["sources"] if entry["name"] == "end_model")
    assert source["coverage"] > 0.9
    assert source["gold_accuracy"] > 0.8


def test_a_kept_model_does_not_repeat_what_it_was_taught(tmp_path: Path) -> None:
    """Gold that means nothing: a model that memorises would repeat all of it on its own rows."""
    folder = write_taught(tmp_path / "project")
    frame = pd.read_csv(folder / "rows.csv")
    frame["gold"] = np.random.default_rng(0).permutation(frame["gold"])
    frame.to_csv(folder / "rows.csv", index=False)
    place = tmp_path / "model"
    train(open_project(folder), replace(QUICK, on="gold", estimator="DecisionTreeClassifier", out=place))
    source = EndModel("kept", place, min_confidence=0)
    votes = source.vote(Rows.of(frame, "id"), LabelSpace(("HAM", "SPAM"))).labels
    truth = (frame["gold"] == "SPAM").to_numpy()
    assert abs(float((votes == truth).mean()) - 0.5) < 0.12
    assert float((read_model(place).models.whole.predict(frame["text"].tolist()) == truth).mean()) > 0.95


def test_a_handful_of_gold_rows_labels_the_rest(tmp_path: Path) -> None:
    folder = write_taught(tmp_path / "project", gold=60)
    place = tmp_path / "model"
    told = train(open_project(folder), replace(QUICK, on="gold", out=place))
    assert told["model"]["trained"]["rows"] == 60
    rows = comments(200)[60:]
    frame = pd.DataFrame({"text": [text for _, text, _ in rows]})
    votes = EndModel("kept", place).vote(Rows.of(frame), LabelSpace(("HAM", "SPAM"))).labels
    assert np.mean([vote == ("HAM", "SPAM").index(label) for vote, (*_, label) in zip(votes, rows, strict=True)]) > 0.85
    assert "together" in {entry["name"] for entry in told["contenders"]}


def test_without_gold_a_model_is_kept_and_nothing_is_judged(tmp_path: Path) -> None:
    folder = write_taught(tmp_path / "project", toml=TOML.partition("[gold]")[0])
    told = train(open_project(folder), replace(QUICK, out=tmp_path / "model"))
    assert told["contenders"] == []
    assert "nothing was judged" in told["warnings"][0]
    assert "Nothing was measured" in (tmp_path / "model" / "README.md").read_text("utf-8")


def test_gold_that_anchors_is_held_out_of_the_labels_it_judges(tmp_path: Path) -> None:
    folder = write_taught(tmp_path / "project", toml=TOML.replace("evaluate", "anchor"))
    told = train(open_project(folder), QUICK)
    labels = next(entry for entry in told["contenders"] if entry["name"] == "labels")
    assert 0.5 < labels["accuracy"]["value"] < 0.99


def test_rows_without_texts_are_read_as_numbers(tmp_path: Path) -> None:
    folder = write_taught(tmp_path / "project")
    frame = pd.read_csv(folder / "rows.csv")
    rng = np.random.default_rng(0)
    frame["a"] = rng.normal(size=200) + 2 * (frame["gold"] == "SPAM")
    frame["b"] = rng.normal(size=200)
    frame.drop(columns="text").to_csv(folder / "rows.csv", index=False)
    (folder / "rules.py").write_text(
        "from quorate import labeling_function\n\n\n@labeling_function()\ndef large(a):\n"
        '    return "SPAM" if a > 1.5 else "HAM" if a < 0.5 else None\n'
    )
    (folder / "quorate.toml").write_text(TOML.replace('text = "text"\n', ""))
    told = train(open_project(folder), replace(QUICK, out=tmp_path / "model"))
    assert told["model"]["columns"] == ["a", "b"]
    weak = next(entry for entry in told["contenders"] if entry["name"] == "weak")
    assert weak["accuracy"]["value"] > 0.75
    votes = EndModel("kept", tmp_path / "model").vote(Rows.of(frame), LabelSpace(("HAM", "SPAM")))
    assert (votes.labels >= 0).all()


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("MultinomialNB", {}),
        ("LinearSVC", {"C": 0.5}),
        ("KNeighborsClassifier", {"n_neighbors": 3}),
        ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 10}),
    ],
)
def test_any_classifier_of_scikit_learn_can_be_trained(tmp_path: Path, estimator: str, params: dict[str, Any]) -> None:
    folder = write_taught(tmp_path / "project")
    told = train(open_project(folder), replace(QUICK, estimator=estimator, params=params))
    weak = next(entry for entry in told["contenders"] if entry["name"] == "weak")
    assert weak["accuracy"]["value"] > 0.75
    assert any("takes no weights" in warning for warning in told["warnings"]) == (estimator == "KNeighborsClassifier")


def test_a_classifier_that_needs_dense_numbers_gets_them_by_dimensions(tmp_path: Path) -> None:
    folder = write_taught(tmp_path / "project", more='\n[train]\nestimator = "GaussianNB"\n')
    with pytest.raises(PluginError, match="dimensions = 300"):
        train(open_project(folder), QUICK)
    folder = write_taught(tmp_path / "dense", more='\n[train]\nestimator = "GaussianNB"\ndimensions = 20\n')
    assert train(open_project(folder), QUICK)["model"]["learner"]["dimensions"] == 20


def test_spacy_learns_alike_twice_and_can_be_kept(tmp_path: Path) -> None:
    needs("spacy")
    more = '\n[train]\nestimator = "quorate.sources.spacy.TextCategorizer"\nreads = "raw"\n'
    folder = write_taught(tmp_path / "project", n=120, more=more)
    told = train(open_project(folder), replace(QUICK, out=tmp_path / "model"))
    weak = next(entry for entry in told["contenders"] if entry["name"] == "weak")
    assert weak["accuracy"]["value"] > 0.75
    frame = pd.read_csv(folder / "rows.csv")
    votes = EndModel("kept", tmp_path / "model").vote(Rows.of(frame, "id"), LabelSpace(("HAM", "SPAM")))
    assert float((votes.labels == (frame["gold"] == "SPAM")).mean()) > 0.75
    again = train(open_project(folder), QUICK)
    assert again["contenders"] == told["contenders"]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"estimator": "LogisticRegresion"}, "no classifier 'LogisticRegresion'.*Did you mean 'LogisticRegression'"),
        ({"params": {"Q": 1}}, "LogisticRegression takes no parameter 'Q'"),
        ({"estimator": "nowhere.Classifier"}, "module 'nowhere' cannot be imported"),
        ({"estimator": "json.JSONDecoder"}, "is no class with fit, predict and get_params"),
        ({"min_probability": 1.0}, "there is nothing to learn from"),
    ],
)
def test_what_cannot_be_trained_is_named(tmp_path: Path, wanted: dict[str, Any], complaint: str) -> None:
    project = open_project(write_taught(tmp_path / "project"))
    with pytest.raises(QuorateError, match=complaint):
        train(project, replace(QUICK, **wanted))


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    project = open_project(write_taught(tmp_path / "project", more='\n[train]\ncolumns = ["txt"]\n'))
    with pytest.raises(TableError, match=r"no column 'txt'.*Did you mean 'text'"):
        train(project, QUICK)


def test_a_damaged_model_is_refused(trained: tuple[Path, Any], tmp_path: Path) -> None:
    place = tmp_path / "model"
    with pytest.raises(PluginError, match=r"no model\.json"):
        EndModel("kept", place).fingerprint()
    place.mkdir()
    for name in ("model.json", "model.joblib"):
        (place / name).write_bytes((trained[0] / ".quorate" / "model" / name).read_bytes())
    (place / "model.joblib").write_bytes(b"\x80" + (place / "model.joblib").read_bytes())
    with pytest.raises(PluginError, match="not the file that"):
        read_model(place)


# ---- calibration -----------------------------------------------------------------------------------------------------


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    true = rng.beta(2, 2, 5_000)
    labels = one_hot((rng.random(5_000) < true).astype(int))
    honest = np.stack([1 - true, true], axis=1)
    boasting = tempered(honest, 0.5)
    assert fitting_temperature(boasting, labels) == pytest.approx(2, rel=0.1)
    np.testing.assert_allclose(tempered(boasting, 2.0), honest, atol=1e-9)
    assert fitting_temperature(honest, labels) == pytest.approx(1, rel=0.1)


def test_the_bundled_comments_are_learned_from_their_rules() -> None:
    project = open_project(REPOSITORY / "labeling_functions" / "youtube_spam")
    told = train(project, QUICK)
    scores = {entry["name"]: entry["accuracy"] for entry in told["contenders"]}
    assert scores["weak"]["value"] > 0.94
    assert scores["gold"]["value"] - scores["weak"]["value"] < 0.03
    assert scores["weak"]["value"] >= scores["majority"]["value"]
