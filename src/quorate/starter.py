"""The small labeling project that `quorate init` writes: it runs as it is."""

from __future__ import annotations

from pathlib import Path

from quorate.errors import Problem, ProjectError

_TOML = """\
# A labeling project. Run it with:  quorate run {folder}

rules = ["rules.py"]             # Python files; every labeling function in them is a source

[data]
path = "reviews.csv"             # or .tsv, .jsonl (also .gz), .parquet, a folder, a glob, a URL
id = "id"                        # the column with unique row ids
text = "text"                    # the main text column

[labels]                         # name = what it means
POSITIVE = "The writer would come back"
NEGATIVE = {{ description = "The writer would not come back", aliases = ["bad"] }}

[gold]                           # labels that people gave, if there are any; empty cells are fine
column = "label"
use = "evaluate"                 # "evaluate" only measures; "anchor" also teaches the label model

[[sources]]                      # a pattern source: no Python needed, runs over the whole column at once
kind = "keywords"
name = "kind_words"
label = "POSITIVE"
any = ["delicious", "friendly", "lovely", "will be back"]

[[sources]]
kind = "regex"
name = "long_wait"
label = "NEGATIVE"
pattern = 'wait(ed|ing)? .{{0,20}}(hour|forever|minutes)'

# [label_model]                  # how votes become labels: quorum (default), majority, dawid_skene, snorkel
# kind = "quorum"

# [queue]                        # the rows for a person to look at
# size = 100
# random_share = 0.1
"""

_RULES = '''\
"""Labeling functions: each sees a row and votes for a label, or abstains."""

import re

from quorate import labeling_function

RUDE = re.compile(r"\\b(rude|cold|dirty|never again)\\b", re.IGNORECASE)


@labeling_function(label="NEGATIVE", examples={"The waiter was rude": "NEGATIVE", "Great soup": None})
def complains(text):                      # the parameter names are the columns it reads
    return bool(RUDE.search(text))        # True votes NEGATIVE, False abstains


@labeling_function()
def by_stars(stars):                      # no label declared: return a label name, or None to abstain
    if stars >= 4:
        return "POSITIVE"
    if stars <= 2:
        return "NEGATIVE"
    return None
'''

_DATA = """\
id,text,stars,label
r1,"Delicious soup and friendly people",5,POSITIVE
r2,"We waited for an hour, never again",1,NEGATIVE
r3,"The food was cold and the waiter rude",2,NEGATIVE
r4,"Lovely place, we will be back",4,POSITIVE
r5,"It was fine",3,
r6,"Friendly, but we kept waiting forever",3,
r7,"Dirty tables",1,NEGATIVE
r8,"A delicious lunch in the sun",5,POSITIVE
r9,"Rude at first, lovely in the end",4,POSITIVE
r10,"Nothing to add",3,
"""


def write_starter(folder: Path) -> list[Path]:
    """The files written.

    Raises:
        ProjectError: one of them is already there; nothing is overwritten.
    """
    files = {"quorate.toml": _TOML.format(folder=folder), "rules.py": _RULES, "reviews.csv": _DATA}
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise ProjectError([Problem(str(folder / name), "is already there; nothing was written") for name in there])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]
