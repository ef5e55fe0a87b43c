"""Keyword lists, expressions and gazetteers: what they find is what Python would find, row by row."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from projects import REPOSITORY, write_project

from quorate import LabelSpace, Rows, open_project, run
from quorate.errors import PluginError, ProjectError, TableError
from quorate.sources.gazetteer import Gazetteer
from quorate.sources.keywords import Keywords
from quorate.sources.regex import Regex

SPACE = LabelSpace(("HAM", "SPAM"))
BUNDLED = {"youtube_spam": "comments.jsonl.gz", "snips_intents": "utterances.jsonl.gz"}


@cache
def bundled(project: str) -> Rows:
    return Rows.of(pd.read_json(REPOSITORY / "labeling_functions" / project / "data" / BUNDLED[project], lines=True))


def rows_of(texts: Any, type: pa.DataType | None = None) -> Rows:
    return Rows.of(pa.table({"text": pa.array(texts, type or pa.string())}))


def found(source: Any, rows: Rows) -> list[bool]:
    return [bool(vote == 1) for vote in source.vote(rows, SPACE).labels]


def finds(term: str, text: str, **options: Any) -> bool:
    return found(Keywords(name="k", label="SPAM", any=(term,), **options), rows_of([text]))[0]


# ---- whole words -----------------------------------------------------------------------------------------------------

CAFE_IN_TWO = unicodedata.normalize("NFD", "café")


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("song", "A song.", True),
        ("song", "songs", False),
        ("song", "song", True),
        ("song", "song2", False),
        ("song", "(song)", True),
        ("song", "my_song_list", True),
        ("café", "un café noir", True),
        ("café", "cafés", False),
        ("ber", "über", False),
        ("caf", "café", False),
        ("cafe", CAFE_IN_TWO, False),
        (CAFE_IN_TWO, f"un {CAFE_IN_TWO} noir", True),
        (CAFE_IN_TWO, f"{CAFE_IN_TWO}s", False),
        ("кот", "который", False),
        ("कम", "कमी", False),
        ("कमी", "यह कमी है", True),
        ("कमी", "कमीना", False),
        (".com", "see example.com now", True),
        (".com", "example.community", False),
        ("$5", "only $5!", True),
        ("$5", "only $50", False),
        ("5€", "für 5€", True),
        ("5€", "für 15€", False),
        ("❤", "love ❤ it", True),
        ("🎵🎶", "la🎵🎶la", True),
        ("<3", "i <3 it", True),
        ("c++", "C++ rocks", True),
        ("what?!", "so what?!", True),
        ("a.b", "axb", False),
        ("[x]", "x", False),
        ("\\d", "7", False),
        ("—", "so — yes", True),
    ],
)
def test_a_whole_word_has_no_letter_or_digit_beside_it(term: str, text: str, expected: bool) -> None:
    assert finds(term, text) is expected


@pytest.mark.parametrize("gap", [" ", "  ", "\t", "\n", "\r\n", " \n ", "\u00a0", "\u2009", "\u3000", "\v", "\u2028"])
def test_a_space_in_a_phrase_matches_any_white_space(gap: str) -> None:
    assert finds("free money", f"get free{gap}money now")
    assert finds(f"free{gap}money", "get free money now")


def test_a_phrase_needs_white_space_where_it_has_a_space() -> None:
    assert not finds("free money", "freemoney")
    assert not finds("free money", "free-money")


@pytest.mark.parametrize(("term", "text"), [("FREE", "free"), ("éTÉ", "Été"), ("москва", "москва".upper()), ("ω", "Ω")])
def test_case_counts_only_when_asked_to(term: str, text: str) -> None:
    assert finds(term, text)
    assert not finds(term, text, ignore_case=False)
    assert finds(term, term, ignore_case=False)


def test_parts_of_words_match_when_whole_words_are_not_asked_for() -> None:
    assert finds("ber", "über", whole_words=False)
    assert finds("song", "birdsongs", whole_words=False)


# ---- against plain Python --------------------------------------------------------------------------------------------

LETTERS = "abAB1éÉüЖж_.$-€ \t\u00a0"


def plainly_found(text: str, terms: list[str], whole_words: bool, ignore_case: bool) -> bool:
    """Keywords as their documentation says, by scanning every place of the text."""
    if ignore_case:
        text, terms = text.lower(), [term.lower() for term in terms]
    return any(
        _stands(text, start, term.split(), whole_words) for term in terms if term.strip() for start in range(len(text))
    )


def _stands(text: str, start: int, words: list[str], whole_words: bool) -> bool:
    end = start
    for i, word in enumerate(words):
        gap = len(text[end:]) - len(text[end:].lstrip()) if i else 0
        if (i and not gap) or not text.startswith(word, end + gap):
            return False
        end += gap + len(word)
    before, after = text[:start][-1:], text[end : end + 1]
    joined = (words[0][0].isalnum() and before.isalnum()) or (words[-1][-1].isalnum() and after.isalnum())
    return not (whole_words and joined)


@given(
    st.lists(st.text(LETTERS, max_size=12) | st.none(), max_size=6),
    st.lists(st.text(LETTERS, min_size=1, max_size=4).filter(str.strip), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
)
@example(["aa a"], ["a"], True, True)
@example(["a a a b"], ["a b", "b a"], True, False)
def test_keywords_find_what_a_plain_scan_finds(
    texts: list[str | None], terms: list[str], whole_words: bool, ignore_case: bool
) -> None:
    source = Keywords(name="k", label="SPAM", any=tuple(terms), whole_words=whole_words, ignore_case=ignore_case)
    expected = [text is not None and plainly_found(text, terms, whole_words, ignore_case) for text in texts]
    assert found(source, rows_of(texts)) == expected


@pytest.mark.parametrize("project", BUNDLED)
@pytest.mark.parametrize(
    "terms",
    [("song",), ("check out", "my channel"), (".com", "$", "5"), ("i'm", "<3", "!!!"), ("é", "ü", "a")],
)
@pytest.mark.parametrize("ignore_case", [True, False])
def test_keywords_find_in_real_texts_what_re_finds(project: str, terms: tuple[str, ...], ignore_case: bool) -> None:
    rows = bundled(project)
    alike = re.compile("|".join(map(whole_word, terms)), re.IGNORECASE if ignore_case else 0)
    expected = [bool(alike.search(text)) for text in rows.values("text")]
    assert found(Keywords(name="k", label="SPAM", any=terms, ignore_case=ignore_case), rows) == expected


def whole_word(term: str) -> str:
    before = r"(?<![^\W_])" if term[0].isalnum() else ""
    after = r"(?![^\W_])" if term[-1].isalnum() else ""
    return before + r"\s+".join(map(re.escape, term.split())) + after


def declared_patterns(project: str) -> list[Any]:
    settings = tomllib.loads((REPOSITORY / "labeling_functions" / project / "quorate.toml").read_text("utf-8"))
    return [pytest.param(project, s["pattern"], id=s["name"]) for s in settings["sources"] if s["kind"] == "regex"]


@pytest.mark.parametrize(("project", "pattern"), [case for name in BUNDLED for case in declared_patterns(name)])
def test_an_expression_finds_in_real_texts_what_re_finds(project: str, pattern: str) -> None:
    rows = bundled(project)
    expected = [bool(re.search(pattern, text, re.IGNORECASE | re.ASCII)) for text in rows.values("text")]
    assert any(expected)
    assert found(Regex(name="r", label="SPAM", pattern=pattern), rows) == expected


def test_two_thousand_terms_find_what_a_set_of_words_finds() -> None:
    rows = bundled("youtube_spam")
    words = [set(re.findall(r"[^\W_]+", text.lower())) for text in rows.values("text")]
    known = sorted({word for some in words for word in some if word.isascii()})
    terms = {*known[::5], *(f"term{i}" for i in range(2000))}
    assert len(terms) > 2000
    source = Keywords(name="k", label="SPAM", any=tuple(terms))
    assert found(source, rows) == [not terms.isdisjoint(some) for some in words]


def test_two_thousand_long_phrases_in_another_script_are_all_found() -> None:
    terms = [f"Очень длинная строка из многих слов, номер {i}, которую пишут целиком" for i in range(2000)]
    source = Keywords(name="k", label="SPAM", any=tuple(terms))
    texts = [f"«{terms[i].upper()}»" for i in (0, 999, 1999)] + [terms[0][:-1]]
    assert found(source, rows_of(texts)) == [True, True, True, False]


# ---- cells -----------------------------------------------------------------------------------------------------------


def test_null_cells_and_empty_texts_abstain() -> None:
    source = Regex(name="r", label="SPAM", pattern="a|^b")
    assert found(source, rows_of([None, "a", "", None, "b"])) == [False, True, False, False, True]
    assert found(source, rows_of([None, None], pa.null())) == [False, False]
    assert found(source, rows_of([])) == []


@pytest.mark.parametrize("type", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_text_is_text_however_arrow_holds_it(type: pa.DataType) -> None:
    """A pandas category is a dictionary, and polars hands out string views."""
    rows = rows_of(["my song", None, "songs"], type)
    assert found(Keywords(name="k", label="SPAM", any=("song",)), rows) == [True, False, False]


def test_a_column_without_text_is_an_error_that_names_it() -> None:
    source = Keywords(name="k", label="SPAM", any=("song",), column="stars")
    with pytest.raises(TableError, match=r"'k' searches column 'stars' for text, but it holds int64"):
        source.vote(Rows.of(pa.table({"stars": [1, 2]})), SPACE)


# ---- gazetteers and mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"song\nNew York\n", b"\xef\xbb\xbfsong\r\nNew York", b"# towns\n\n  New York  \n  # no\nsong\n"]
)
def test_a_gazetteer_is_a_file_with_one_term_a_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_bytes(content)
    source = Gazetteer(name="g", label="SPAM", path=tmp_path / "terms.txt")
    rows = rows_of(["a song", "in new  york", "york", "towns", "no", "\ufeff"])
    assert found(source, rows) == [True, True, False, False, False, False]


def test_another_term_is_another_fingerprint(tmp_path: Path) -> None:
    prints = []
    for terms in ("song", "song\ntune", "tune\nsong\n# more\nsong"):
        (tmp_path / "terms.txt").write_text(terms)
        prints.append(Gazetteer(name="g", label="SPAM", path=tmp_path / "terms.txt").fingerprint())
    assert prints[0] != prints[1]
    assert prints[1] == prints[2]


PATTERNS_TOML = """\
    [data]
    path = "rows.csv"
    text = "text"
    [labels]
    HAM = "honest"
    SPAM = "advertising"
    """


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ('kind = "regex"\npattern = "(?<!x)y"', r"pattern of 'p' .* RE2 .* no look-around"),
        ('kind = "regex"\npattern = "("', r"pattern of 'p' is not a regular expression .*missing \)"),
        ('kind = "keywords"\nany = [" "]', r"keywords 'p': `any` holds no word"),
        ('kind = "gazetteer"\npath = "absent.txt"', r"gazetteer 'p': cannot read absent.txt"),
        ('kind = "gazetteer"\npath = "empty.txt"', r"gazetteer 'p': empty.txt holds no term"),
    ],
)
def test_a_pattern_that_cannot_work_is_named_before_anything_runs(source: str, complaint: str, tmp_path: Path) -> None:
    declared = f'{PATTERNS_TOML}\n[[sources]]\nname = "p"\nlabel = "SPAM"\n{source}\n'
    write_project(tmp_path, toml=declared, empty_txt="# nothing\n")
    with pytest.raises((ProjectError, PluginError), match=complaint):
        open_project(tmp_path)


def test_patterns_of_a_project_read_its_text_column_unless_told_otherwise(tmp_path: Path) -> None:
    declared = PATTERNS_TOML.replace('"text"', '"words"')
    declared += '\n[[sources]]\nkind = "keywords"\nname = "k"\nlabel = "SPAM"\nany = ["song"]\n'
    declared += '\n[[sources]]\nkind = "regex"\nname = "r"\nlabel = "HAM"\npattern = "song"\ncolumn = "title"\n'
    write_project(tmp_path, toml=declared, rows="words,title\na song,x\ny,my song\n")
    numbers = run(open_project(tmp_path)).report
    assert {s["name"]: s["coverage"] for s in numbers["sources"]} == {"k": 0.5, "r": 0.5}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("free free, FREE! my  channel", ["free", "free", "FREE", "my  channel"]),
        ("unfree <b>free</b> \u0645\u0631\u062d\u0628\u0627 free \U0001f600free\U0001f600", ["free"] * 3),
        ("freed unfree free", ["free"]),
        ("my channels", []),
        ("nothing", []),
        ("", []),
        ("\ufdd0free\ufdd1 \ud800free", ["free", "free"]),
    ],
)
def test_what_a_pattern_source_found_is_pointed_at_in_characters(text: str, found: list[str]) -> None:
    source = Keywords(name="s", label="SPAM", any=("free", "my channel"))
    spans = source.spans(text)
    assert [text[start:end] for start, end in spans] == found
