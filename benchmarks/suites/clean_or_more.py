"""clean-or-more: 500 rows with 12 % wrong labels, against cleaning them and against 500 more of the kind; and how many
reviews, in which order, bring a model to what it reaches on the clean 500.

The end model is logistic regression on TF-IDF, its accuracy that on the gold of all other rows; means over draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.measurement import Context, Measurement
from benchmarks.peers import absence, python_with
from benchmarks.worker import Worker

if TYPE_CHECKING:
    from benchmarks.cleaning import Draw
    from benchmarks.gold_texts import GoldTexts

SETS = ("youtube_spam", "snips", "trec")
_MOST_ROWS, _DRAWS, _QUICK_DRAWS = 3_000, 10, 3


def measure(context: Context) -> Iterator[Measurement]:
    """Per set the accuracies with their 95 % half-widths, and the reviews that each order needs."""
    from benchmarks.gold_texts import gold_texts

    with ExitStack() as stack:
        python = python_with("cleanlab")
        cleanlab = stack.enter_context(Worker(cleanlab_order, python)) if python else None
        for texts in gold_texts(context, SETS, _MOST_ROWS):
            yield from _measured(texts, cleanlab, _QUICK_DRAWS if context.quick else _DRAWS)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Per set what cleaning and doubling add in points, and the reviews needed."""
    found = {(m.case, m.metric): m for m in measurements}
    summary: dict[str, Any] = {}

    def told(name: str, order: str) -> str:
        metrics = ("reviews_to_clean", "reviews_at_least", "reviews_at_most")
        values = [m.ours if order == "ours" else m.peers[order] for m in (found[name, metric] for metric in metrics)]
        return "{:.0f} ({:.0f} to {:.0f})".format(*values)

    for name in dict.fromkeys(m.case for m in measurements):
        noisy = found[name, "noisy_500"].ours
        needed = found[name, "reviews_to_clean"]
        summary[name] = {
            "cleaning adds": round(found[name, "clean_500"].ours - noisy, 2),
            "500 more add": round(found[name, "noisy_1000"].ours - noisy, 2),
            **{f"reviews, {order}": told(name, order) for order in ("ours", *needed.peers)},
        }
    return summary


def _measured(texts: GoldTexts, cleanlab: Worker | None, draws: int) -> Iterator[Measurement]:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    from benchmarks.cleaning import REVIEWED, drawn, needed_range, reviews_needed

    table = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(texts.texts)
    made = [drawn(texts, table, draw, _orders(texts, cleanlab, draw)) for draw in range(draws)]
    for metric, pick in _ACCURACIES.items():
        values = 100 * np.array([pick(one) for one in made])
        half = 1.96 * float(values.std(ddof=1)) / draws**0.5
        yield Measurement(texts.name, metric, float(values.mean()), {"±": half}, "%")
    missing = {} if cleanlab else {"cleanlab": absence("cleanlab")}
    clean = float(np.mean([one.clean for one in made]))
    curves = {name: np.mean([one.reviewed[name] for one in made], axis=0) for name in made[0].reviewed}
    needed = {name: reviews_needed(curve, clean) for name, curve in curves.items()}
    yield Measurement(texts.name, "reviews_to_clean", needed.pop("ours"), needed, "rows", missing)
    ranges = {name: needed_range(made, name) for name in curves}
    for end, metric in enumerate(("reviews_at_least", "reviews_at_most")):
        ends = {name: both[end] for name, both in ranges.items()}
        yield Measurement(texts.name, metric, ends.pop("ours"), ends, "rows", missing)
    for at, many in enumerate(REVIEWED):
        if many in (60, 100, 200):
            shares = {name: 100 * float(np.mean([one.found[name][at] for one in made])) for name in curves}
            yield Measurement(texts.name, f"found_by_{many}", shares.pop("ours"), shares, "%", missing)


_ACCURACIES: Mapping[str, Callable[[Draw], float]] = {
    "noisy_500": lambda one: one.noisy,
    "clean_500": lambda one: one.clean,
    "noisy_1000": lambda one: one.twice,
}


def _orders(texts: GoldTexts, cleanlab: Worker | None, draw: int) -> Callable[..., Mapping[str, Any]]:
    """The orders in which the rows may be reviewed: by `quorate errors`, by its ranking and by cleanlab's of the same
    probabilities, and at random."""
    from dataclasses import replace

    import numpy as np
    import pyarrow as pa

    from quorate.label_errors import turns_for
    from quorate.suspects.held_out import held_out
    from quorate.suspects.suspected import suspects
    from quorate.suspects.suspicion import suspicion
    from quorate.suspects.views import views

    def orders(rows: Any, given: Any) -> dict[str, Any]:
        seen = views([texts.texts[at] for at in rows.tolist()])
        ids = pa.array([str(at) for at in range(len(rows))])
        own = suspects(seen, given, texts.k, ids, turns=turns_for(len(rows), texts.k))
        probs = held_out(replace(seen, seen=seen.seen[:1]), given, texts.k)
        found = {
            "ours": np.argsort(-own.suspicion, kind="stable"),
            "ours, same classifier": np.argsort(-suspicion(probs, given), kind="stable"),
            "random": np.random.default_rng(draw + 10_000).permutation(len(rows)),
        }
        if cleanlab:
            found["cleanlab"] = cleanlab.ask(probs=probs, given=given.astype("int64")).answer
        return found

    return orders


def cleanlab_order() -> Callable[..., Any]:
    """All rows by cleanlab's self-confidence, those that `find_label_issues` lists first."""
    import numpy as np
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    def task(probs: Any, given: Any) -> Any:
        listed = find_label_issues(given, probs, return_indices_ranked_by="self_confidence", n_jobs=1)
        every = np.argsort(get_label_quality_scores(given, probs), kind="stable")
        return np.concatenate([listed, every[~np.isin(every, listed)]])

    return task
