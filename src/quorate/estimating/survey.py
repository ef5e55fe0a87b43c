"""survey: what the answers of people say of all labels, of each source and of each class, weighted by their design.

Rows that the queue aimed at are no sample: they were chosen for being doubtful. They count for themselves alone. The
rows drawn at random stand, stratum by stratum (`quorate.ranking.drawing`), for all rows that were not aimed at; the
posterior of each stratum is that of `quorate.estimating.estimates`, so intervals hold small samples and finite tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.estimating.estimates import Estimated, Floats, estimated, posterior_totals
from quorate.ranking.drawing import strata
from quorate.values import ABSTAIN, Gold, Labels, Votes

Counts = NDArray[np.int64]
_FEWEST = 2


@dataclass(frozen=True)
class Surveyed:
    """An estimate, and the drawn and the aimed-at rows that it comes from; none without a drawn row."""

    estimate: Estimated | None
    drawn: int
    aimed: int


@dataclass(frozen=True)
class Survey:
    """The accuracy of the labels, of each source where it votes, and of each class where it is given."""

    labels: Surveyed
    sources: dict[str, Surveyed]
    classes: dict[str, Surveyed]


def survey(votes: Votes, labels: Labels, gold: Gold, counts: Counts | None = None) -> Survey:
    """What answers say of the whole table.

    Args:
        labels: as given before the rows themselves were settled: an answered row must not carry its answer.
        gold: with the inclusion probability that the queue recorded: below 1 where the row was drawn.
        counts: int64[n], how many rows each row stands for, where nobody answered on it; one by default.
    """
    truth, stratum = gold.aligned(votes.ids), strata(votes)
    by_id = dict(zip(gold.ids, gold.inclusion, strict=False))
    inclusion = np.array([by_id.get(row_id, 1.0) for row_id in votes.ids.to_pylist()], np.float64)
    drawn = (truth != ABSTAIN) & (inclusion < 1)
    hard = labels.hard
    names = votes.space.names

    def over(given: NDArray[np.int16]) -> Surveyed:
        return accuracy_over(given, truth, drawn, stratum, counts)

    return Survey(
        over(hard),
        {s: over(votes.matrix[:, j]) for j, s in enumerate(votes.sources)},
        {name: over(np.where(hard == y, hard, ABSTAIN)) for y, name in enumerate(names)},
    )


def accuracy_over(
    given: NDArray[np.int16],
    truth: NDArray[np.int16],
    drawn: NDArray[np.bool_],
    stratum: NDArray[np.int8],
    counts: Counts | None = None,
) -> Surveyed:
    """The share of right labels among the rows that have one.

    Args:
        given, truth: int16[n], -1 where there is none.
        drawn: bool[n], answered and drawn at random.
        counts: int64[n], how many rows each stands for; one by default, and where it is answered.
    """
    each = np.ones(len(given), np.int64) if counts is None else counts
    labelled = given != ABSTAIN
    aimed = labelled & (truth != ABSTAIN) & ~drawn
    sample, open_to_it = labelled & drawn, labelled & ~aimed
    if not sample.any():
        return Surveyed(None, 0, int(aimed.sum()))
    right = given == truth
    others = open_to_it & ~sample
    unseen = _right_unseen(right[sample], stratum[sample], stratum[others], each[others])
    share = (unseen + int((labelled & (truth != ABSTAIN) & right).sum())) / int(each[labelled].sum())
    return Surveyed(estimated(share, int(sample.sum() + aimed.sum())), int(sample.sum()), int(aimed.sum()))


def accuracy_now(
    right: NDArray[np.bool_], stratum: NDArray[np.int8], open_rows: NDArray[np.int8], settled: int
) -> Estimated | None:
    """The share of right labels while people answer, where those that they settled are right; None without an answer.

    Args:
        right: bool[d], whether the label that each drawn row had when it was shown is the one it was given.
        stratum: int8[d], of the drawn rows.
        open_rows: int8[o], the stratum of each labelled row that nobody settled.
        settled: rows that somebody settled.
    """
    if not len(right):
        return None
    unseen = _right_unseen(right, stratum, open_rows, np.ones(len(open_rows), np.int64))
    return estimated((unseen + settled) / max(len(open_rows) + settled, 1), len(right))


def _right_unseen(
    right: NDArray[np.bool_], stratum: NDArray[np.int8], unseen: NDArray[np.int8], each: Counts
) -> Floats:
    """Draws of how many labels are right among `each` so many rows of the strata `unseen`, by a sample of such rows,
    float64[draws]."""
    place = _pooled(np.concatenate([unseen, stratum]), stratum)
    cells, rows = np.zeros((len(place), 2)), np.zeros(len(place))
    for kind, h in place.items():
        rows[h] += each[unseen == kind].sum()
        cells[h] += np.bincount(right[stratum == kind].astype(np.intp), minlength=2)
    rows += cells.sum(axis=1)
    used = rows > 0
    totals = posterior_totals(cells[used], rows[used]) - cells[used]
    return np.asarray(totals[:, :, 1].sum(axis=1))


def _pooled(every: NDArray[np.int8], sampled: NDArray[np.int8]) -> dict[int, int]:
    """The place of each stratum among those that stand alone; one with hardly an answer joins the most answered."""
    kinds, counts = np.unique(every), np.bincount(sampled, minlength=int(every.max()) + 1)
    most = int(kinds[counts[kinds].argmax()])
    joined = {int(kind): int(kind) if counts[kind] >= _FEWEST else most for kind in kinds}
    order = {kind: i for i, kind in enumerate(kinds.tolist())}
    return {kind: order[target] for kind, target in joined.items()}
