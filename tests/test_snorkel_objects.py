"""Snorkel's own labeling functions, unchanged: Snorkel's own applier says what they must vote."""

from __future__ import annotations

import gzip
import json
import runpy
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from projects import REPOSITORY, needs, write_project

from quorate import LabelSpace, Rows, Status, apply, open_project, run
from quorate.rules import load_rules
from quorate.sources.snorkel import SnorkelFunction

SPACE = LabelSpace(("HAM", "SPAM"))

NAMED = '''\
import re
from pathlib import Path

from snorkel.labeling import LabelingFunction, labeling_function
from snorkel.labeling.lf.nlp import NLPLabelingFunction, nlp_labeling_function
from snorkel.preprocess import preprocessor

ABSTAIN, HAM, SPAM = -1, 0, 1
PIPELINE = (Path(__file__).parent / "pipeline.txt").read_text()


@labeling_function()
def invites_to_check_out(x):
    """Asks the reader to look at something."""
    return SPAM if "check out" in x.text.lower() else ABSTAIN


@labeling_function()
def is_brief(x):
    return HAM if len(x.text.split()) < 5 else ABSTAIN


@labeling_function()
def checks_anything_out(x):
    return SPAM if re.search(r"check\\b.{1,30}\\bout", x.text, re.IGNORECASE) else ABSTAIN


@preprocessor(memoize=True)
def measure_capitals(x):
    x.capitals = sum(letter.isupper() for letter in x.text) / max(len(x.text), 1)
    return x


@labeling_function(name="shouts_at_us", pre=[measure_capitals])
def shouts(x):
    return SPAM if x.capitals > 0.4 else ABSTAIN


@labeling_function(resources={"praise": ("love", "amazing", "best")})
def is_full_of_praise(x, praise):
    return HAM if any(word in x.text.lower() for word in praise) else ABSTAIN


@labeling_function()
def was_written_in_2014(x):
    return HAM if str(x.date).startswith("2014") else ABSTAIN


def is_about_a_singer(x):
    return HAM if len(x.doc) < 20 and any(entity.label_ == "PERSON" for entity in x.doc.ents) else ABSTAIN


about_a_singer = NLPLabelingFunction(name="is_about_a_singer", f=is_about_a_singer, language=PIPELINE)


@nlp_labeling_function(language=PIPELINE)
def counts_with_numerals(x):
    return SPAM if sum(token.like_num for token in x.doc) > 1 else ABSTAIN


def any_word(x, words, label):
    return label if any(word in x.text.lower() for word in words) else ABSTAIN


def keywords(words, label=SPAM):
    return LabelingFunction(f"keyword_{words[0]}", any_word, resources={"words": words, "label": label})


'''
LISTED = """\
lfs = [
    invites_to_check_out,
    keywords(["my"]),
    keywords(["subscribe", "suscribe"]),
    keywords(["song", "video"], label=HAM),
]
"""
NAMES = ["invites_to_check_out", "is_brief", "checks_anything_out", "shouts_at_us", "is_full_of_praise",
         "was_written_in_2014", "is_about_a_singer", "counts_with_numerals"]  # fmt: skip
LISTED_NAMES = ["keyword_my", "keyword_subscribe", "keyword_song"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rules and a pipeline that knows some singers."""
    needs("snorkel")
    needs("spacy")
    import spacy

    folder = tmp_path_factory.mktemp("snorkel")
    nlp = spacy.blank("en")
    ruler: Any = nlp.add_pipe("entity_ruler")
    singers = ("Katy Perry", "Eminem", "Shakira", "Rihanna", "LMFAO", "Psy")
    ruler.add_patterns([{"label": "PERSON", "pattern": singer} for singer in singers])
    nlp.to_disk(folder / "pipeline")
    (folder / "pipeline.txt").write_text(str(folder / "pipeline"))
    (folder / "rules.py").write_text(NAMED + LISTED)
    return folder


@pytest.fixture(scope="module")
def comments() -> pd.DataFrame:
    path = REPOSITORY / "labeling_functions/youtube_spam/data/comments.jsonl.gz"
    frame = pd.DataFrame(map(json.loads, gzip.decompress(path.read_bytes()).splitlines())).drop(columns="label")
    return frame.sample(300, random_state=0).reset_index(drop=True)


def by_snorkel(functions: list[Any], frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """The label matrix of Snorkel's own applier."""
    from snorkel.labeling import PandasLFApplier

    matrix: np.ndarray[Any, Any] = PandasLFApplier(functions).apply(frame, progress_bar=False)
    return matrix


def oracle(rules: Path, frame: pd.DataFrame) -> dict[str, list[int]]:
    """What Snorkel's applier says of each function of a rules file, by name."""
    from snorkel.labeling import LabelingFunction

    values = list(runpy.run_path(str(rules)).values())
    functions = {f.name: f for f in [*values, *values[-1]] if isinstance(f, LabelingFunction)}
    return dict(zip(functions, by_snorkel(list(functions.values()), frame).T.tolist(), strict=True))


@pytest.mark.parametrize("partition_rows", [None, 7])
def test_votes_are_those_of_snorkels_own_applier(
    folder: Path, comments: pd.DataFrame, partition_rows: int | None
) -> None:
    votes = apply(comments, load_rules(folder / "rules.py"), SPACE, id="id", partition_rows=partition_rows)
    expected = oracle(folder / "rules.py", comments)
    assert dict(zip(votes.sources, votes.matrix.T.tolist(), strict=True)) == expected
    assert not votes.failures
    assert all(set(column) >= {-1, 0} or set(column) >= {-1, 1} for column in expected.values()), "every one votes"


def test_functions_of_a_file_and_of_a_list_in_it_are_found_once_and_in_order(folder: Path) -> None:
    sources = load_rules(folder / "rules.py")
    assert [source.name for source in sources] == NAMES + LISTED_NAMES
    assert {source.family for source in sources} == {"rule"}


def test_a_list_alone_is_found(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pipeline.txt").write_text((folder / "pipeline.txt").read_text())
    (tmp_path / "rules.py").write_text(NAMED.replace("@labeling_function()\n", "") + LISTED.replace("invites_to", "#"))
    assert [source.name for source in load_rules(tmp_path / "rules.py")][-3:] == LISTED_NAMES


def test_a_project_runs_them(folder: Path, comments: pd.DataFrame) -> None:
    toml = '[data]\npath = "rows.csv"\nid = "id"\ntext = "text"\n[labels]\nHAM = ""\nSPAM = ""\n'
    write_project(
        folder / "project",
        toml='rules = ["rules.py"]\n' + toml,
        rules=NAMED + LISTED,
        rows=comments[:40].to_csv(index=False),
        pipeline_txt=(folder / "pipeline.txt").read_text(),
    )
    finished = run(open_project(folder / "project"))
    votes = pd.read_parquet(finished.folder / "votes.parquet").set_index("row_id")
    names = {-1: None, 0: "HAM", 1: "SPAM"}
    for name, expected in oracle(folder / "rules.py", comments[:40]).items():
        assert votes[name].replace({np.nan: None}).tolist() == [names[vote] for vote in expected]


def test_after_a_journey_to_another_process_they_vote_the_same_on_rows_met_before(
    folder: Path, comments: pd.DataFrame
) -> None:
    """What Snorkel's pre-processors remember of a row does not survive pickling, so it must not travel."""
    rows = Rows.of(comments[:20])
    for source in load_rules(folder / "rules.py"):
        here = source.vote(rows, SPACE)
        there = cloudpickle.loads(cloudpickle.dumps(source)).vote(rows, SPACE)
        assert not there.failures
        assert there.labels.tolist() == here.labels.tolist()


# ---- one by one ------------------------------------------------------------------------------------------------------


@pytest.fixture
def snorkel_function() -> Any:
    needs("snorkel")
    from snorkel.labeling import LabelingFunction

    return LabelingFunction


def test_a_row_sees_what_snorkel_shows_it(snorkel_function: Any) -> None:
    """Types, missing cells and the index are those of the frame, so that no function can tell the difference."""
    frame = pd.DataFrame({"text": ["a", None], "stars": [1, 2], "score": [0.5, np.nan], "seen": [True, False]})

    shown: list[Any] = []

    def look(x: Any) -> int:
        shown.append((type(x), x.name, *((name, type(x[name]), str(x[name])) for name in x.index)))
        return -1

    by_snorkel([snorkel_function("f", look)], frame)
    apply(frame, [snorkel_function("f", look)], SPACE)
    assert shown[: len(frame)] == shown[len(frame) :]


@pytest.mark.parametrize(
    ("answer", "vote", "complaint"),
    [
        (1, 1, ""),
        (np.int64(0), 0, ""),
        (-1, -1, ""),
        (2, -1, "returned 2; a Snorkel function returns an int from -1 to 1 here"),
        (-2, -1, "returned -2"),
        ("SPAM", -1, "returned 'SPAM'"),
        (0.0, -1, "returned 0.0"),
    ],
)
def test_an_int_is_the_label_of_its_place(snorkel_function: Any, answer: Any, vote: int, complaint: str) -> None:
    votes = apply(pd.DataFrame({"a": [1]}), [snorkel_function("f", lambda x: answer)], SPACE, max_failure_share=1)
    assert votes.matrix.tolist() == [[vote]]
    assert [complaint in failure.message for failure in votes.failures] == [True] * bool(complaint)


def test_a_row_on_which_it_raises_is_a_failure_and_not_an_abstention(snorkel_function: Any) -> None:
    frame = pd.DataFrame({"text": ["spam", None, "ham"]})
    votes = apply(frame, [snorkel_function("f", lambda x: 1 if "spam" in x.text else -1)], SPACE)
    assert votes.status[:, 0].tolist() == [Status.VOTED, Status.FAILED, Status.ABSTAINED]
    assert votes.failures[0].message.startswith("TypeError")


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("x.capitals > 0.4", "x.capitals > 0.5", "shouts_at_us"),
        ("letter.isupper()", "letter.islower()", "shouts_at_us"),
        ('"best")', '"worst")', "is_full_of_praise"),
        ('["my"]', '["my", "our"]', "keyword_my"),
        ("label=HAM", "label=SPAM", "keyword_song"),
        ("len(x.doc) < 20", "len(x.doc) < 21", "is_about_a_singer"),
        ('"""Asks', '"""Begs', ""),
    ],
)
def test_an_edit_changes_the_fingerprint_of_its_function_alone(
    old: str, new: str, changed: str, folder: Path, tmp_path: Path
) -> None:
    assert (NAMED + LISTED).count(old) == 1
    (tmp_path / "pipeline.txt").write_text((folder / "pipeline.txt").read_text())
    (tmp_path / "rules.py").write_text((NAMED + LISTED).replace(old, new))
    before, after = (
        {source.name: source.fingerprint() for source in load_rules(place / "rules.py")} for place in (folder, tmp_path)
    )
    assert {name for name in after if after[name] != before[name]} == ({changed} if changed else set())


def test_another_pipeline_is_another_fingerprint(folder: Path, tmp_path: Path, snorkel_function: Any) -> None:
    import spacy
    from snorkel.preprocess.nlp import SpacyPreprocessor

    spacy.blank("en").to_disk(tmp_path / "other")
    prints = set()
    for pipeline in (folder / "pipeline", tmp_path / "other"):
        parse = SpacyPreprocessor("text", "doc", language=str(pipeline))
        prints.add(SnorkelFunction(snorkel_function("f", len, pre=[parse])).fingerprint())
    assert len(prints) == 2


def test_rows_that_its_pre_processors_met_do_not_change_a_fingerprint(folder: Path, comments: pd.DataFrame) -> None:
    sources: list[Any] = load_rules(folder / "rules.py")
    before = [source.fingerprint() for source in sources]
    apply(comments[:20], sources, SPACE)
    assert [SnorkelFunction(source.function).fingerprint() for source in sources] == before
