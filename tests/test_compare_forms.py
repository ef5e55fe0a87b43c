"""The forms of a comparison on paper and screen, and comparisons of a project's own sources."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from compared import frame, inside
from projects import write_project

import quorate


def test_the_html_is_whole_in_itself_and_escapes(labels: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    inside("compare", labels, "a", "b", "c", "--gold", "gold", "--text", "text", "--html", path)
    html = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=\"(?!#|data:)", html)
    assert "<b>row" not in html
    assert "&lt;b&gt;row" in html
    assert "<script" not in html
    _Balanced().check(html)
    assert all(f'href="#{anchor}"' in html for anchor in ("right", "agreement", "differ", "both", "ran"))


class _Balanced(HTMLParser):
    """Every element is closed where it was opened."""

    def check(self, html: str) -> None:
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_markdown_cannot_be_broken_out_of(tmp_path: Path) -> None:
    table = frame(200)
    table["text"] = "a | b <script>alert(1)</script> `code` @everyone [x](http://y)"
    markdown = quorate.compare(table, "a", "b", gold="gold", text="text").markdown()
    assert "<script" not in markdown
    assert "@everyone" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) >= 4 for row in rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    toml = """\
    rules = ["rules.py"]

    [data]
    path = "rows.csv"
    id = "id"
    text = "text"

    [labels]
    HAM = ""
    SPAM = ""

    [gold]
    column = "gold"
    """
    rules = """\
    from quorate import labeling_function

    @labeling_function()
    def strict(text):
        return "SPAM" if "channel" in text else "HAM"

    @labeling_function()
    def lax(text):
        return "SPAM" if "my" in text else "HAM"

    @labeling_function(label="HAM")
    def song(text):
        return "song" in text
    """
    texts = ["my channel", "my song", "a song", "nice channel", "my my", "hello"] * 10
    gold = ["SPAM", "HAM", "HAM", "SPAM", "HAM", "HAM"] * 10
    lines = [f"r{i},{text},{label if i % 2 else ''}" for i, (text, label) in enumerate(zip(texts, gold, strict=True))]
    folder = tmp_path_factory.mktemp("project") / "spam"
    return write_project(folder, toml=toml, rules=rules, rows="\n".join(["id,text,gold", *lines]) + "\n")


def test_a_project_has_its_own_gold_text_and_rules(project: Path) -> None:
    told = inside("compare", project, "strict", "lax", "--json").json
    assert told["title"] == "spam"
    assert told["settled"]["rows"] == 30
    assert told["verdict"]["outcome"] == "a"
    assert any(each["name"] == "song votes" for each in told["slices"])
    assert told["powered"]["prediction"].startswith("the probability of each label by quorum")
    assert len({source["fingerprint"] for source in told["ran"]["sources"]}) == 2


def test_a_project_says_what_it_lacks(project: Path) -> None:
    assert "Did you mean 'strict'" in inside("compare", project, "strickt", "lax").err
    assert inside("compare", project, "strict", "lax", "--gold", "gold").code == 2
    assert inside("compare", project).code == 2
