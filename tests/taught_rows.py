"""Small projects to train on: invented comments of two kinds, rules that err, and gold for some rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from projects import write_project

TOML = """\
rules = ["rules.py"]

[data]
path = "rows.csv"
id = "id"
text = "text"

[labels]
HAM = "honest"
SPAM = "advertising"

[gold]
column = "gold"
use = "evaluate"
"""

RULES = """\
from quorate import labeling_function


@labeling_function(label="SPAM")
def channel(text):
    return "channel" in text or "money" in text


@labeling_function(label="HAM")
def song(text):
    return "song" in text or "voice" in text


@labeling_function(label="SPAM")
def hurried(text):
    return "now" in text
"""

WORDS = {
    "HAM": ["song", "voice", "lovely", "childhood", "dance", "concert", "singer", "chorus"],
    "SPAM": ["channel", "money", "subscribe", "visit", "free", "click", "gift", "win"],
}
FILLER = ["the", "a", "now", "here", "today", "really", "you", "we", "this", "that", "please", "ever"]


def comments(n: int, seed: int = 0, noise: float = 0.1) -> list[tuple[str, str, str]]:
    """Row id, text and true label; no two texts are near-duplicates, a few words are of the other kind."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        label = ("HAM", "SPAM")[int(rng.integers(2))]
        kinds = np.where(rng.random(4) < noise, "SPAM" if label == "HAM" else "HAM", label)
        words = [str(rng.choice(WORDS[str(kind)])) for kind in kinds]
        words += [str(word) for word in rng.choice(FILLER, 3)] + [f"x{rng.integers(10**9)}", f"y{rng.integers(10**9)}"]
        rows.append((f"r{i}", " ".join(str(word) for word in rng.permutation(words)), label))
    return rows


def write_taught(folder: Path, n: int = 200, gold: int | None = None, more: str = "", toml: str = TOML) -> Path:
    """A project of so many comments, the first `gold` of which (all by default) carry their label."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "text", "gold"])
    for i, (row_id, text, label) in enumerate(comments(n)):
        writer.writerow([row_id, text, label if gold is None or i < gold else ""])
    return write_project(folder, toml=toml + more, rules=RULES, rows=out.getvalue())
