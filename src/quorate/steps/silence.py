"""silence: where to write a rule: clusters of like rows that no source gives a label, and the words that mark them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from quorate.content_model import clusters
from quorate.phrases import Phrases
from quorate.steps.outlook import Outlook
from quorate.steps.step import WRITE_RULE_MIN, Step

_WORDS = 5
_FEWEST_ROWS = 3
# Words are compared by how much more often the cluster holds them; as if so many rows more held none.
_SMOOTHING = 2.0


def rules_to_write(outlook: Outlook) -> Iterator[Step]:
    """A step for each cluster of undecided rows that share words; none where rows have no text."""
    silent = np.flatnonzero(outlook.undecided & (outlook.settled < 0))
    if outlook.features is None or len(silent) < _FEWEST_ROWS:
        return
    phrases = Phrases.of(outlook.texts)
    cluster = clusters(outlook.features[silent])
    for c in np.unique(cluster):
        members = silent[cluster == c]
        words = _marks(phrases, members)
        if words:
            yield _step(outlook, members, _holding(phrases, words, members), [phrases.names[w] for w in words])


def _step(outlook: Outlook, members: NDArray[np.intp], held: NDArray[np.intp], words: list[str]) -> Step:
    label, purity = _leaning(outlook, held)
    accuracy = min(_usual_accuracy(outlook), (1 + purity) / 2)
    gain = float(np.maximum(accuracy - outlook.right[held], 0).sum())
    basis = (
        f"{len(held)} of the cluster's {len(members)} rows hold one of its words and have no label; a new rule is "
        f"taken to be right on {accuracy:.0%} of them, a guess on {outlook.right[held].mean():.0%}"
    )
    evidence = {
        "words": words,
        "rows": len(members),
        "rows_with_words": len(held),
        "leaning": label,
        "leaning_share": purity,
        "examples": outlook.examples(held),
    }
    minutes = WRITE_RULE_MIN + float(outlook.reading.minutes[held[:3]].sum())
    what = f"write a rule for {len(members)} rows without a label: {', '.join(words)}"
    return Step("write", what, gain, basis, minutes, evidence=evidence, code=_code(outlook.text, words, label))


def _marks(phrases: Phrases, members: NDArray[np.intp]) -> list[int]:
    """The words that mark the rows off from all others, each adding rows that those before it do not hold."""
    n = phrases.table.shape[0]
    every = np.asarray(phrases.table.getnnz(axis=0), np.float64)
    inside = np.asarray(phrases.table[members].sum(axis=0), np.float64).ravel()
    here = (inside + 0.5) / (len(members) + _SMOOTHING)
    elsewhere = (every - inside + 0.5) / (n - len(members) + _SMOOTHING)
    lift = np.log(np.maximum(here / elsewhere, 1.0))
    lift[inside < 2] = 0
    still, found = np.isin(np.arange(n), members), list[int]()
    while len(found) < _WORDS:
        worth = lift * np.asarray(phrases.table.T @ still.astype(np.int64), np.float64)
        best = int(worth.argmax()) if len(worth) else 0
        if not len(worth) or worth[best] <= 0 or still[phrases.rows(best)].sum() < 2:
            break
        found.append(best)
        still[phrases.rows(best)] = False
    return found


def _holding(phrases: Phrases, words: list[int], members: NDArray[np.intp]) -> NDArray[np.intp]:
    """The members that hold any of the words, those that hold most of them first."""
    count = np.asarray(phrases.table[members][:, words].sum(axis=1)).ravel()
    return members[np.argsort(-count, kind="stable")][: int((count > 0).sum())]


def _leaning(outlook: Outlook, at: NDArray[np.intp]) -> tuple[str, float]:
    """The label that like rows elsewhere have, and how far: its mean probability by votes and texts."""
    mean = outlook.believed[at].mean(axis=0)
    return outlook.labels.space.names[int(mean.argmax())], float(mean.max())


def _usual_accuracy(outlook: Outlook) -> float:
    """How often the project's rules are right, as the label model believes: a new one will be like them."""
    votes = (outlook.votes.matrix >= 0).sum(axis=0) * (np.array(outlook.votes.families) == "rule")
    if not votes.sum():
        return (1 + 1 / len(outlook.labels.space)) / 2
    return float(np.average(outlook.accuracy[votes > 0], weights=votes[votes > 0]))


def _code(column: str, words: list[str], label: str) -> str:
    """A labeling function to begin with."""
    name = re.sub(r"\W+", "_", words[0])
    pattern = "|".join(re.escape(word) for word in words)
    return (
        f'@labeling_function(label="{label}")  # or another label: read the examples\n'
        f"def mentions_{name}({column}):\n"
        f'    return re.search(r"\\b({pattern})\\b", {column} or "", re.IGNORECASE) is not None\n'
    )
