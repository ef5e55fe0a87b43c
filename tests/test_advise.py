"""Advice: the label model that is picked is the better one where that can be told, and plain voting where not."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from projects import quorate, write_project
from rich.console import Console
from simulated import voters

from quorate import Gold, Votes
from quorate.errors import PluginError
from quorate.patterns import VotePatterns
from quorate.registry import build
from quorate.reporting.terminal_fusing import advice_view
from quorate.trust.advise import MODELS, Advice, advise
from quorate.trust.foresight import foresight, stability

QUICK = ("majority", "dawid_skene", "quorum")
UNEQUAL = [0.95, 0.9, 0.6, 0.55, 0.55, 0.55, 0.55]


def settled(truth: object, rows: int) -> Gold:
    return Gold(tuple(map(str, range(rows))), np.asarray(truth)[:rows].astype(np.int16))


def of(found: Advice, name: str, value: str) -> float:
    return float(next(getattr(c, value) for c in found.contenders if c.model == name))


@pytest.mark.parametrize("anchors", [True, False])
def test_gold_shows_that_voters_of_unequal_worth_are_to_be_weighed(anchors: bool) -> None:
    votes, truth = voters(0, 1500, UNEQUAL)
    found = advise(votes, settled(truth, 300), QUICK, gold_anchors=anchors)
    assert (found.basis, found.rows) == ("gold", 300)
    assert found.model in ("dawid_skene", "quorum")
    assert not found.plain_voting_is_as_good
    assert of(found, found.model, "accuracy") > of(found, "majority", "accuracy") + 0.05
    assert f"{found.model} is right on" in found.because
    assert "plain voting on" in found.because


def test_held_out_votes_show_it_without_gold() -> None:
    votes, _ = voters(0, 1500, UNEQUAL)
    found = advise(votes, None, QUICK)
    assert found.basis == "votes"
    assert found.model != "majority"
    assert of(found, found.model, "likelihood") > of(found, "majority", "likelihood")
    assert "foresee held-out votes better than those of plain voting" in found.because


def test_plain_voting_is_as_good_among_equals() -> None:
    votes, truth = voters(1, 1000, [0.8] * 5, silent=0.0)
    found = advise(votes, settled(truth, 200), QUICK)
    assert found.plain_voting_is_as_good
    assert "plain voting is as good here" in found.because


def test_too_little_gold_leaves_it_to_the_votes() -> None:
    votes, truth = voters(0, 300, UNEQUAL)
    assert advise(votes, settled(truth, 19), QUICK).basis == "votes"
    assert advise(votes, settled(truth, 20), QUICK).basis == "gold"


def test_a_model_that_cannot_be_fitted_is_left_out_with_its_reason() -> None:
    votes, _ = voters(0, 200, [0.9, 0.8])
    found = advise(votes)
    assert [c.model for c in found.contenders] == list(MODELS)
    missing = {c.model: c.missing for c in found.contenders}
    assert "3 sources" in missing["snorkel"] or "snorkel" in missing["snorkel"]
    assert not missing["quorum"]
    with pytest.raises(PluginError, match="snorkel"):
        advise(votes, models=["snorkel"])


def test_the_same_votes_give_the_same_advice_and_touch_no_global_state() -> None:
    votes, _ = voters(0, 400, UNEQUAL)
    before = str(np.random.get_state(legacy=False))
    one, other = (advise(votes, None, ("majority", "dawid_skene")) for _ in range(2))
    assert (one.model, one.because) == (other.model, other.because)
    assert str(np.random.get_state(legacy=False)) == before


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_rows_are_advised_on(rows: int) -> None:
    votes = Votes.of(np.zeros((rows, 3), np.int16), ["A", "B"])
    assert advise(votes, None, QUICK).model in QUICK


def test_a_model_foresees_votes_better_that_knows_who_is_right() -> None:
    votes, _ = voters(3, 1500, UNEQUAL)
    patterns = VotePatterns.of(votes)
    plain, weighed = (foresight(patterns, build("label_models", name, {})) for name in ("majority", "dawid_skene"))
    assert plain.rows.sum() == weighed.rows.sum() == 1500
    assert weighed.probabilities @ weighed.rows > plain.probabilities @ plain.rows


def test_majority_vote_does_not_hang_on_the_draw() -> None:
    votes, _ = voters(0, 200, UNEQUAL)
    patterns = VotePatterns.of(votes)
    assert stability(patterns, build("label_models", "majority", {})) > 0.97
    assert 0.5 < stability(patterns, build("label_models", "dawid_skene", {})) <= 1


def test_the_command_fuses_and_advises(tmp_path: Path) -> None:
    folder = write_project(tmp_path)
    fused = quorate("fuse", folder, "--json").json
    assert fused["schema"] == "quorate.fuse/1"
    assert sum(fused["distribution"].values()) == fused["rows"]
    advice = quorate("fuse", folder, "--advise", "--json").json
    assert advice["schema"] == "quorate.advice/1"
    assert advice["in_use"] == "quorum"
    assert advice["model"] in MODELS
    console = Console(width=120, record=True, file=StringIO())
    console.print(advice_view(advice))
    assert f"take {advice['model']}: " in console.export_text()
    assert "labels" in quorate("fuse", folder).out
    assert not (folder / ".quorate" / "runs").exists()
