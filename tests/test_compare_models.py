"""Models of a project compared: prompts, prices and latencies come from what was asked."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import model_projects
import numpy as np
import pytest
from asked_rows import answer

from quorate.asking.ledger import account_of
from quorate.compare import compare
from quorate.contestants import _settled as settled_of
from quorate.errors import CannotTell
from quorate.loopback.server import Loopback
from quorate.run import run
from quorate.values import Gold, Votes


def test_there_is_no_account_without_a_journal(tmp_path: Path) -> None:
    assert account_of(None, "wire", "model") is None
    assert account_of(tmp_path / "answers.sqlite", "wire", "model") is None


def test_a_damaged_journal_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"this is no database" * 100)
    assert account_of(path, "wire", "model") is None


def test_prompts_prices_and_latencies_are_those_of_the_journal(tmp_path: Path) -> None:
    more = """\
    [endpoints.large]
    kind = "http"
    model = "large"
    url = "{url}/classify"
    request = { model = "{{ model }}", text = "{{ prompt }}", labels = "{{ choices }}" }
    usage = { input = "usage.input", output = "usage.output" }
    price = { input = 10.0, output = 20.0 }

    [[sources]]
    kind = "prompt"
    name = "asks_large"
    endpoint = "large"
    prompt = "Comment, in full: {{ text }}"
    """
    with Loopback({"model": answer, "large": answer}) as server:
        project = model_projects.opened(tmp_path / "two", server, more=dedent(more).replace("{url}", server.url))
        run(project)
    found = compare(project, "asks", "asks_large").report
    small, large = found["money"]
    assert small["requests"] == large["requests"] == 4
    assert large["usd"] > small["usd"] > 0
    assert small["latency_p50_s"] > 0
    assert [source["model"] for source in found["ran"]["sources"]] == ["model", "large"]
    assert "+Comment, in full: {{ text }}" in found["ran"]["prompt_diff"]
    assert found["verdict"]["outcome"] == "unknown"


def test_a_model_that_was_not_run_has_no_vote_to_compare(tmp_path: Path) -> None:
    more = '[[sources]]\nkind = "prompt"\nname = "other"\nendpoint = "small"\nprompt = "Say: {{ text }}"\n'
    with Loopback({"model": answer}) as server:
        project = model_projects.opened(tmp_path / "one", server, more=more)
    with pytest.raises(CannotTell, match="quorate run"):
        compare(project, "asks", "other")


def test_two_prompts_on_one_model_share_their_bill(tmp_path: Path) -> None:
    more = '[[sources]]\nkind = "prompt"\nname = "other"\nendpoint = "small"\nprompt = "Say: {{ text }}"\n'
    with Loopback({"model": answer}) as server:
        project = model_projects.opened(tmp_path / "one", server, more=more)
        run(project)
    found = compare(project, "asks", "other").report
    assert found["money"][0]["shared_with"] == ["asks", "other"]
    assert any("cannot be told apart" in sentence for sentence in found["caveats"])


def test_what_people_answered_in_review_wins_and_a_refused_row_is_settled() -> None:
    votes = Votes.of([[0, 1], [1, 1], [0, 0]], ["HAM", "SPAM"], ("a", "b"), ["x", "y", "z"])
    gold = Gold(("x", "y"), np.array([0, 0], np.int16))
    reviewed = Gold(("y",), np.array([1], np.int16), times=("2026-11-20",))
    data: Any = SimpleNamespace(gold=gold, reviewed=reviewed, refused={"z": "2026-11-21"})
    settled = settled_of(data, votes, "")
    assert settled.position.tolist() == [0, 1, 2]
    assert settled.fits.tolist() == [[True, False], [False, True], [False, False]]
    assert settled.in_order
    unseen: Any = SimpleNamespace(gold=gold, reviewed=None, refused={})
    assert not settled_of(unseen, votes, "").in_order
