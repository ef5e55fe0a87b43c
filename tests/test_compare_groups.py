"""Rows that come in groups: laws, coverage where whole groups are settled, and the option on files and projects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from compared import frame, inside, made, of, simulated
from numpy.typing import NDArray

import quorate
from quorate.agreement.measuring import measure_agreement
from quorate.agreement.ratings import Ratings
from quorate.comparing.candidates import Candidates
from quorate.comparing.grouped import Groups, design_effect, groups_given, groups_of
from quorate.comparing.paired import Paired, pair
from quorate.errors import TableError
from quorate.rows import Rows


def paired(found: Candidates, groups: Any = None) -> Paired:
    grouped = replace(found, groups=None if groups is None else groups_given(groups))
    return pair(of(grouped), found.column("a"), found.column("b"))


def width(told: Paired) -> float:
    return told.difference.high - told.difference.low


@pytest.mark.parametrize("settled", [80, 400])
def test_rows_that_are_each_a_group_are_rows(settled: int) -> None:
    matrix, gold = simulated(400, 0)
    found = made(matrix, gold, settled=range(settled))
    alone, grouped = paired(found), paired(found, np.arange(400))
    assert grouped.difference == alone.difference
    assert (grouped.a, grouped.b) == (alone.a, alone.b)


def test_a_table_that_tells_every_row_four_times_tells_no_more_than_once() -> None:
    matrix, gold = simulated(300, 1)
    once, four = made(matrix, gold), made(np.repeat(matrix, 4, axis=0), np.repeat(gold, 4))
    honest, fooled = paired(four, np.repeat(np.arange(300), 4)), paired(four)
    assert width(honest) == pytest.approx(width(paired(once)), rel=0.1)
    assert width(fooled) == pytest.approx(width(paired(once)) / 2, rel=0.1)


def test_agreement_of_rows_told_four_times_is_as_sure_as_of_rows_told_once() -> None:
    matrix, _ = simulated(200, 2)
    names = ("no", "yes", "maybe")
    once = measure_agreement(Ratings.of(matrix, names)).coefficients["cohen_kappa"]
    groups = np.repeat(np.arange(200), 4)
    four = measure_agreement(Ratings.of(np.repeat(matrix, 4, axis=0), names, groups=groups)).coefficients["cohen_kappa"]
    assert four.value == pytest.approx(once.value)
    assert four.high - four.low == pytest.approx(once.high - once.low, rel=0.1)


def test_names_of_groups_do_not_matter() -> None:
    matrix, gold = simulated(300, 3)
    groups = np.arange(300) // 6
    found = made(matrix, gold, settled=range(120))
    assert paired(found, groups) == paired(found, [f"doc {97 * g % 50}" for g in groups])


def test_the_design_effect_of_copies_is_how_many_there_are() -> None:
    outcome = np.repeat(np.random.default_rng(0).integers(0, 2, 200), 5).astype(float)[:, None]
    group, ones = np.repeat(np.arange(200), 5), np.ones(1_000)
    assert design_effect(outcome, np.zeros(1_000, np.int64), ones, group) == pytest.approx(5, rel=0.05)
    assert design_effect(outcome, np.zeros(1_000, np.int64), ones, np.arange(1_000)) == 1


def test_groups_that_tell_nothing_of_how_alike_they_are_count_once_each() -> None:
    same = np.ones((20, 1))
    zeros, ones = np.zeros(20, np.int64), np.ones(20)
    assert design_effect(same, zeros, ones, np.arange(20) // 10) >= 10
    assert design_effect(same, zeros, ones, zeros) == 20


def documents(seed: int, groups: int = 300, rows: int = 8) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Documents on which A is good or bad as a whole, and B likewise: (matrix, gold, document)."""
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rows)
    gold = generator.integers(0, 3, groups * rows)
    skill = generator.choice([0.95, 0.4], size=(2, groups), p=[0.7, 0.3])
    right = generator.random((2, groups * rows)) < skill[:, group]
    return np.where(right, gold, (gold + 1 + generator.integers(0, 2, (2, len(gold)))) % 3).T, gold, group


def test_intervals_cover_where_whole_documents_are_settled() -> None:
    """95 % intervals of A - B and A, from 40 of 300 documents; without their groups they miss."""
    hits = np.zeros((2, 2))
    for seed in range(150):
        matrix, gold, group = documents(seed)
        chosen = np.random.default_rng(seed + 5_000).permutation(300)[:40]
        found = made(matrix, gold, settled=np.flatnonzero(np.isin(group, chosen)), sampled="strata")
        right = matrix == gold[:, None]
        truth = right[:, 0].mean() - right[:, 1].mean(), right[:, 0].mean()
        for place, told in enumerate((paired(found, group), paired(found))):
            estimates = told.difference, told.a
            hits[place] += [e.low <= t <= e.high for e, t in zip(estimates, truth, strict=True)]
    grouped, ungrouped = hits / 150
    assert (grouped > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 150)).all()
    assert ungrouped.min() < 0.85


def test_a_row_without_a_group_is_a_group_of_its_own() -> None:
    table = pa.table({"doc": ["x", "x", None, None, "", "", "y"]})
    found = groups_of(Rows.of(table), "doc")
    assert len(found) == 6
    assert found.of[0] == found.of[1]


def test_mcnemar_and_looking_after_every_answer_are_for_rows_of_their_own() -> None:
    matrix, gold = simulated(200, 4)
    found = made(matrix, gold, settled=range(100), in_order=True, sampled="random")
    assert paired(found).mcnemar_p is not None
    assert paired(found).anytime is not None
    grouped = paired(found, np.arange(200) // 4)
    assert grouped.mcnemar_p is None
    assert grouped.anytime is None


def table() -> pd.DataFrame:
    found = frame(600, settled=200)
    found["document"] = [f"d{i // 8}" for i in range(600)]
    return found


def test_the_option_reaches_every_interval_and_is_told(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "labels.csv", index=False)
    common = ("compare", tmp_path / "labels.csv", "a", "b", "--gold", "gold", "--id", "id", "--json")
    told, plain = inside(*common, "--group", "document").json, inside(*common).json
    assert told["groups"] == {"column": "document", "groups": 75, "settled": 25}
    assert plain["groups"] is None
    assert any("25 groups" in sentence for sentence in told["caveats"])
    assert told["agreement"]["coefficients"]["cohen_kappa"]["value"] == pytest.approx(
        plain["agreement"]["coefficients"]["cohen_kappa"]["value"]
    )
    assert told["agreement"]["coefficients"]["cohen_kappa"]["low"] != pytest.approx(
        plain["agreement"]["coefficients"]["cohen_kappa"]["low"], abs=1e-4
    )
    assert told["paired"]["mcnemar_p"] is None


def test_few_groups_are_a_caveat() -> None:
    found = table()
    found["document"] = [f"d{i // 100}" for i in range(600)]
    told = quorate.compare(found, "a", "b", gold="gold", group="document").report
    assert any("only 2 groups" in sentence for sentence in told["caveats"])


def test_groups_in_python_are_a_column_or_a_value_a_row() -> None:
    matrix, gold = simulated(120, 5)
    votes = quorate.Votes.of(matrix, ["no", "yes", "maybe"], ["a", "b"])
    known = quorate.Gold.of(range(60), [["no", "yes", "maybe"][y] for y in gold[:60]], votes.space)
    told = quorate.compare(votes, "a", "b", gold=known, group=np.arange(120) // 4).report
    assert told["groups"]["groups"] == 30
    with pytest.raises(ValueError, match="60 groups for 120 rows"):
        quorate.compare(votes, "a", "b", gold=known, group=np.arange(60))


def test_a_group_column_that_is_not_there_is_named() -> None:
    with pytest.raises(TableError, match="Did you mean 'document'"):
        quorate.compare(table(), "a", "b", gold="gold", group="documnet")


def test_groups_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="one for each row"):
        replace(made([[0, 1]] * 4, [0] * 4), groups=Groups("x", np.arange(3)))
