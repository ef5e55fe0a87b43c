"""`quorate errors` and `find_errors` on projects and tables, and the way into the review; no label is ever changed."""

from __future__ import annotations

import csv
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from projects import REPOSITORY, needs, quorate, write_project
from pyarrow import parquet
from reviewing import Client, reviewed
from test_suspects import stories

from quorate import find_errors, open_project
from quorate.decisions import read_decisions
from quorate.errors import CannotTell, LabelError, TableError
from quorate.review.answers import Answer, keep
from quorate.review.card import card
from quorate.review.room import Room
from quorate.review.talk import Talk
from quorate.review.wish import Wish

NAMES = ("FOOD", "SPORT", "WEATHER")
WRONG = (5, 28, 51)
TOML = """\
rules = ["rules.py"]

[data]
path = "rows.csv"
id = "id"
text = "text"

[gold]
column = "said"

[labels]
FOOD = ""
SPORT = ""
WEATHER = ""

[review]
overlap = 0
"""
RULES = """\
from quorate import labeling_function


@labeling_function(label="FOOD")
def eats(text):
    return "pasta" in text or "pizza" in text


@labeling_function(label="SPORT")
def plays(text):
    return "goal" in text or "team" in text


@labeling_function(label="WEATHER")
def looks_up(text):
    return "rain" in text or "storm" in text
"""


def labelled() -> pd.DataFrame:
    texts, right = stories(180)
    labels = right.copy()
    labels[list(WRONG)] = (labels[list(WRONG)] + 1) % 3
    return pd.DataFrame(
        {"id": [f"r{at}" for at in range(180)], "text": texts, "said": [NAMES[y] for y in labels.tolist()]}
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "p", toml=TOML, rules=RULES, rows=labelled().to_csv(index=False))


def ids(found: Any) -> list[str]:
    return [entry["id"] for entry in found.report["suspects"]]


def test_planted_errors_of_a_table_are_listed_with_evidence() -> None:
    found = find_errors(labelled(), label="said", id="id", size=3)
    assert set(ids(found)) == {f"r{at}" for at in WRONG}
    entry = next(e for e in found.report["suspects"] if e["id"] == "r5")
    _, right = stories(180)
    assert (entry["given"], entry["suggested"]) == (NAMES[(right[5] + 1) % 3], NAMES[right[5]])
    assert entry["probability_wrong"] > 0.5
    assert entry["model"]["suggested"] > entry["model"]["given"]
    assert entry["neighbours"]
    assert all(near["label"] != entry["given"] for near in entry["neighbours"])
    assert found.queue.ids.to_pylist() == ids(found)
    assert found.queue.score.tolist() == sorted(found.queue.score.tolist(), reverse=True)


def test_gold_of_a_project_is_doubted_with_the_votes_that_speak_of_it(project: Path) -> None:
    found = find_errors(project, of="gold", size=3)
    assert set(ids(found)) == {f"r{at}" for at in WRONG}
    votes = {e["id"]: e["votes"] for e in found.report["suspects"]}
    assert any(sides["against"] for sides in votes.values())


def test_labels_of_votes_are_doubted_but_not_those_that_people_settled(project: Path) -> None:
    with closing(Room(open_project(project))) as room:
        answer(room, "r0", "SPORT")
    found = find_errors(project)
    assert found.report["of"] == "labels"
    assert found.report["estimate"]["trust"] != "good"
    given = dict(zip(found.suspects.ids.to_pylist(), found.suspects.given.tolist(), strict=True))
    assert given["r0"] == -1


def test_the_command_says_lists_and_writes(project: Path, tmp_path: Path) -> None:
    done = quorate("errors", project, "--of", "gold", "--out", tmp_path / "s.csv")
    assert done.code == 0, done.err
    low, high = (int(number) for number in re.findall(r"between (\d+) and (\d+)", done.out)[0])
    assert low <= len(WRONG) <= high
    assert f"next: quorate review {project} --errors gold" in done.out.replace("\n", " ")
    with (tmp_path / "s.csv").open(encoding="utf-8") as lines:
        written = list(csv.DictReader(lines))
    assert {row["id"] for row in written[:3]} == {f"r{at}" for at in WRONG}
    assert float(written[0]["probability_wrong"]) > 0.5


def test_the_object_of_the_command_is_the_documented_one(project: Path, tmp_path: Path) -> None:
    done = quorate("errors", project / "rows.csv", "--label", "said", "--json", "--out", tmp_path / "s.parquet")
    documented = (REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8")
    example = json.loads(documented.split("```json\n")[1].split("```")[0])
    assert shape(done.json) == shape(example)
    assert done.json["schema"] == "quorate.errors/1"
    assert parquet.read_table(tmp_path / "s.parquet").num_rows == len(done.json["suspects"])


def shape(value: Any) -> Any:
    """The keys of an object, those of entries in lists included; names of labels and values left out."""
    if isinstance(value, dict):
        return {key: shape(part) if key != "labels" else "counts" for key, part in value.items()}
    return (
        [shape(part) for part in value[:1]] if isinstance(value, list) and value and isinstance(value[0], dict) else ""
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--label", "sayd"], "there is no column 'sayd'; the columns are"),
        (["--label", "said", "--text", "txt"], "there is no column 'txt'"),
        (["--label", "said", "--model", "Ridge"], "scikit-learn has no classifier 'Ridge'"),
        (["--label", "said", "--out", "s.xlsx"], "suspects are written as .csv or .parquet"),
        (["--label", "said", "--columns", "text"], "column 'text' must hold numbers"),
        (["--label", "said", "--of", "gold"], "a table has no gold beside its labels"),
        (["--label", "said", "--of", "truth"], "'truth' names no labels to doubt; there are 'labels', 'gold'"),
    ],
)
def test_what_is_wrong_with_a_call_is_said(project: Path, arguments: list[str], told: str) -> None:
    done = quorate("errors", project / "rows.csv", *arguments, cwd=project)
    assert done.code == 2
    assert told in done.err


def test_the_commands_of_the_guide_run(project: Path) -> None:
    labelled().rename(columns={"said": "label"}).to_csv(project / "labels.csv", index=False)
    guide = (REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8")
    for line in guide.split("```console\n")[1].split("```")[0].splitlines():
        words = line.partition("#")[0].replace("FOLDER", ".").split()
        done = quorate(*words[1:], cwd=project)
        assert done.code == 0, f"{line}: {done.err}"


def test_numbers_in_place_of_texts_are_read_from_their_columns() -> None:
    generator = np.random.default_rng(0)
    right = np.arange(60) % 2
    table = pd.DataFrame({"a": 2 * right + generator.normal(size=60) * 0.2, "b": generator.normal(size=60)})
    table["label"] = [("no", "yes")[y] for y in right]
    table.loc[4, "label"] = "yes"
    found = find_errors(table, columns=["a", "b"], size=1)
    assert ids(found) == ["4"]
    assert found.report["views"] == ["numbers"]
    assert found.report["suspects"][0]["text"] is None


def test_labels_that_cannot_be_told_apart_or_are_too_few_are_refused() -> None:
    table = labelled()
    with pytest.raises(CannotTell, match="too few to find wrong ones"):
        find_errors(table.head(10), label="said")
    with pytest.raises(CannotTell, match="it takes two labels"):
        find_errors(table.assign(said="FOOD"), label="said")
    with pytest.raises(LabelError, match="differ by more than case"):
        find_errors(
            table.assign(said=[name.lower() if at % 2 else name for at, name in enumerate(table["said"])]), label="said"
        )
    with pytest.raises(TableError, match="there is no column 'text'"):
        find_errors(table.rename(columns={"text": "body"}), label="said")


def test_options_of_tables_are_refused_for_projects(project: Path) -> None:
    with pytest.raises(CannotTell, match="--label and --id are for tables"):
        find_errors(project, label="said")


def test_a_project_without_gold_has_none_to_doubt(tmp_path: Path) -> None:
    folder = write_project(
        tmp_path / "p",
        toml=TOML.replace('[gold]\ncolumn = "said"\n', ""),
        rules=RULES,
        rows=labelled().to_csv(index=False),
    )
    with pytest.raises(CannotTell, match="has no gold to doubt"):
        find_errors(folder, of="gold")


def answer(room: Room, row: str, label: str, who: str = "Ada") -> None:
    content = room.ledger.contents[room.ledger.place[row]].hex()
    said = {
        "once": f"{who}-{row}-{label}-{room.ledger.number}",
        "id": row,
        "content": content,
        "verdict": "label",
        "label": label,
    }
    keep(room, Answer.of(said), who, who)


def test_doubted_gold_comes_to_review_again_and_the_old_decision_stays(project: Path) -> None:
    with closing(Room(open_project(project))) as room:
        answer(room, "r5", "SPORT")
    with closing(Room(open_project(project), doubt="gold")) as room:
        suspect = Wish(kind="suspect")
        first = [room.ledger.ids[at] for at in room.deal("s", "Ada", suspect)]
        assert set(first) >= {f"r{at}" for at in WRONG}, "settled before or not"
        shown = card(room, room.ledger.place["r28"], "s", "Ada")
        assert shown["why"]["doubt"]["probability_wrong"] > 0.5
        right = NAMES[stories(180)[1][5]]
        answer(room, "r5", right)
        again = [room.ledger.ids[at] for at in room.deal("s", "Ada", suspect)]
        assert "r5" not in again
        assert set(again) == set(first) - {"r5"}
    decided = [d for d in read_decisions(open_project(project).decisions) if d.row_id == "r5"]
    assert [d.label for d in decided] == ["SPORT", right]
    gold = open_project(project).read().reviewed
    assert gold is not None
    assert NAMES[int(gold.labels[gold.ids.index("r5")])] == right


def test_who_skips_a_doubted_row_is_not_asked_again_but_others_are(project: Path) -> None:
    with closing(Room(open_project(project), doubt="gold")) as room:
        place = room.ledger.place["r5"]
        said = {"once": "1", "id": "r5", "content": room.ledger.contents[place].hex(), "verdict": "skip"}
        keep(room, Answer.of(said), "Ada", "Ada")
        assert place not in room.charges.open_to(room.ledger, "Ada")
        assert place in room.charges.open_to(room.ledger, "Bo")


def test_the_terminal_asks_about_doubted_rows_first(project: Path) -> None:
    answers = iter(["1", "2", "q"])
    with closing(Room(open_project(project), doubt="gold")) as room:
        seen: list[Any] = []
        talk = Talk(room, "Ada", seen.append, lambda _: next(answers), "t")
        assert talk.go_on() == 2
    decided = {d.row_id for d in read_decisions(open_project(project).decisions)}
    assert decided <= {f"r{at}" for at in WRONG}
    assert len(decided) == 2


def test_the_page_is_dealt_doubted_rows_with_what_is_held_against_them(project: Path) -> None:
    needs("starlette")
    with reviewed(project, "--errors", "gold") as served:
        page = Client(served)
        cards = page.post("cards", wish={"kind": "suspect"})["cards"]
        assert {f"r{at}" for at in WRONG} <= {one["id"] for one in cards}
        assert all(one["why"]["doubt"]["given"] in NAMES for one in cards)
        everything = page.post("cards", wish={}, tab="b")["cards"]
        assert any(one["why"]["doubt"] is None for one in everything), "the queue as ever"


def test_looking_for_errors_changes_no_gold_and_no_decision(project: Path) -> None:
    before = (project / "rows.csv").read_bytes()
    find_errors(project, of="gold")
    find_errors(project)
    assert (project / "rows.csv").read_bytes() == before
    assert read_decisions(open_project(project).decisions) == []


def test_the_same_call_gives_the_same_list() -> None:
    first, second = (find_errors(labelled(), label="said", id="id") for _ in range(2))
    assert first.report == second.report
    assert np.array_equal(first.suspects.suspicion, second.suspects.suspicion)
