"""Ten regex rules for comment spam, and as many comments as a benchmark wants."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import NamedTuple

from benchmarks.measurement import PROJECTS, Context

LABELS = ("HAM", "SPAM")
SETTINGS = """
rules = ["rules.py"]
[data]
path = "rows.jsonl"
id = "id"
text = "text"
[labels]
HAM = ""
SPAM = ""
"""


class Rule(NamedTuple):
    """Votes `label` where the pattern is found, whatever the case of ASCII letters."""

    name: str
    label: str
    pattern: str


# What these patterns use means the same to RE2 and to Python's re with re.ASCII: `\b`, `\d` and `[a-z]` are ASCII,
# and there is no `$`, which Python lets match before a last newline.
RULES = (
    Rule("asks_to_subscribe", "SPAM", r"\bsu(b|bs|bscri(be|bed|ber|bers|bing))\b"),
    Rule("says_check_out", "SPAM", r"\bcheck(ed|ing)? ([a-z]+ ){0,3}out\b"),
    Rule("has_a_link", "SPAM", r"https?://|\bwww\.|\.(com|net|org|tk|ly)\b"),
    Rule("names_own_channel", "SPAM", r"\bmy (new |own |first |latest |music )?(channel|video|page|site|blog)s?\b"),
    Rule("promises_money", "SPAM", r"\$ ?\d+|\b(earn|make|win|free) (some |easy |real |online )?(money|cash|gift)"),
    Rule("begs", "SPAM", r"\b(please|pls|plz)\b.{0,40}\b(like|share|help|support|vote|visit|watch|listen)\b"),
    Rule("praises", "HAM", r"\b(love|like|adore)s? (this|the|that|her|his) (song|video|music|beat|voice|clip)\b"),
    Rule("best_ever", "HAM", r"\b(best|greatest|coolest) (song|video|singer|music|clip)s?\b|\bever made\b"),
    Rule("counts_views", "HAM", r"\b(\d+|[mb]illions?) (of )?(view|like|dislike|people|hit)s?\b"),
    Rule("looks_back", "HAM", r"\b(years ago|old song|still (listen|watch)(ing)?|in 20\d\d|memories|childhood)\b"),
)


def comments(context: Context, rows: int) -> list[str]:
    """So many comments: those of YouTube Spam, over and over."""
    folder = (context.data or Path()) / "text" / "youtube_spam"
    if not folder.is_dir():
        folder = PROJECTS / "youtube_spam" / "data"
    lines = [
        line for file in sorted(folder.glob("*.jsonl.gz")) for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    texts = [json.loads(line)["text"] for line in lines]
    return [texts[i % len(texts)] for i in range(rows)]


def rules_file(copies: int, edited: str = "") -> str:
    """A rules.py with so many copies of each rule; the function named `edited` gets another pattern."""
    parts = ["import re\n\nfrom quorate import labeling_function\n"]
    for name, label, pattern in [rule._replace(name=f"{rule.name}_{i}") for i in range(copies) for rule in RULES]:
        now = f"{pattern}|edited" if name == edited else pattern
        parts.append(
            f"{name.upper()} = re.compile({now!r}, re.IGNORECASE | re.ASCII)\n\n\n"
            f"@labeling_function\ndef {name}(text):\n"
            f"    return {label!r} if {name.upper()}.search(text) else None\n"
        )
    return "\n\n".join(parts)


def write_project(folder: Path, texts: list[str], copies: int = 1) -> None:
    """Makes a folder the labeling project of these texts and rules, with no trace of a run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    lines = [json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(texts)]
    (folder / "rows.jsonl").write_text("".join(lines), "utf-8")
    (folder / "rules.py").write_text(rules_file(copies), "utf-8")
    (folder / "quorate.toml").write_text(SETTINGS, "utf-8")
