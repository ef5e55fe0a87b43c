"""spaCy: `doc` for labeling functions, parsed once for all of them, and pipelines that vote themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from projects import needs, write_project

from quorate import SpacyDoc, Status, Votes, apply, labeling_function, open_project, run
from quorate.errors import PluginError, QuorateError
from quorate.run import check
from quorate.sources.spacy import Spacy
from quorate.store import Store

TEXTS = ["call 555", "nice song", "call 555", "call 999 now"]


@pytest.fixture(scope="module")
def spacy() -> Any:
    """spaCy, with a component that notes each text it meets in a file, and one that reads scores from the text."""
    needs("spacy")
    import spacy
    from spacy.language import Language

    @Language.factory("quorate_notes", default_config={"log": ""})
    def notes(nlp: Any, name: str, log: str) -> Any:
        def note(doc: Any) -> Any:
            with Path(log).open("a", encoding="utf-8") as file:
                file.write(f"{doc.text}\n")
            if doc.text == "broken":
                raise ValueError("this component cannot stand the word")
            return doc

        return note

    @Language.factory("quorate_scores", default_config={"names": ["advert", "honest"]})
    def scores(nlp: Any, name: str, names: list[str]) -> Any:
        def score(doc: Any) -> Any:
            doc.cats = dict(zip(names, map(float, doc.text.split()), strict=False))
            return doc

        return score

    return spacy


@pytest.fixture
def noting(spacy: Any, tmp_path: Path) -> tuple[str, Path]:
    """A pipeline on disk, and the file in which it notes the texts that it parses."""
    log = tmp_path / "log"
    nlp = spacy.blank("en")
    nlp.add_pipe("quorate_notes", config={"log": str(log)})
    nlp.to_disk(tmp_path / "noting")
    return str(tmp_path / "noting"), log


def noted(log: Path) -> list[str]:
    """The texts parsed since last asked."""
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    log.write_text("")
    return lines


def numbers(name: str) -> Any:
    return labeling_function(label="SPAM", name=name)(lambda doc: any(token.like_num for token in doc))


def ask(texts: Any, *sources: Any, **options: Any) -> Votes:
    return apply(pd.DataFrame({"text": texts}), sources, ["HAM", "SPAM"], max_failure_share=1, **options)


# ---- doc -------------------------------------------------------------------------------------------------------------

DOC_TOML = """\
    rules = ["rules.py"]
    [data]
    path = "rows.csv"
    text = "comment"
    [labels]
    HAM = "honest"
    SPAM = "advertising"
    """
DOC_RULES = """\
    from quorate import labeling_function

    @labeling_function(label="SPAM", examples={"call 555": "SPAM", "call me": None})
    def number(doc):
        return any(token.like_num for token in doc)

    @labeling_function(label="HAM")
    def two_words(doc, comment):
        return len(doc) == 2 and bool(comment)
    """
DOC_ROWS = "comment\ncall 555 now\nnice song\nI have 2 dogs\ncall 1\n"


@pytest.mark.usefixtures("spacy")
def test_functions_of_a_project_may_ask_for_doc_with_nothing_downloaded(tmp_path: Path) -> None:
    project = open_project(write_project(tmp_path, toml=DOC_TOML, rules=DOC_RULES, rows=DOC_ROWS))
    finished = run(project)
    votes = pd.read_parquet(finished.folder / "votes.parquet")
    assert votes["number"].tolist()[0::2] == ["SPAM", "SPAM"]
    assert votes["two_words"].notna().tolist() == [False, True, False, True]


@pytest.mark.usefixtures("spacy")
def test_the_examples_of_a_function_that_asks_for_doc_are_texts(tmp_path: Path) -> None:
    rules = DOC_RULES.replace('"call me": None', '"call me": "SPAM"')
    for text, broken in ((DOC_RULES, []), (rules, ["number('call me') gave None, expected 'SPAM'"])):
        assert check(open_project(write_project(tmp_path, toml=DOC_TOML, rules=text, rows=DOC_ROWS))) == broken


@pytest.mark.parametrize("relative", [False, True])
def test_a_project_names_its_pipeline_by_a_path_that_may_start_at_its_folder(
    relative: bool, noting: tuple[str, Path], tmp_path: Path
) -> None:
    pipeline, log = noting
    toml = DOC_TOML + f'\n    [spacy]\n    pipeline = "{Path(pipeline).name if relative else pipeline}"\n'
    run(open_project(write_project(tmp_path, toml=toml, rules=DOC_RULES, rows=DOC_ROWS)))
    assert sorted(noted(log)) == sorted(DOC_ROWS.splitlines()[1:])


def test_a_pipeline_that_changed_on_disk_is_read_again(spacy: Any, tmp_path: Path) -> None:
    rules = DOC_RULES[: DOC_RULES.index("@")] + '@labeling_function(label="SPAM")\n    def named(doc):\n'
    rules += "        return bool(doc.ents)\n"
    for word, expected in (("nice", [1]), ("call", [0, 3])):
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns([{"label": "WORD", "pattern": word}])
        nlp.to_disk(tmp_path / "retrained")
        toml = DOC_TOML + f'\n    [spacy]\n    pipeline = "{tmp_path / "retrained"}"\n'
        finished = run(open_project(write_project(tmp_path / "project", toml=toml, rules=rules, rows=DOC_ROWS)))
        votes = pd.read_parquet(finished.folder / "votes.parquet")["named"]
        assert votes.index[votes.notna()].tolist() == expected


def test_each_distinct_text_is_parsed_once_for_all_functions(noting: tuple[str, Path]) -> None:
    pipeline, log = noting
    votes = ask(TEXTS, *map(numbers, "abc"), derived=[SpacyDoc("text", pipeline)])
    assert votes.matrix.tolist() == [[1] * 3, [-1] * 3, [1] * 3, [1] * 3]
    assert sorted(noted(log)) == sorted(set(TEXTS))


def test_a_second_run_parses_nothing_and_appended_rows_are_parsed_once(
    noting: tuple[str, Path], tmp_path: Path
) -> None:
    pipeline, log = noting
    store, doc = Store(tmp_path / "store"), SpacyDoc("text", pipeline)
    first = ask(TEXTS, *map(numbers, "ab"), derived=[doc], store=store)
    assert sorted(noted(log)) == sorted(set(TEXTS))
    second = ask(TEXTS, *map(numbers, "ab"), derived=[SpacyDoc("text", pipeline)], store=store)
    assert second.matrix.tolist() == first.matrix.tolist()
    assert noted(log) == []
    ask([*TEXTS, "wholly new 7", "wholly new 7"], *map(numbers, "ab"), derived=[doc], store=store)
    assert noted(log) == ["wholly new 7"]


@pytest.mark.usefixtures("spacy")
def test_no_text_is_an_empty_doc() -> None:
    empty = labeling_function(label="HAM", name="empty")(lambda doc: len(doc) == 0)
    assert ask([None, "", "word"], empty, derived=[SpacyDoc("text")]).matrix[:, 0].tolist() == [0, 0, -1]


@pytest.mark.parametrize(("text", "complaint"), [("broken", "cannot stand"), ("a " * 500_001, "E088")])
@pytest.mark.parametrize("kind", ["function", "source"])
def test_a_text_that_the_pipeline_cannot_parse_costs_its_row_alone(
    kind: str, text: str, complaint: str, noting: tuple[str, Path]
) -> None:
    pipeline, _ = noting
    source = numbers("s") if kind == "function" else Spacy("s", pipeline=pipeline, read="ents")
    unharmed = labeling_function(label="HAM", name="unharmed")(lambda text: True)
    votes = ask(["call 1", text, "call 2"], source, unharmed, derived=[SpacyDoc("text", pipeline)])
    good = Status.VOTED if kind == "function" else Status.ABSTAINED
    assert votes.status.tolist() == [[good, 0], [Status.FAILED, 0], [good, 0]]
    assert complaint in votes.failures[0].message


# ---- fingerprints ----------------------------------------------------------------------------------------------------


def test_another_pipeline_is_another_fingerprint(spacy: Any, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    prints = [SpacyDoc("text").fingerprint(), SpacyDoc("text", "blank:de").fingerprint()]
    for term in ("rome", "paris"):
        ruler.add_patterns([{"label": "CITY", "pattern": term}])
        nlp.to_disk(tmp_path / term)
        prints.append(SpacyDoc("text", str(tmp_path / term)).fingerprint())
    sources = [
        Spacy("s"),
        Spacy("s", terms={"HAM": ("a",)}),
        Spacy("s", terms={"HAM": ("b",)}),
        Spacy("s", read="cats"),
    ]
    prints += [source.fingerprint() for source in sources]
    assert len(set(prints)) == len(prints)


@pytest.mark.usefixtures("spacy")
def test_a_fingerprint_does_not_change_with_the_texts_that_were_read() -> None:
    doc, source = SpacyDoc("text", "blank:xx"), Spacy.example()
    before = doc.fingerprint(), source.fingerprint()
    ask(["mots jamais vus xyzzy plugh"], numbers("n"), source, derived=[doc])
    assert (doc.fingerprint(), source.fingerprint()) == before
    assert (SpacyDoc("text", "blank:xx").fingerprint(), Spacy.example().fingerprint()) == before


@pytest.mark.usefixtures("spacy")
def test_a_fingerprint_is_the_same_in_every_process() -> None:
    code = "from quorate.sources.spacy import *; print(SpacyDoc('text').fingerprint(), Spacy.example().fingerprint())"
    elsewhere = os.environ | {"PYTHONHASHSEED": "1"}
    printed = subprocess.run([sys.executable, "-c", code], env=elsewhere, stdout=subprocess.PIPE, text=True, check=True)
    assert printed.stdout == f"{SpacyDoc('text').fingerprint()} {Spacy.example().fingerprint()}\n"


# ---- pipelines that vote ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("spacy")
def test_terms_vote_where_they_agree() -> None:
    source = Spacy("terms", terms={"SPAM": ("channel", "free money"), "HAM": ("song",)})
    texts = ["My CHANNEL", "free money!", "Song", "a song for my channel", "nothing", "channels", None, ""]
    assert ask(texts, source).matrix[:, 0].tolist() == [1, 1, 0, -1, -1, -1, -1, -1]


def test_two_sources_on_one_pipeline_keep_their_terms_to_themselves(noting: tuple[str, Path]) -> None:
    pipeline, _ = noting
    spam = Spacy("spam", pipeline=pipeline, terms={"SPAM": ("channel",)})
    ham = Spacy("ham", pipeline=pipeline, terms={"HAM": ("song",)})
    plain = Spacy("plain", pipeline=pipeline)
    assert ask(["channel", "song"], spam, ham, plain).matrix.tolist() == [[1, -1, -1], [-1, 0, -1]]


def test_entities_that_stand_for_no_label_do_not_vote(spacy: Any, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    patterns = [{"label": "PRODUCT", "pattern": "widget"}, {"label": "CITY", "pattern": "Rome"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(tmp_path / "cities")
    source = Spacy("products", pipeline=str(tmp_path / "cities"), labels_for={"PRODUCT": "SPAM"})
    votes = ask(["a widget", "a widget in Rome", "Rome"], source)
    assert votes.matrix[:, 0].tolist() == [1, 1, -1]
    assert not votes.failures


def test_cats_vote_with_their_scores_where_the_best_reaches_the_threshold(spacy: Any, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("quorate_scores")
    nlp.to_disk(tmp_path / "scores")
    names = {"advert": "SPAM", "honest": "HAM"}
    source = Spacy("cats", pipeline=str(tmp_path / "scores"), read="cats", threshold=0.6, labels_for=names)
    votes = ask(["0.9 0.1", "0.3 0.7", "0.55 0.45", "", None], source)
    assert votes.matrix[:, 0].tolist() == [1, 0, -1, -1, -1]
    np.testing.assert_allclose(votes.distributions["cats"][:2], [[0.1, 0.9], [0.7, 0.3]], atol=1e-6)


def test_cats_that_stand_for_one_label_add_up_and_no_score_is_no_vote(spacy: Any, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("quorate_scores", config={"names": ["advert", "promotion", "honest"]})
    nlp.to_disk(tmp_path / "scores")
    names = {"advert": "SPAM", "promotion": "SPAM", "honest": "HAM"}
    source = Spacy("cats", pipeline=str(tmp_path / "scores"), read="cats", threshold=0, labels_for=names)
    votes = ask(["0.4 0.2 0.4", "0 0 0"], source)
    assert votes.status[:, 0].tolist() == [Status.VOTED, Status.ABSTAINED]
    np.testing.assert_allclose(votes.distributions["cats"][0], [0.4, 0.6], atol=1e-6)


@pytest.mark.usefixtures("spacy")
def test_a_source_with_terms_is_declared_in_the_project(tmp_path: Path) -> None:
    toml = (
        DOC_TOML.replace('rules = ["rules.py"]', "") + '\n    [[sources]]\n    kind = "spacy"\n    name = "numbers"\n'
    )
    toml += '    terms = { SPAM = ["call"], HAM = ["song", "dogs"] }\n'
    finished = run(open_project(write_project(tmp_path, toml=toml, rows=DOC_ROWS)))
    assert pd.read_parquet(finished.folder / "votes.parquet")["numbers"].tolist() == ["SPAM", "HAM", "HAM", "SPAM"]


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("spacy")
def test_a_pipeline_that_is_not_there_is_named_before_anything_is_parsed(tmp_path: Path) -> None:
    toml = DOC_TOML + '\n    [spacy]\n    pipeline = "en_core_web_nope"\n'
    with pytest.raises(QuorateError, match="cannot load the pipeline 'en_core_web_nope'"):
        run(open_project(write_project(tmp_path, toml=toml, rules=DOC_RULES, rows=DOC_ROWS)))


def test_a_wrong_place_to_read_is_named() -> None:
    with pytest.raises(PluginError, match="'s': `read` is 'cats' or 'ents', not 'spans'"):
        Spacy("s", read="spans")


def test_a_word_in_place_of_a_list_of_terms_is_not_taken_for_its_letters() -> None:
    mistaken: Any = {"SPAM": "channel"}
    with pytest.raises(PluginError, match="'s': the terms of 'SPAM' are a list, not 'channel'"):
        Spacy("s", terms=mistaken)
