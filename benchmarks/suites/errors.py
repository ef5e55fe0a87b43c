"""errors: how well rows with wrong labels are ranked, by average precision, beside cleanlab on the same probabilities.

Labels of text sets with gold are made wrong on purpose: 5, 10 and 20 % of them, uniformly or class by class. Rankings
get the same out-of-fold probabilities, of TF-IDF and logistic regression; `default` is what `quorate errors` makes of
the texts by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.measurement import Context, Measurement, WrongAnswer
from benchmarks.peers import absence, python_with
from benchmarks.worker import Worker

if TYPE_CHECKING:
    from benchmarks.gold_texts import GoldTexts

COMPARED = ("youtube_spam", "snips", "trec", "banking77")
# Sets by which the ranking was designed: shown, and counted for nothing.
DESIGNED_BY = ("hausa", "css_emotion", "clinc150")
SHARES = (0.05, 0.1, 0.2)
SCORES = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
_ROWS, _QUICK_ROWS, _DRAWS = 3_000, 800, 2


def measure(context: Context) -> Iterator[Measurement]:
    """Average precision in percent, the mean over draws; per set, kind and share of noise."""
    from benchmarks.gold_texts import gold_texts

    names = COMPARED if context.quick else (*COMPARED, *DESIGNED_BY)
    with ExitStack() as stack:
        python = python_with("cleanlab")
        cleanlab = stack.enter_context(Worker(cleanlab_ranks, python)) if python else None
        for found in gold_texts(context, names, _QUICK_ROWS if context.quick else _ROWS):
            yield from _measured(found, cleanlab, 1 if context.quick else _DRAWS)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Per set the means over all noise; and on how many of the compared sets ours is at least each peer's."""
    by_set: dict[str, list[Measurement]] = {}
    for m in measurements:
        if m.metric == "average_precision":
            by_set.setdefault(m.case.partition(",")[0], []).append(m)
    means = {name: _means(found) for name, found in by_set.items()}
    peers = sorted({peer for values in means.values() for peer in values if peer.startswith("cleanlab")})
    held = [means[name] for name in COMPARED if name in means]
    at_least = {
        peer: f"{sum(v['ours'] >= v[peer] - 1e-9 for v in held if peer in v)} of {sum(peer in v for v in held)}"
        for peer in peers
    }
    return {"mean average precision": means, "compared sets where ours is at least": at_least}


def markdown(measurements: Sequence[Measurement]) -> str:
    """Average precision, and how many labels were estimated wrong, as one table."""
    found = {(m.case, m.metric): m for m in measurements}
    precise = [m for m in measurements if m.metric == "average_precision"]
    peers = list(dict.fromkeys(peer for m in precise for peer in m.peers))
    head = ["labels wrong", "ours", *peers, "estimated wrong"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for m in precise:
        guess = found[m.case, "estimated_wrong"]
        told = f"{guess.ours:.1f} ({guess.peers['at least']:.1f} to {guess.peers['at most']:.1f})"
        values = [f"{m.peers[peer]:.1f}" if peer in m.peers else "" for peer in peers]
        lines.append(f"| {' | '.join([m.case, f'**{m.ours:.1f}**', *values, told])} |")
    return "\n".join(lines)


def _means(found: list[Measurement]) -> dict[str, float]:
    peers = [peer for peer in found[0].peers if all(peer in m.peers for m in found)]
    return {"ours": round(fmean(m.ours for m in found), 2)} | {
        peer: round(fmean(m.peers[peer] for m in found), 2) for peer in peers
    }


def _measured(found: GoldTexts, cleanlab: Worker | None, draws: int) -> Iterator[Measurement]:
    import numpy as np

    from benchmarks.gold_texts import flipped
    from quorate.suspects.views import views

    seen = views(found.texts)
    for kind in ("uniform", "class-dependent"):
        for share in SHARES:
            scored: list[dict[str, float]] = []
            for draw in range(draws):
                given = flipped(found.gold, found.k, kind, share, np.random.default_rng(draw))
                scored.append(_scored(found, seen, given, cleanlab))
            means = {name: fmean(one[name] for one in scored) for name in scored[0]}
            case, wrong, low, high = (
                f"{found.name}, {kind} {share:.0%}",
                *(means.pop(name) for name in ("estimated", "low", "high")),
            )
            missing = {} if cleanlab else {"cleanlab": absence("cleanlab")}
            yield Measurement(case, "average_precision", means.pop("ours"), means, "%", missing)
            yield Measurement(case, "estimated_wrong", wrong, {"at least": low, "at most": high}, "%")


def _scored(found: GoldTexts, seen: Any, given: Any, cleanlab: Worker | None) -> dict[str, float]:
    """The average precision of each ranking, and the share of labels that is estimated wrong, in percent."""
    from dataclasses import replace

    import numpy as np
    import pyarrow as pa

    from quorate.label_errors import turns_for
    from quorate.suspects.held_out import held_out
    from quorate.suspects.noise import confident_counts
    from quorate.suspects.suspected import suspects
    from quorate.suspects.suspicion import suspicion

    wrong, n = given != found.gold, len(given)
    probs = held_out(replace(seen, seen=seen.seen[:1]), given, found.k)
    ids = pa.array([str(at) for at in range(n)])
    own = suspects(seen, given, found.k, ids, turns=turns_for(n, found.k))
    values = {"ours": _precision(wrong, suspicion(probs, given)), "default": _precision(wrong, own.suspicion)}
    if cleanlab:
        scores, joint, issues = cleanlab.ask(probs=probs, given=given.astype("int64")).answer
        ours = confident_counts(probs, given)
        # cleanlab lets every label have one right row at least.
        np.fill_diagonal(ours, np.maximum(np.diag(ours), 1))
        # It lets rows pass that miss a threshold by less than a millionth.
        if np.abs(joint - ours).sum() > 4:
            raise WrongAnswer(f"{found.name}: the confident joint is not that of cleanlab")
        values |= {f"cleanlab {name}": _precision(wrong, -score) for name, score in scores.items()}
        values["cleanlab find_label_issues"] = _listed(wrong, issues)
    guess = own.estimate
    return values | {
        name: 100 * v / n
        for name, v in zip(("estimated", "low", "high"), (guess.rows, guess.low, guess.high), strict=True)
    }


def _precision(wrong: Any, score: Any) -> float:
    from sklearn.metrics import average_precision_score

    return 100 * float(average_precision_score(wrong, score))


def _listed(wrong: Any, issues: Any) -> float:
    """The average precision of a list that leaves rows out: those are never found."""
    import numpy as np

    hits = wrong[issues]
    return 100 * float((np.cumsum(hits) / np.arange(1, len(hits) + 1) * hits).sum() / max(int(wrong.sum()), 1))


def cleanlab_ranks() -> Callable[..., Any]:
    """cleanlab's quality scores of every row (least first), its confident joint, and `find_label_issues` by default."""
    from cleanlab.count import compute_confident_joint
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    def task(probs: Any, given: Any) -> Any:
        # No row may have all its probability on one label: cleanlab divides by the entropy.
        probs = (probs + 1e-12) / (probs + 1e-12).sum(axis=1, keepdims=True)
        scores = {name: get_label_quality_scores(given, probs, method=name) for name in SCORES}
        joint = compute_confident_joint(given, probs, calibrate=False)
        issues = find_label_issues(given, probs, return_indices_ranked_by="self_confidence", n_jobs=1)
        return scores, joint, issues

    return task
