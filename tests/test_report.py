"""The report: its numbers against numbers worked out by hand, its page, and its JSON."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from projects import TOML, write_project
from pyarrow import parquet

import quorate
from quorate import ABSTAIN, Gold, Rows, VotePatterns, Votes, fuse, rank
from quorate.estimating.intervals import wilson
from quorate.fuse import fit
from quorate.label_models.majority import MajorityVote
from quorate.reporting.analysis import accuracy, calibration, pair_counts
from quorate.reporting.report import failure_groups, report
from quorate.trust.doubt import Estimate, estimate_accuracy
from quorate.values import Failure

# Rows r0 to r5, sources s, t, u.
MATRIX = [
    [0, 0, -1],
    [0, 1, -1],
    [0, -1, -1],
    [-1, -1, -1],
    [1, 1, 0],
    [-1, 1, -1],
]
VOTES = Votes.of(MATRIX, ["A", "B"], ["s", "t", "u"], [f"r{i}" for i in range(6)])
GOLD = Gold.of(["r0", "r1", "r2", "r3", "r4"], ["A", "B", "B", "A", "B"], VOTES.space)
MAJORITY = fuse(VOTES, "majority")


def reported(votes: Votes = VOTES, gold: Gold | None = GOLD) -> dict[str, Any]:
    patterns, labels = VotePatterns.of(votes), fuse(votes, "majority")
    fitted = fit(patterns, "majority")
    return report(
        Rows(pa.table({"text": [f"text {i}" for i in range(len(votes))]}), votes.ids),
        votes,
        labels,
        rank(votes, labels),
        patterns=patterns,
        fitted=fitted,
        estimate=estimate_accuracy(patterns, MajorityVote(), fitted),
        majority=labels,
        gold=gold,
        gold_use="evaluate",
    )


# ---- by hand --------------------------------------------------------------------------------------------------------


def test_shares_are_of_all_rows() -> None:
    found = reported()
    assert found["rows"] == 6
    assert found["coverage"] == pytest.approx(5 / 6)
    assert found["overlap"] == pytest.approx(3 / 6)
    assert found["conflict"] == pytest.approx(2 / 6)
    assert found["distribution"] == {"A": 2, "B": 2, "undecided": 2}


@pytest.mark.parametrize(
    ("source", "polarity", "votes", "coverage", "overlaps", "conflicts"),
    [
        ("s", ["A", "B"], 4, 4 / 6, 3 / 6, 2 / 6),
        ("t", ["A", "B"], 4, 4 / 6, 3 / 6, 2 / 6),
        ("u", ["A"], 1, 1 / 6, 1 / 6, 1 / 6),
    ],
)
def test_what_is_said_of_a_source(
    source: str, polarity: list[str], votes: int, coverage: float, overlaps: float, conflicts: float
) -> None:
    entry = {entry["name"]: entry for entry in reported()["sources"]}[source]
    assert (entry["polarity"], entry["votes"]) == (polarity, votes)
    shares = (entry["coverage"], entry["overlaps"], entry["conflicts"])
    assert shares == pytest.approx((coverage, overlaps, conflicts))


@pytest.mark.parametrize(
    ("source", "rows", "share", "low", "high"),
    [("s", 4, 0.5, 0.1500, 0.8500), ("t", 3, 1.0, 0.4385, 1.0), ("u", 1, 0.0, 0.0, 0.7935)],
)
def test_accuracy_on_gold_counts_the_rows_where_it_voted(
    source: str, rows: int, share: float, low: float, high: float
) -> None:
    entry = {entry["name"]: entry for entry in reported()["sources"]}[source]
    assert (entry["gold_rows"], entry["gold_accuracy"]) == (rows, share)
    assert (entry["gold_low"], entry["gold_high"]) == pytest.approx((low, high), abs=5e-5)


def test_estimated_accuracy_is_the_mean_probability_of_the_votes() -> None:
    """By majority vote, s is believed 1, 1/2, 1 and 2/3; t 1, 1/2, 2/3 and 1; u 1/3."""
    by_name = {entry["name"]: entry for entry in reported()["sources"]}
    believed = [by_name[name]["accuracy"] for name in "stu"]
    assert believed == pytest.approx([19 / 24, 19 / 24, 1 / 3])
    for entry in by_name.values():
        assert 0 <= entry["accuracy_low"] <= entry["accuracy"] <= entry["accuracy_high"] <= 1


def test_pairs_count_where_both_voted_and_where_they_differ() -> None:
    assert pair_counts(VotePatterns.of(VOTES)) == {
        "overlap": [[4, 3, 1], [3, 4, 1], [1, 1, 1]],
        "conflict": [[0, 1, 1], [1, 0, 1], [1, 1, 0]],
    }


def test_a_tie_and_a_row_without_votes_count_as_a_guess() -> None:
    """r0 right, r1 a tie (1/2), r2 wrong, r3 no vote (1/2), r4 right."""
    assert accuracy(MAJORITY, GOLD) == pytest.approx(3 / 5)
    found = reported()
    assert (found["accuracy"], found["majority_accuracy"]) == pytest.approx((3 / 5, 3 / 5))
    assert found["accuracy_covered"] == pytest.approx(2.5 / 4)


def test_a_guess_among_three_labels_is_right_one_time_in_three() -> None:
    votes = Votes.of([[-1, -1], [0, 1], [2, 2]], ["A", "B", "C"])
    labels, gold = fuse(votes, "majority"), Gold.of("012", "AAC", votes.space)
    assert accuracy(labels, gold) == pytest.approx((1 / 3 + 1 / 2 + 1) / 3)


def test_there_is_no_accuracy_without_gold() -> None:
    found = reported(gold=None)
    for key in ("gold", "accuracy", "majority_accuracy", "accuracy_covered", "calibration"):
        assert found[key] is None
    assert {entry["gold_accuracy"] for entry in found["sources"]} == {None}


# R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (0, 0, 0, 1)],
)
def test_the_wilson_interval_is_the_published_one(right: int, total: int, low: float, high: float) -> None:
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-5)
    assert wilson(total - right, total) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_calibration_bins_hold_the_gold_rows_that_have_a_label() -> None:
    """r4 (2/3, right) alone; r0 (1, right) and r2 (1, wrong) together; the tie and the uncovered row nowhere."""
    keys = ("low", "high", "rows", "mean_probability", "accuracy", "accuracy_low", "accuracy_high")
    first, second = ([entry[key] for key in keys] for entry in calibration(MAJORITY, GOLD))
    assert first == pytest.approx([0.65, 0.70, 1, 2 / 3, 1.0, 0.2065, 1.0], abs=5e-5)
    assert second == pytest.approx([0.95, 1.0, 2, 1.0, 0.5, 0.0945, 0.9055], abs=5e-5)


def test_the_certainty_histogram_counts_labelled_rows_by_label() -> None:
    certainty = reported()["certainty"]
    assert certainty["edges"] == pytest.approx(np.linspace(0.5, 1, 21).tolist())
    assert {y: [i for i, n in enumerate(row) for _ in range(n)] for y, row in certainty["counts"].items()} == {
        "A": [19, 19],
        "B": [6, 19],
    }


def test_failures_of_one_cause_stand_together_the_largest_group_first() -> None:
    def failure(row: str, message: str) -> Failure:
        return Failure(row, "f", "raised", message, f"traceback of {row}")

    rare, often = [failure("x", "rare")], [failure(f"r{i}", "often") for i in range(7)]
    first, second = failure_groups((*rare, *often))
    assert (first["message"], first["rows"], first["examples"]) == ("often", 7, ["r0", "r1", "r2", "r3", "r4"])
    assert first["traceback"] == "traceback of r0"
    assert (second["source"], second["reason"], second["rows"], second["examples"]) == ("f", "raised", 1, ["x"])


@pytest.mark.parametrize(
    ("matrix", "gold", "warning"),
    [
        ([[0, -1], [1, -1]], "AB", "never voted: source_1"),
        ([[0], [1]], "AB", "no source votes for C, so no row can get that label"),
        ([[0, 1], [0, 0]], "AA", "1 covered row(s) tie between labels and stay undecided"),
        ([[0]] * 12, "B" * 12, "source_0 is right on 0% of 12 gold rows, worse than chance"),
    ],
)
def test_what_a_person_should_know_is_a_warning(matrix: list[list[int]], gold: str, warning: str) -> None:
    votes = Votes.of(matrix, ["A", "B", "C"])
    assert warning in reported(votes, Gold.of(votes.ids.to_pylist(), gold, votes.space))["warnings"]


def test_more_rows_make_the_interval_of_an_accuracy_narrower() -> None:
    widths = [estimated(rows).high - estimated(rows).low for rows in (100, 4000)]
    assert (widths[1] < widths[0] / 2).all()


def estimated(rows: int) -> Estimate:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, rows)
    matrix = np.where(rng.random((rows, 6)) < 0.8, truth[:, None], 1 - truth[:, None])
    patterns = VotePatterns.of(Votes.of(np.where(rng.random((rows, 6)) < 0.3, ABSTAIN, matrix), ["A", "B"]))
    model = quorate.registry.build("label_models", "dawid_skene", {})
    return estimate_accuracy(patterns, model, fit(patterns, model))


# ---- the page -------------------------------------------------------------------------------------------------------

EVIL = "</script></style></textarea><evil-tag onload=x()>\"'><img src=http://evil.example/x.png>&lt;{{ 7*7 }}"


class Elements(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a project that has HTML wherever a person or a machine may write something."""
    quoted = json.dumps(EVIL)
    rules = (
        "from quorate import labeling_function\n"
        f"@labeling_function(label={quoted}, name={json.dumps('a' + EVIL)})\ndef a(text):\n    return True\n"
        f"@labeling_function(label='HAM')\ndef b(text):\n    raise ValueError({quoted})\n"
        "@labeling_function(label='HAM')\ndef c(text):\n    return text.startswith('x')\n"
    )
    toml = f"""
    name = {json.dumps("project" + EVIL)}
    rules = ["rules.py"]
    data = {{ path = "rows.jsonl", id = "id", text = "text" }}
    labels = {{ HAM = "", {quoted} = {quoted} }}
    run.max_failure_share = 1
    """
    records = [{"id": f"{EVIL} {i}", "text": f"x{EVIL}", f"col{EVIL}": {"nested": EVIL}} for i in range(3)]
    lines = "\n".join(json.dumps(record) for record in records)
    folder = write_project(tmp_path_factory.mktemp("hostile"), toml=toml, rules=rules, rows_jsonl=lines)
    return (quorate.run(quorate.open_project(folder)).folder / "report.html").read_text("utf-8")


def test_the_page_shows_html_of_the_data_as_text(hostile: str) -> None:
    page = Elements(hostile)
    assert "evil-tag" not in page.tags
    assert "img" not in page.tags
    assert page.tags.count("script") <= 1
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    # Names, cells, failures, labels and ids: each is there, letter by letter.
    for text in (f"project{EVIL}", f"x{EVIL}", f"ValueError: {EVIL}", f"{EVIL} 0", f"col{EVIL}"):
        assert text in page.text


def test_copies_are_in_the_report_and_tied_on_the_page(tmp_path: Path) -> None:
    rules = """
    from quorate import labeling_function

    @labeling_function(label="SPAM")
    def one(text):
        return "x" in text

    @labeling_function(label="SPAM")
    def other(text):
        return "x" in text.lower()
    """
    toml = """
    rules = ["rules.py"]
    data = { path = "rows.jsonl", id = "id", text = "text" }
    labels = { HAM = "", SPAM = "" }
    """
    lines = "\n".join(json.dumps({"id": str(i), "text": "x" if i % 2 else "y"}) for i in range(100))
    made = quorate.run(quorate.open_project(write_project(tmp_path, toml=toml, rules=rules, rows_jsonl=lines)))
    (pair,) = made.report["kin"]
    assert (pair["one"], pair["other"], pair["relation"], pair["both"], pair["same"]) == (
        "one",
        "other",
        "copy",
        50,
        50,
    )
    page = (made.folder / "report.html").read_text("utf-8")
    assert 'class="tie copy" d="M' in page
    assert "one and other: copy, the same vote on 50 of 50 rows with votes of both" in page
    assert any("one and other are copies" in warning for warning in made.report["warnings"])


def test_the_page_loads_nothing(hostile: str) -> None:
    loading = ("src", "srcset", "href", "xlink:href", "action", "data", "poster", "formaction")
    targets = [value for name, value in Elements(hostile).attributes if name in loading]
    assert [target for target in targets if not target.startswith(("#", "data:"))] == []
    style = "".join(re.findall(r"<style[^>]*>(.*?)</style>", hostile, re.S))
    assert style
    assert "@import" not in style
    assert [url for url in re.findall(r"url\(\s*['\"]?([^)]*)", style) if not url.startswith(("#", "data:"))] == []
    script = "".join(re.findall(r"<script[^>]*>(.*?)</script>", hostile, re.S))
    assert not re.search(r"fetch|XMLHttpRequest|import\(|https?:|innerHTML", script)


# ---- JSON -----------------------------------------------------------------------------------------------------------

CELLS = {
    "date": date(2020, 1, 2),
    "time": datetime(2020, 1, 2, 3, 4, tzinfo=UTC),
    "span": timedelta(seconds=5),
    "price": Decimal("1.50"),
    "bytes": b"\xff\x00",
    "nan": float("nan"),
    "infinite": float("inf"),
    "list": [1.0, float("nan")],
    "struct": {"when": date(2020, 1, 2)},
    "nothing": None,
}


@pytest.mark.parametrize("column", CELLS)
def test_the_report_is_json_whatever_a_cell_holds(column: str, tmp_path: Path) -> None:
    write_project(tmp_path, toml=TOML.replace("rows.csv", "rows.parquet"))
    table = pa.Table.from_pylist([{"id": "a", "text": "a song", column: CELLS[column]}])
    parquet.write_table(table, tmp_path / "rows.parquet")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    first, second = (quorate.run(quorate.open_project(tmp_path)) for _ in range(2))
    written = json.loads((first.folder / "report.json").read_text("utf-8"), parse_constant=refuse)
    assert list(written["queue"][0]["cells"]) == ["id", "text", column]
    assert first.report == second.report == written
