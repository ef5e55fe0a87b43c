"""Rows whose texts and truth are made up, so that tests know what is worth doing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from projects import write_project

from quorate import Gold, Rows, Votes
from quorate.fuse import fit, predict
from quorate.patterns import fold
from quorate.registry import build
from quorate.steps.outlook import Outlook

FILLER = [
    "the",
    "a",
    "it",
    "was",
    "and",
    "so",
    "then",
    "there",
    "here",
    "now",
    "very",
    "quite",
    "some",
    "other",
    "day",
    "time",
    "thing",
    "people",
]
SIGNS = {
    "HAM": ["song", "lovely", "voice", "chorus", "melody"],
    "SPAM": ["channel", "subscribe", "click", "visit", "cheap"],
}


def texts_of(truth: NDArray[Any], generator: np.random.Generator, words: int = 8) -> list[str]:
    """A text for each row: two of the five signs of its label among words that tell nothing."""
    names = list(SIGNS)
    return [
        " ".join(generator.permutation([*generator.choice(FILLER, words), *generator.choice(SIGNS[names[y]], 2)]))
        for y in truth.tolist()
    ]


def outlook_of(votes: Any, texts: list[str], gold: Gold | None = None, sources: tuple[str, ...] = ()) -> Outlook:
    """Where a project with these votes and texts stands."""
    made = Votes.of(votes, list(SIGNS), sources)
    model = build("label_models", "quorum", {})
    patterns, where = fold(made, gold)
    fitted = fit(patterns, model)
    labels = predict(fitted, made, patterns, where, gold=gold, name="quorum")
    return Outlook(Rows.of(_table(texts)), made, labels, model, fitted, gold, "text")


def _table(texts: list[str]) -> Any:
    import pyarrow as pa

    return pa.table({"text": texts})


def wordy_project(folder: Path, rows: int = 240, gold: str = "evaluate", seed: int = 0, **more: Any) -> Path:
    """A project on disk: two rules that know two signs each, gold on every third row."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, rows)
    names = list(SIGNS)
    texts = texts_of(truth, generator)
    given = [names[y] if i % 3 == 0 else "" for i, y in enumerate(truth.tolist())]
    lines = [f"r{i},{text},{label}\n" for i, (text, label) in enumerate(zip(texts, given, strict=True))]
    toml = f"""\
        {more.pop("head", 'rules = ["rules.py"]')}

        [data]
        path = "rows.csv"
        id = "id"
        text = "text"

        [labels]
        HAM = "honest"
        SPAM = "advertising"

        [gold]
        column = "label"
        use = "{gold}"
        {more.pop("tail", "")}
        """
    rules = """\
        from quorate import labeling_function


        @labeling_function(label="SPAM")
        def sells(text):
            return "channel" in text or "subscribe" in text


        @labeling_function(label="HAM")
        def listens(text):
            return "song" in text or "lovely" in text
        """
    return write_project(folder, toml=toml, rules=rules, rows="id,text,label\n" + "".join(lines), **more)
