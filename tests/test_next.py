"""What to do next: planted faults are found, gains are what they say, and gold that measures is left alone."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import model_projects
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from projects import quorate
from wordy import FILLER, outlook_of, texts_of, wordy_project

from quorate import Gold, Labels, Rows, Votes, fuse, next_steps, open_project, rank
from quorate.loopback.server import Loopback
from quorate.rank import expected_gains
from quorate.steps.answers import rows_to_label
from quorate.steps.faults import rules_to_fix
from quorate.steps.outlook import Outlook
from quorate.steps.questions import gain_of_a_vote, rows_to_ask
from quorate.steps.removal import sources_to_drop
from quorate.steps.silence import rules_to_write
from quorate.steps.step import Step, in_order
from quorate.steps.texts import texts_to_hear

N = 400
Made = tuple[NDArray[Any], list[str], NDArray[np.int16]]


def sources(generator: np.random.Generator, truth: NDArray[Any], *accuracies: float) -> NDArray[Any]:
    """Two-sided votes, each right with its probability, on seven rows of ten."""
    right = np.stack([generator.random(len(truth)) < accuracy for accuracy in accuracies], axis=1)
    votes = np.where(right, truth[:, None], 1 - truth[:, None])
    return np.where(generator.random(votes.shape) < 0.7, votes, -1).astype(np.int16)


@pytest.fixture
def made() -> Made:
    generator = np.random.default_rng(7)
    truth = generator.integers(0, 2, N)
    return truth, texts_of(truth, generator), sources(generator, truth, 0.9, 0.85, 0.8, 0.85)


def test_the_order_is_by_gain_a_minute_and_money_counts_as_minutes() -> None:
    slow, quick = Step("fix", "slow", 10, "", 5.0), Step("label", "quick", 4, "", 1.0)
    paid, unpriced = Step("ask", "paid", 30, "", 0.0, usd=1.0), Step("ask", "unpriced", 1, "", 1.0, usd=None)
    assert [step.what for step in in_order([slow, unpriced, quick, paid], hour_usd=30)] == [
        "paid",
        "quick",
        "slow",
        "unpriced",
    ]
    assert paid.gain_a_minute(30) == pytest.approx(30 / 2)
    assert in_order([quick, paid], hour_usd=3)[0] is quick


def test_a_source_that_knows_nothing_is_to_be_dropped_and_good_ones_are_not(made: Made) -> None:
    _truth, texts, votes = made
    coin = np.random.default_rng(3).integers(0, 2, (N, 1)).astype(np.int16)
    outlook = outlook_of(np.hstack([votes, coin]), texts, sources=("a", "b", "c", "d", "coin"))
    dropped = {step.evidence["source"]: step for step in sources_to_drop(outlook)}
    assert "coin" in dropped
    assert not dropped.keys() & {"a", "b"}
    assert all(step.gain < 1 for name, step in dropped.items() if name != "coin")


def test_rows_that_no_source_speaks_of_are_named_by_their_words(made: Made) -> None:
    _truth, texts, votes = made
    parrots = np.random.default_rng(1).choice(N, 30, replace=False)
    votes = votes.copy()
    votes[parrots] = -1
    texts = [f"{text} parrot" if i in parrots else text for i, text in enumerate(texts)]
    steps = list(rules_to_write(outlook_of(votes, texts)))
    best = max(steps, key=lambda step: step.gain)
    assert "parrot" in best.evidence["words"]
    assert best.evidence["rows_with_words"] <= 30 + 8
    assert 0 < sum(step.gain for step in steps) < 30
    compile(best.code, "rules.py", "exec")


def test_a_rule_with_a_blind_spot_is_to_be_fixed_and_the_spot_is_shown(made: Made) -> None:
    truth, texts, votes = made
    texts = [f"{text} sale" if i % 8 == 0 else text for i, text in enumerate(texts)]
    wrong = np.where(np.arange(N) % 8 == 0, 1 - truth, truth)
    rule = np.where(truth == wrong, -1, wrong)
    rule = np.where((rule == -1) & (np.arange(N) % 3 == 0), truth, rule)[:, None].astype(np.int16)
    quiet = np.where((np.arange(N) % 8 == 0)[:, None], -1, votes).astype(np.int16)
    steps = list(rules_to_fix(outlook_of(np.hstack([quiet, rule]), texts, sources=("a", "b", "c", "d", "blind"))))
    best = max(steps, key=lambda step: step.gain)
    assert best.evidence["source"] == "blind"
    assert all("sale" in row["text"] for row in best.evidence["examples"])


def test_gold_on_a_rule_turns_what_is_expected_of_fixing_it(made: Made) -> None:
    _truth, texts, votes = made
    where = np.flatnonzero(votes[:, 0] >= 0)[:60]

    def expected(labels: NDArray[Any]) -> float:
        gold = Gold(tuple(str(i) for i in where), labels.astype(np.int16))
        outlook = outlook_of(votes, texts, sources=("a", "b", "c", "d"))
        taught = Outlook(outlook.rows, outlook.votes, outlook.labels, outlook.model, outlook.fitted, gold, "text")
        return next((s.gain for s in rules_to_fix(taught) if s.evidence["source"] == "a"), 0.0)

    assert expected(votes[where, 0]) < expected(1 - votes[where, 0])


@given(
    st.lists(st.floats(0.01, 1), min_size=2, max_size=4),
    st.floats(0.05, 0.95),
)
def test_the_gain_of_a_vote_is_what_asking_many_times_brings(weights: list[float], accuracy: float) -> None:
    belief = np.array([weights]) / sum(weights)
    k = len(weights)
    # Worked through answer by answer, in place of the closed form.
    reached = 0.0
    for said in range(k):
        joint = [belief[0, y] * (accuracy if y == said else (1 - accuracy) / (k - 1)) for y in range(k)]
        reached += sum(joint) * max(part / sum(joint) for part in joint)
    found = gain_of_a_vote(belief, belief.max(axis=1), accuracy)[0]
    assert found == pytest.approx(max(reached - belief.max(), 0), abs=1e-9)


def test_a_sure_source_settles_a_row_and_a_blind_one_changes_nothing() -> None:
    belief, right = np.array([[0.6, 0.4], [0.5, 0.5]]), np.array([0.6, 0.5])
    assert gain_of_a_vote(belief, right, 1.0) == pytest.approx([0.4, 0.5])
    assert gain_of_a_vote(belief, right, 0.5) == pytest.approx([0.0, 0.0])


def test_expected_gains_follow_the_queue_and_are_nothing_where_people_settled(made: Made) -> None:
    votes = Votes.of(made[2], ["HAM", "SPAM"])
    labels, gold = fuse(votes), Gold.of(["3", "5"], ["HAM", "SPAM"], votes.space)
    gains = expected_gains(votes, labels, gold)
    assert gains[[3, 5]].tolist() == [0, 0]
    position = rank(votes, labels, size=None, random_share=0, gold=gold).position
    assert all(gains[one] >= gains[other] - 1e-6 for one, other in pairwise(position.tolist()))


def test_labelling_expects_what_it_finds_on_votes_that_mean_what_they_say() -> None:
    generator = np.random.default_rng(5)
    truth = generator.integers(0, 2, 2000)
    outlook = outlook_of(sources(generator, truth, 0.7, 0.7, 0.7, 0.7, 0.7), [""] * 2000)
    outlook = Outlook(outlook.rows, outlook.votes, outlook.labels, outlook.model, outlook.fitted, None, "")
    step = next(rows_to_label(outlook, "p"))
    at = [int(row) for row in step.evidence["ids"]]
    wrong = np.mean(1 - outlook.labels.probs[at, truth[at]])
    assert np.mean(step.evidence["chance_of_wrong"]) == pytest.approx(wrong, abs=0.2)


def test_texts_are_worth_hearing_where_they_know_more_than_the_votes(made: Made) -> None:
    truth, texts, votes = made
    votes = np.where(np.random.default_rng(0).random(votes.shape) < 0.6, -1, votes).astype(np.int16)
    outlook = outlook_of(votes, texts)
    step = next(texts_to_hear(outlook))
    heard = (outlook.believed.argmax(axis=1) == truth).sum()
    given = outlook.labels.hard
    before = (given == truth).sum() + (given < 0).sum() / 2
    assert heard > before
    assert step.gain == pytest.approx(heard - before, abs=0.5 * (heard - before) + 10)


def test_nothing_stands_out_where_there_are_no_rows() -> None:
    outlook = outlook_of(np.zeros((0, 2), np.int16), [])
    assert not [*rules_to_write(outlook), *rows_to_label(outlook, "p"), *rules_to_fix(outlook)]
    assert not [*sources_to_drop(outlook), *rows_to_ask(outlook, {}, "p"), *texts_to_hear(outlook)]


def test_every_step_tells_what_to_do_why_and_at_what_price(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    found = quorate("next", folder, "--json").json
    assert found["schema"] == "quorate.next/1"
    rates = [step["gain_per_minute"] for step in found["steps"]]
    assert rates == sorted(rates, reverse=True)
    for step in found["steps"]:
        assert step["command"] or step["code"], step["what"]
        assert step["basis"]
        assert step["minutes"] > 0
        assert math.isfinite(step["gain"])
    assert {"accept", "label", "hear"} <= {step["kind"] for step in found["steps"]}
    assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert not (folder / ".quorate" / "runs").exists()
    assert [s.what for s in next_steps(open_project(folder))][: len(rates)] == [s["what"] for s in found["steps"]]


@pytest.mark.parametrize("command", ["next", "suggest"])
def test_gold_that_evaluates_is_not_looked_at_unless_told(tmp_path: Path, command: str) -> None:
    folder = wordy_project(tmp_path / "p")
    before, taught = quorate(command, folder, "--json").json, quorate(command, folder, "--json", "--learn-from-gold")
    rows = folder / "rows.csv"
    swap = {"HAM": "SPAM", "SPAM": "HAM"}
    lines = [line.rpartition(",") for line in rows.read_text().splitlines()]
    rows.write_text("\n".join(f"{head},{swap.get(label, label)}" for head, _, label in lines) + "\n")
    assert quorate(command, folder, "--json").json == before
    assert quorate(command, folder, "--json", "--learn-from-gold").json != taught.json


def test_a_step_learnt_from_gold_names_a_command_that_learns_from_it_too(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p")
    steps = quorate("next", folder, "--json", "--most", "50", "--learn-from-gold").json["steps"]
    accepted = next(step for step in steps if step["kind"] == "accept")
    program, *words = shlex.split(accepted["command"])
    assert program == "quorate"
    done = quorate(*words, "--json").json["accepted"]
    assert [one["name"] for one in done] == [accepted["evidence"]["name"]]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback({"model": lambda _, choices: dict.fromkeys(choices, 1 / len(choices))}) as running:
        yield running


def test_an_endpoint_is_asked_about_the_rows_where_it_helps_and_they_are_paid_once(
    tmp_path: Path, server: Loopback
) -> None:
    texts = {f"r{i}": f"row {i} {FILLER[i % len(FILLER)]}" for i in range(30)}
    folder = model_projects.write(tmp_path / "p", server, texts=texts)
    steps = {step["kind"]: step for step in quorate("next", folder, "--json").json["steps"]}
    asked = steps["ask"]
    assert asked["usd"] > 0
    assert asked["gain"] == pytest.approx(30 * (0.75 - 0.5), abs=1e-6)
    name = asked["evidence"]["source"]
    done = quorate("next", folder, "--ask", name, "--rows", "10", "--json").json
    assert done["rows"] == 10 == sum(done["votes"].values())
    assert len(server.log) == 10
    assert quorate("run", folder, "--json").code == 0
    assert len(server.log) == 30
    assert "ask" not in {step["kind"] for step in quorate("next", folder, "--json").json["steps"]}


def test_asking_a_source_that_asks_nobody_is_told(tmp_path: Path) -> None:
    ended = quorate("next", wordy_project(tmp_path / "p"), "--ask", "sells")
    assert ended.code == 2
    assert "no source 'sells' asks an endpoint" in ended.err


def test_rows_without_text_have_steps_too() -> None:
    generator = np.random.default_rng(2)
    votes = Votes.of(sources(generator, generator.integers(0, 2, 50), 0.8, 0.8, 0.7), ["A", "B"])
    patterns_model = outlook_of(votes.matrix, ["x"] * 50)
    rows = Rows.of(pa.table({"size": list(range(50))}))
    labels: Labels = fuse(votes)
    outlook = Outlook(rows, votes, labels, patterns_model.model, patterns_model.fitted, None)
    assert next(rows_to_label(outlook, "p")).evidence["examples"][0]["text"].startswith("{'size'")
    assert not [*rules_to_write(outlook), *texts_to_hear(outlook)]
