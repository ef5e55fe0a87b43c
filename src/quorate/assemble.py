"""assemble: rows, labels and gold become a training set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.choosing import Chosen, Sums, settled_of, voters_of
from quorate.errors import TableError
from quorate.estimating.intervals import wilson
from quorate.rows import Rows
from quorate.training_sets.duplicates import near_duplicates
from quorate.training_sets.examples import column_of_text
from quorate.training_sets.splits import split_rows
from quorate.values import ABSTAIN, Gold, Labels, TrainingSet, Votes

_LEAST_GOLD = 20
MOST_TESTED = 0.3


def assemble(
    rows: Rows,
    labels: Labels,
    gold: Gold | None = None,
    min_probability: float = 0.0,
    name: str = "training_set",
    *,
    votes: Votes | None = None,
    text: str = "",
    balance: bool = False,
    held_out: Gold | None = None,
) -> TrainingSet:
    """The rows with a hard label of at least `min_probability`; a person's label overrides the votes'.

    A row's weight is the probability of its label, 1 for gold; with `balance`, every label weighs the same in all.
    The split (80/10/10) follows a hash of the row id and keeps near-duplicates of the column `text` together: it
    stays the same when rows are added.

    Args:
        votes: who voted what, for the provenance of each row.
        held_out: gold to test on. Its rows carry their gold label and are, with their near-duplicates, in the test
            split, unless these are more than three in ten of all rows: then it is left aside.

    Raises:
        ValueError: the labels are of other rows.
    """
    ids = rows.ids.to_pylist()
    if ids != labels.ids.to_pylist():
        raise ValueError("rows and labels do not have the same ids in the same order")
    clusters = _clusters(rows, text)
    tested = _tested(held_out, rows, clusters)
    chosen = Chosen.of(labels, settled_of(rows.ids, gold, held_out if tested else None), min_probability)
    keep, sums = chosen.keep, Sums.of(labels, chosen, votes)
    split = split_rows(ids, clusters, np.where(chosen.kept, chosen.hard, ABSTAIN), tested)
    return TrainingSet(
        space=labels.space,
        rows=Rows(rows.table.take(pa.array(keep)), rows.ids.take(pa.array(keep))),
        labels=chosen.hard[keep].astype(np.int16),
        probs=chosen.probs[keep],
        weights=sums.weights(chosen, balance),
        split=tuple(split[i] for i in keep),
        provenance=chosen.provenance,
        name=name,
        text=text,
        voters=() if votes is None else voters_of(votes, chosen),
        facts={
            "label_model": labels.model,
            "policy": f"labels of at least {min_probability:.4g}" if min_probability else "every row with a label",
            "weights": "the probability of the label" + (", every label weighing the same in all" * balance),
            "splits": f"near-duplicates are in one split together{HELD_OUT * bool(tested)}",
            **(sums.facts((), ()) if votes is None else sums.facts(votes.sources, votes.families)),
        },
    )


HELD_OUT = ", held-out gold in the test split"


def _tested(held_out: Gold | None, rows: Rows, clusters: NDArray[np.intp]) -> frozenset[int]:
    """The clusters that hold gold to test on; none where that would leave too little to train on."""
    if held_out is None:
        return frozenset()
    tested = np.unique(clusters[held_out.aligned(rows.ids) != ABSTAIN])
    share = float(np.isin(clusters, tested).mean()) if len(rows) else 0.0
    return frozenset(tested.tolist()) if share <= MOST_TESTED else frozenset()


def _clusters(rows: Rows, text: str) -> NDArray[np.intp]:
    column = text or column_of_text(rows)
    if not column:
        return np.arange(len(rows), dtype=np.intp)
    return near_duplicates(["" if cell is None else str(cell) for cell in rows.stored(column)])


@dataclass(frozen=True, slots=True)
class Threshold:
    """The least probability at which labels reach a precision, and the precision measured there on so many gold
    rows, with its 95 % interval."""

    probability: float
    precision: float
    low: float
    high: float
    gold_rows: int


def threshold(labels: Labels, gold: Gold, target_precision: float) -> Threshold:
    """The least threshold at which the labels of the gold rows have the precision.

    The labels must not have seen this gold.

    Raises:
        TableError: no threshold with at least 20 gold rows reaches it; the message tells the best.
    """
    settled, hard = gold.aligned(labels.ids), labels.hard
    at = np.flatnonzero((settled != ABSTAIN) & (hard != ABSTAIN))
    top = labels.probs[at].max(axis=1, initial=0.0)
    order = np.argsort(-top, kind="stable")
    right = np.cumsum(hard[at][order] == settled[at][order])
    count, sure = np.arange(1, len(at) + 1), top[order]
    # Rows of one probability are kept or left out together.
    ends = np.flatnonzero((count >= _LEAST_GOLD) & np.append(sure[1:] < sure[:-1], len(sure) > 0)[: len(sure)])
    precision = right[ends] / count[ends]
    reached = np.flatnonzero(precision >= target_precision)
    if not len(reached):
        best = f"the best is {precision.max():.1%}" if len(ends) else f"it takes {_LEAST_GOLD} to tell"
        raise TableError(
            f"no least probability gives labels of precision {target_precision:.1%} on the {len(at)} gold rows with "
            f"a label; {best}. Lower --target-precision, review more rows or mend the sources"
        )
    end = ends[reached[-1]]
    low, high = wilson(int(right[end]), int(count[end]))
    return Threshold(float(sure[end]), float(right[end] / count[end]), low, high, int(count[end]))
