"""Texts with gold labels, and labels that were made wrong on purpose."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import PROJECTS, Context

Noise = Literal["uniform", "class-dependent"]
_FEWEST_OF_A_LABEL = 10
_BUNDLED = {"youtube_spam": "youtube_spam/data/comments.jsonl.gz", "snips": "snips_intents/data/utterances.jsonl.gz"}
# With text and gold in the folder of open data, and where.
_OPEN = {
    "trec": "text/trec/train.jsonl.gz",
    "banking77": "text/banking77/train.jsonl.gz",
    "clinc150": "text/clinc150/train.jsonl.gz",
    "hausa": "votes/hausa/train.jsonl.gz",
    "css_emotion": "llm/css_emotion/labels.csv.gz",
}


@dataclass(frozen=True, slots=True, eq=False)
class GoldTexts:
    """Texts and their gold labels int16[n], of k labels."""

    name: str
    texts: list[str]
    gold: NDArray[np.int16]
    k: int


def gold_texts(context: Context, names: tuple[str, ...], most: int) -> Iterator[GoldTexts]:
    """The sets of these names that are there, at most so many rows of each, drawn at random."""
    for name in names:
        path = PROJECTS / _BUNDLED[name] if name in _BUNDLED else (context.data or Path()) / _OPEN[name]
        if path.is_file():
            yield _read(name, path, most)


def flipped(
    gold: NDArray[np.int16], k: int, kind: Noise, share: float, generator: np.random.Generator
) -> NDArray[np.int16]:
    """The labels with this share of them wrong: each given any other label, or, class-dependent, each label given one
    other label in its place, some labels up to five times as often as others."""
    n, given = len(gold), gold.copy()
    if kind == "uniform":
        at = generator.permutation(n)[: round(share * n)]
        given[at] = (gold[at] + generator.integers(1, k, len(at))) % k
        return given
    cycle = generator.permutation(k)
    taken_for = np.empty(k, np.int16)
    taken_for[cycle] = np.roll(cycle, 1)
    weight = generator.uniform(0.3, 1.7, k)[gold]
    # Weighted sampling without replacement (P. Efraimidis and P. Spirakis, 2006).
    at = np.argsort(-(generator.random(n) ** (1 / weight)))[: round(share * n)]
    given[at] = taken_for[gold[at]]
    return given


def _read(name: str, path: Path, most: int) -> GoldTexts:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = (
            [{"text": row["text"], "label": row["gold"]} for row in csv.DictReader(lines)]
            if ".csv" in path.name
            else [json.loads(line) for line in lines]
        )
    known = [(str(row["text"]), str(row["label"])) for row in rows if row.get("label") not in (None, "")]
    drawn = np.random.default_rng(0).permutation(len(known))[:most]
    texts, labels = zip(*(known[at] for at in drawn.tolist()), strict=True)
    _, gold = np.unique(labels, return_inverse=True)
    kept = np.bincount(gold)[gold] >= _FEWEST_OF_A_LABEL
    labels_kept = np.unique(gold[kept], return_inverse=True)[1].astype(np.int16)
    left = [text for text, is_kept in zip(texts, kept, strict=True) if is_kept]
    return GoldTexts(name, left, labels_kept, int(labels_kept.max()) + 1)
