"""fuse: votes in, labels out, by a label model fitted on vote patterns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confidence import hear_confidence
from quorate.content import with_content
from quorate.patterns import VotePatterns, fold
from quorate.protocols import FittedLabelModel, HearsConfidence, LabelModel
from quorate.registry import build
from quorate.values import ABSTAIN, Gold, Labels, Votes

# From this share of patterns among rows on, it is cheaper to judge every row than to look up its pattern.
_FEW_ALIKE = 0.5


def fuse(votes: Votes, model: str | LabelModel = "quorum", gold: Gold | None = None, features: Any = None) -> Labels:
    """The label probabilities of each row.

    Confidences that sources gave are weighed by what they turn out to be worth (`quorate.belief.confidence`).

    Args:
        model: the name of a label model, or one made by hand.
        gold: rows that people settled; they anchor the model, and keep their own label.
        features: what the rows contain, as texts or embeddings float[n, d]; it smooths the labels and extends them to
            rows without votes (see `quorate.content`). None: the votes alone.

    Raises:
        ValueError: `features` has not one entry a row, or holds neither texts nor numbers.
    """
    patterns, where = fold(votes, gold)
    labels = predict(fit(patterns, model), votes, patterns, where, gold=gold, name=name_of(model))
    return labels if features is None else with_content(labels, features, gold)


def fit(patterns: VotePatterns, model: str | LabelModel = "quorum") -> FittedLabelModel:
    """The label model fitted on the patterns."""
    maker: LabelModel = build("label_models", model, {}) if isinstance(model, str) else model
    return maker.fit(patterns)


def predict(
    fitted: FittedLabelModel,
    votes: Votes,
    patterns: VotePatterns,
    where: NDArray[np.intp],
    *,
    gold: Gold | None,
    name: str,
) -> Labels:
    """Labels for the rows whose patterns are `patterns[where]`: the model runs once per pattern, where rows share some.

    How sure the sources were is heard where they said it and the model wants it.
    """
    if len(patterns) < _FEW_ALIKE * len(votes):
        probs = fitted.probabilities(patterns.matrix).take(where, axis=0)
    else:
        probs = fitted.probabilities(votes.matrix)
    settled = gold.aligned(votes.ids) if gold is not None and len(gold) else np.full(len(votes), ABSTAIN, np.int16)
    if isinstance(fitted, HearsConfidence):
        probs = hear_confidence(votes, probs, settled, fitted.sharpness)
    known = np.flatnonzero(settled != ABSTAIN)
    probs[known] = np.eye(len(votes.space))[settled[known]]
    # The pattern without a vote is the first of all, if there is one.
    covered = (patterns.matrix[:1] != ABSTAIN).any() | (where > 0)
    return Labels(votes.space, votes.ids, probs, covered | (settled != ABSTAIN), name)


def name_of(model: Any) -> str:
    """The name of a label model as labels carry it."""
    return model if isinstance(model, str) else type(model).__module__.rpartition(".")[2]
