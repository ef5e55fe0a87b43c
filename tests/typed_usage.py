"""How users write against the public names: mypy reads this file, and test_public_api.py runs it.

`assert_type` holds what a name promises to a type checker; the asserts hold what it does.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import quorate
from quorate import (
    ABSTAIN,
    FusionState,
    Gold,
    Labels,
    LabelSpace,
    Queue,
    QuorateError,
    Rows,
    SpacyDoc,
    Status,
    TrainingSet,
    VotePatterns,
    Votes,
    labeling_function,
)
from quorate.run import Run


@labeling_function(label="SPAM", examples={"see my channel": "SPAM", "hello": None})
def channel(text: str) -> bool:
    return "channel" in text


@labeling_function
def says_song(text: str) -> str | None:
    return "HAM" if "song" in text else None


@labeling_function(name="stars", batch=True, time_limit_s=5.0)
def by_stars(stars: pd.Series[int]) -> list[dict[str, float] | None]:
    return [{"HAM": 0.9} if n > 4 else None for n in stars]


FRAME = pd.DataFrame({"id": ["a", "b", "c"], "text": ["my channel", "a song", "my channel song"], "stars": [1, 5, 3]})


def in_a_notebook() -> None:
    """Five lines from a pandas frame to a review queue."""
    votes = quorate.apply(FRAME, [channel, says_song, by_stars], ["HAM", "SPAM"], id="id")
    labels = quorate.fuse(votes)
    queue = quorate.rank(votes, labels, size=2)
    assert_type(votes, Votes)
    assert_type(labels, Labels)
    assert_type(queue, Queue)
    assert_type(votes.matrix, NDArray[np.int16])
    assert_type(labels.probs, NDArray[np.float64])
    assert_type(labels.names, list[str | None])
    assert labels.names[:2] == ["SPAM", "HAM"]
    assert votes.status[0, 1] == Status.ABSTAINED
    assert votes.matrix[0, 1] == ABSTAIN
    assert queue.ids[0].as_py() == "c"


def with_gold_and_a_training_set() -> None:
    space = LabelSpace(("HAM", "SPAM"), aliases={"advertising": "SPAM"})
    rows = Rows.of(FRAME, id="id")
    gold = Gold.of(["c"], ["advertising"], space)
    votes = quorate.apply(rows, [channel, says_song], space, gold=gold)
    patterns = VotePatterns.of(votes, gold) + VotePatterns.of(votes)
    training_set = quorate.assemble(rows, quorate.fuse(votes, "dawid_skene", gold), gold)
    assert_type(patterns, VotePatterns)
    assert_type(training_set, TrainingSet)
    assert patterns.rows == 6
    assert training_set.provenance == ("votes", "votes", "gold")


def what_fusing_learned(path: Path) -> None:
    """Why a label is what it is, and a state that grows."""
    votes = quorate.apply(FRAME, [channel, says_song, by_stars], ["HAM", "SPAM"], id="id")
    assert_type(quorate.advise(votes, models=["majority"]).model, str)
    reasons = quorate.why(votes, "c", "majority")
    assert_type(reasons.contributions[0].log_odds, float)
    assert [entry.source for entry in reasons.contributions] == ["channel", "says_song"]
    state = FusionState.of(votes).update(votes).forget("stars")
    state.save(path)
    assert_type(state, FusionState)
    assert_type(FusionState.load(path).fuse(votes), Labels)
    assert FusionState.load(path).patterns.rows == 6
    said, labels = path.with_name("votes.parquet"), path.with_name("labels.parquet")
    FRAME.assign(a=["SPAM", "HAM", "HAM"])[["id", "a"]].to_parquet(said)
    assert_type(quorate.fuse_file(said, labels, ["HAM", "SPAM"], id="id").distribution, dict[str, int])


def two_sources_compared() -> str:
    found = quorate.compare(FRAME.assign(a=["HAM", "HAM", "SPAM"], b=["HAM", "SPAM", "SPAM"]), "a", "b", text="text")
    assert_type(found.verdict, str)
    assert_type(found.to_review(2), Queue)
    return found.markdown()


def labels_in_doubt() -> Queue:
    """The rows of a table whose label is probably wrong."""
    found = quorate.find_errors(FRAME.loc[[0, 1] * 15].assign(label=["SPAM", "HAM"] * 15), size=1)
    assert_type(found.suspects.suspicion, NDArray[np.float64])
    return found.queue


def a_document_on_demand() -> Rows:
    return Rows.of(FRAME, id="id").deriving(SpacyDoc("text", pipeline="blank:en"))


def a_project(folder: Path) -> Run:
    return quorate.run(quorate.open_project(folder))


def what_to_do_next(folder: Path) -> int:
    project = quorate.open_project(folder)
    rates = [step.gain_a_minute() for step in quorate.next_steps(project, hour_usd=20)]
    assert_type(rates, list[float])
    return len(quorate.suggest(project, most=3).suggestions)


def a_review_without_a_browser(folder: Path) -> int:
    return quorate.review_in_notebook(folder, "Ada", most=1, ask=lambda _: "1")


def the_one_exception_to_catch(folder: Path) -> QuorateError:
    try:
        quorate.open_project(folder)
    except QuorateError as error:
        assert_type(error.exit_code, int)
        return error
    raise AssertionError("there is no project here")
