"""A project with every kind of source, every kind of vote, and every kind of failure."""

from __future__ import annotations

import random
from importlib.util import find_spec
from pathlib import Path

from projects import write_project

MIXED = """\
name = "mixed"
rules = ["rules.py"]
data = { path = "rows.csv", id = "id", text = "text" }
labels = { HAM = "honest", SPAM = { aliases = ["ads"] }, OTHER = "neither" }
gold = { column = "label", use = "anchor" }
label_model = { kind = "quorum" }
queue = { size = 60, random_share = 0.3 }
run = { partition_rows = 1000, workers = 1 }

[[sources]]
kind = "keywords"
name = "sells"
label = "SPAM"
any = ["cheap", "buy now"]

[[sources]]
kind = "regex"
name = "praises"
label = "HAM"
pattern = 'love|great'

[[sources]]
kind = "sklearn"
name = "learned"
min_confidence = 0.4
folds = 3
"""
MIXED_RULES = '''\
from quorate import labeling_function


def lowered(text):
    if "crash" in text:
        raise ValueError("cannot lower")
    return text.lower()


@labeling_function(label="SPAM")
def channel(text):
    return "channel" in text


@labeling_function
def unsure(text):
    """A soft vote, now and then tied, now and then nonsense."""
    if "song" in text:
        return {"HAM": 0.7, "SPAM": 0.2}
    if "great" in text:
        return {"HAM": 0.5, "OTHER": 0.5}
    return {"HAM": 2} if "wrong" in text else None


@labeling_function(pre=[lowered])
def begs(lowered):
    return "ads" if "please" in lowered else None


@labeling_function
def by_row(row):
    return "OTHER" if row.stars == 3 else "HAM" if row.stars / (len(row.text) - 14) > 0.3 else None
'''
WITH_DOC = """\


@labeling_function(label="OTHER")
def short(doc):
    return len(doc) < 4
"""


def mixed_rows(n: int = 210) -> str:
    """Comments of a few words, some of them twice, a fifth of them with gold."""
    rng = random.Random(7)
    words = ["channel", "song", "cheap", "buy now", "love", "great", "PLEASE", "crash", "wrong", "plain", "day"]
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 4))) for _ in range(n)]
    texts[100:120] = texts[:20]
    label = [
        "" if rng.random() < 0.8 else "SPAM" if "channel" in text else "HAM" if "song" in text else "OTHER"
        for text in texts
    ]
    return "id,text,stars,label\n" + "".join(
        f"r{i},{text},{rng.randint(1, 5)},{label[i]}\n" for i, text in enumerate(texts)
    )


def mixed_project(folder: Path, toml: str = MIXED, rows: int = 210) -> Path:
    """The project; a function that asks for a spaCy document is in it where spaCy is installed."""
    rules = MIXED_RULES + (WITH_DOC if find_spec("spacy") else "")
    return write_project(folder, toml=toml, rules=rules, rows=mixed_rows(rows))
