"""advise: which label model to trust on these votes, by gold where there is enough, by held-out votes otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, indicators
from quorate.belief.sidedness import TWO_SIDED, sidedness
from quorate.errors import PluginError
from quorate.fuse import fit
from quorate.patterns import VotePatterns
from quorate.protocols import LabelModel
from quorate.registry import build
from quorate.trust.foresight import Foresight, foresight, stability
from quorate.values import ABSTAIN, TIE_TOLERANCE, Gold, Votes

MODELS = ("majority", "dawid_skene", "snorkel", "quorum")
PLAIN, OURS = "majority", "quorum"
FEWEST_GOLD = 20
_FOLDS = 5
_SEED = 20_111
_LEAST = 1e-9
_NOTHING = 1e-12
# Without gold two models differ beyond so many standard errors.
_SURE = 2.0
# Snorkel fits a square matrix of this side, and beyond it takes hours.
_SNORKEL_CELLS = 1200


@dataclass(frozen=True, slots=True)
class Contender:
    """A label model and how it did; None where that was not measured, `missing` says why none of it was.

    `accuracy` and `log_loss` (nats a row) are on gold rows with votes. `likelihood` is the mean log-probability of
    an answer given the other votes on the row, on rows that the model was not fitted on, and `label_likelihood` that
    by the model's labels without their probabilities; `stability` is the share of rows that keep their label when the
    model is fitted on rows drawn anew.
    """

    model: str
    accuracy: float | None = None
    log_loss: float | None = None
    likelihood: float | None = None
    label_likelihood: float | None = None
    stability: float | None = None
    seconds: float = 0.0
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """The label model to take and why, in a sentence; `basis` is "gold" or "votes", on so many `rows`."""

    model: str
    because: str
    plain_voting_is_as_good: bool
    basis: str
    rows: int
    contenders: tuple[Contender, ...]


@dataclass(frozen=True, eq=False)
class _Scored:
    """What a model reached: a contender, and row by row what it is compared by: how good its labels are, how good its
    probabilities (more is better, float64[r] both), and how many rows each stands for."""

    contender: Contender
    labels: Floats
    probabilities: Floats
    rows: Floats


def advise(votes: Votes, gold: Gold | None = None, models: Sequence[str] = MODELS, gold_anchors: bool = True) -> Advice:
    """The label model to take for these votes.

    Args:
        gold: rows that people settled; from 20 of them with votes on, they decide.
        gold_anchors: whether they may be learned from; then each is scored by a model that has not seen it.

    Raises:
        PluginError: none of the models can be fitted on these votes.
    """
    settled = np.full(len(votes), ABSTAIN) if gold is None else gold.aligned(votes.ids)
    known = np.flatnonzero((settled != ABSTAIN) & (votes.matrix != ABSTAIN).any(axis=1))
    if gold is not None and len(known) >= FEWEST_GOLD:
        truth = settled[known].astype(np.int64)
        given = truth if gold_anchors else None
        scored, missing = _each(models, votes, lambda model: _on_gold(_foretold(votes, model, known, given), truth))
        name, because, plain = _by_gold(scored, len(known))
        basis, rows = "gold", len(known)
    else:
        patterns = VotePatterns.of(votes)
        scored, missing = _each(models, votes, lambda model: _on_votes(patterns, model))
        name, because, plain = _by_votes(scored, _are_two_sided(patterns))
        basis, rows = "votes", int(votes.covered.sum())
    contenders = tuple(scored[m].contender if m in scored else missing[m] for m in models)
    return Advice(name, because, plain, basis, rows, contenders)


def _each(
    models: Sequence[str], votes: Votes, score: Callable[[LabelModel], _Scored]
) -> tuple[dict[str, _Scored], dict[str, Contender]]:
    scored: dict[str, _Scored] = {}
    missing: dict[str, Contender] = {}
    for name in models:
        if name == "snorkel" and len(votes.sources) * len(votes.space) > _SNORKEL_CELLS:
            missing[name] = Contender(name, missing="too many sources and labels for it")
            continue
        began = perf_counter()
        try:
            found = score(build("label_models", name, {}))
        except PluginError as error:
            missing[name] = Contender(name, missing=str(error))
            continue
        contender = replace(found.contender, model=name, seconds=round(perf_counter() - began, 3))
        scored[name] = replace(found, contender=contender)
    if not scored:
        raise PluginError("; ".join(f"{name}: {entry.missing}" for name, entry in missing.items()))
    return scored, missing


def _foretold(votes: Votes, model: LabelModel, known: NDArray[np.intp], truth: NDArray[np.int64] | None) -> Floats:
    """The probabilities of the gold rows, float64[g, k], each by a model fitted without it; without any if no truth."""
    if truth is None:
        return fit(VotePatterns.of(votes), model).probabilities(votes.matrix[known])
    fold = np.random.default_rng(_SEED).permutation(len(known)) % _FOLDS
    ids = votes.ids.take(known).to_pylist()
    probs = np.zeros((len(known), len(votes.space)))
    for f in range(_FOLDS):
        learned = np.flatnonzero(fold != f)
        anchors = Gold(tuple(ids[i] for i in learned), truth[learned].astype(np.int16))
        fitted = fit(VotePatterns.of(votes, anchors), model)
        probs[fold == f] = fitted.probabilities(votes.matrix[known[fold == f]])
    return probs


def _on_gold(probs: Floats, truth: NDArray[np.int64]) -> _Scored:
    rows = np.arange(len(truth))
    best = probs >= probs.max(axis=1, keepdims=True) - TIE_TOLERANCE
    points = np.asarray((best / best.sum(axis=1, keepdims=True))[rows, truth])
    logs = np.asarray(np.log(np.maximum(probs[rows, truth], _LEAST)))
    contender = Contender("", accuracy=float(points.mean()), log_loss=-float(logs.mean()))
    return _Scored(contender, points, logs, np.ones(len(truth)))


def _on_votes(patterns: VotePatterns, model: LabelModel) -> _Scored:
    found: Foresight = foresight(patterns, model)
    contender = Contender(
        "",
        likelihood=_mean(found.probabilities, found.rows),
        label_likelihood=_mean(found.labels, found.rows),
        stability=stability(patterns, model),
    )
    return _Scored(contender, found.labels, found.probabilities, found.rows)


def _mean(values: Floats, rows: Floats) -> float:
    return float(values @ rows / max(rows.sum(), 1.0))


def _ahead(one: Floats, other: Floats, rows: Floats) -> float:
    """By how many of its standard errors the mean of the one is larger, row for row."""
    differs = one - other
    mean = _mean(differs, rows)
    error = np.sqrt(rows @ (differs - mean) ** 2) / max(rows.sum(), 1.0)
    return 0.0 if abs(mean) < _NOTHING else float(mean / max(error, _NOTHING))


def _by_gold(scored: Mapping[str, _Scored], rows: int) -> tuple[str, str, bool]:
    """The pick, the sentence and whether plain voting gives labels as good."""

    def percent(name: str) -> str:
        return f"{scored[name].contender.accuracy:.1%}"

    order = sorted(scored, key=lambda name: (-scored[name].labels.mean().round(9), -scored[name].probabilities.mean()))
    best, here = order[0], f"of {rows:,} gold rows"
    as_good = [n for n in order if _ahead(scored[best].labels, scored[n].labels, scored[n].rows) <= 1]
    surest = max(as_good, key=lambda name: scored[name].probabilities.mean())
    if PLAIN not in as_good:
        against = f", plain voting on {percent(PLAIN)}" if PLAIN in scored else ""
        also = (
            f"; {best} on {percent(best)}, which is chance, and its probabilities are worse" if surest != best else ""
        )
        return surest, f"{surest} is right on {percent(surest)} {here}{against}{also}", False
    said = f"plain voting is as good here: right on {percent(PLAIN)} {here}, and the best, {best}, on {percent(best)}"
    plain = scored[PLAIN]
    if _ahead(scored[surest].probabilities, plain.probabilities, plain.rows) <= 1:
        return PLAIN, said, True
    losses = f"log-loss {scored[surest].contender.log_loss:.2f}, not {plain.contender.log_loss:.2f}"
    return surest, f"{said}; but the probabilities of {surest} can be trusted more ({losses})", True


def _by_votes(scored: Mapping[str, _Scored], two_sided: bool) -> tuple[str, str, bool]:
    """The same from the votes alone: ours, unless labels of another model foresee votes better, or plain voting does
    as well: by its probabilities where sources judge every label; by its labels where each looks for one, since there
    shares of votes say little.

    Better probabilities alone are no reason to take another model than ours: errors that sources share make a model
    look good that follows them. Plain voting follows nobody.
    """
    pick = OURS if OURS in scored else next(iter(scored))
    for name in (n for n in scored if n not in (pick, PLAIN)):
        if _ahead(scored[name].labels, scored[pick].labels, scored[pick].rows) > _SURE:
            pick = name
    if PLAIN not in scored or pick == PLAIN:
        return pick, f"{pick} foresees held-out votes best", pick == PLAIN
    plain, other, what = scored[PLAIN], scored[pick], "probabilities" if two_sided else "labels"
    z = _ahead(getattr(other, what), getattr(plain, what), plain.rows)
    if z > _SURE:
        return (
            pick,
            f"the {what} of {pick} foresee held-out votes better than those of plain voting (z = {z:.1f})",
            False,
        )
    if z < -_SURE:
        return (
            PLAIN,
            f"the {what} of plain voting foresee held-out votes better than those of {pick} (z = {-z:.1f})",
            True,
        )
    return PLAIN, f"plain voting is as good here: {pick} foresees held-out votes no better (z = {z:.1f})", True


def _are_two_sided(patterns: VotePatterns) -> bool:
    k = len(patterns.space)
    return sidedness(indicators(patterns.matrix, k), patterns.counts, k) >= TWO_SIDED
