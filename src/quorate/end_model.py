"""end_model: the model that learns from a project's labels, held against the same model on other labels, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate import __version__
from quorate.cells import plain
from quorate.classifiers import OutOfFold, fitting_temperature
from quorate.errors import PluginError, TableError, did_you_mean, listed
from quorate.kept_model import SCHEMA, KeptModel, cells_of, keys_of, write_model
from quorate.lessons import FEWEST_GOLD, Lessons, Settled, settled
from quorate.project import Project
from quorate.training.card import model_card
from quorate.training.inputs import Inputs, inputs_of
from quorate.training.judging import FOLDS, Judges, Trained, difference, folds, left_out, scored
from quorate.training.learner import Learner, Lesson
from quorate.training.report import NAMES, Judged, advice, entry, interval, sentence
from quorate.training.worth import Curve, learning_curve, worth
from quorate.training_sets.duplicates import near_duplicates
from quorate.training_sets.examples import column_of_text
from quorate.training_sets.writing import write_text
from quorate.voting import Fused, fused

CARD = "README.md"
On = Literal["labels", "majority", "gold"]
_LESSON = {"labels": "soft", "majority": "majority", "gold": "gold"}


@dataclass(frozen=True)
class Wanted:
    """What to train, on what; what is not given is as quorate.toml says. `out` None: nothing is kept."""

    estimator: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    on: On = "labels"
    min_probability: float = 0.0
    weigh_worth: bool = True
    out: Path | None = None


def train(project: Project, wanted: Wanted) -> dict[str, Any]:
    """Trains, judges and keeps the end model of a project; what came of it, as a documented object.

    Nothing is sent to any endpoint. Without enough gold rows nothing is judged.

    Raises:
        PluginError: no such classifier, it does not take the parameters, or it cannot learn from these rows.
        TableError: what to read cannot be told, or there is nothing to learn from.
    """
    learner = _learner(project, wanted)
    bench = _Bench(project, fused(project, offline=True), wanted.min_probability)
    trained = {name: found for name in bench.contenders if (found := bench.trained(learner, name))}
    chosen = _LESSON[wanted.on]
    if chosen not in trained:
        raise TableError(f"there is nothing to learn from: no row in four fifths of them has what {NAMES[chosen]} needs")
    told = _told(bench, learner, trained, wanted.weigh_worth)
    about = _about(bench, learner, chosen, told)
    files = [] if wanted.out is None else _keep(wanted.out, bench, learner, trained[chosen], about)
    return {
        "schema": "quorate.train/1",
        "project": project.name,
        "on": wanted.on,
        "model": {key: about[key] for key in ("learner", "columns", "trained")},
        **told,
        "files": [str(path) for path in files],
    }


def _learner(project: Project, wanted: Wanted) -> Learner:
    settings = project.settings.train
    estimator = wanted.estimator or settings.estimator
    # Parameters in quorate.toml are those of the classifier that it names.
    params = {**(settings.params if estimator == settings.estimator else {}), **wanted.params}
    learner = Learner(estimator, params, settings.dimensions)
    try:
        learner.fresh()
    except PluginError as error:
        raise PluginError(f"train: {error}") from None
    return learner


def _keep(folder: Path, bench: _Bench, learner: Learner, trained: Trained, about: dict[str, Any]) -> list[Path]:
    lesson = bench.lesson(about["trained"]["on"], np.ones(len(bench.inputs), bool))
    whole = learner.fit(bench.inputs, lesson)
    near_taught = np.isin(bench.clusters, bench.clusters[lesson.at])
    keys = keys_of(bench.inputs.cells)
    fold_of = {keys[i]: int(bench.judges.fold[i]) for i in np.flatnonzero(near_taught).tolist()}
    temperature = fitting_temperature(trained.probs[lesson.at], lesson.probs)
    parts = tuple(model.pipeline for model in trained.models)
    kept = KeptModel(about, OutOfFold(whole.pipeline, parts, fold_of, temperature))
    return [*write_model(folder, kept), write_text(folder / CARD, model_card(about))]


@dataclass(frozen=True, eq=False)
class _Bench:
    """The rows of a project on which contenders are trained and judged alike."""

    project: Project
    made: Fused
    min_probability: float

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return _columns(self.project, self.made)

    @cached_property
    def reads(self) -> Literal["texts", "numbers"]:
        schema = self.made.data.rows.table.schema
        of_text = [name for name in self.columns if pa.types.is_string(schema.field(name).type)]
        if of_text and len(self.columns) > 1:
            raise TableError(f"train.columns are one column of texts or several of numbers; {of_text[0]!r} holds texts")
        return "texts" if of_text else "numbers"

    @cached_property
    def _cells(self) -> tuple[Any, NDArray[np.bool_]]:
        return cells_of(self.made.data.rows, self.columns, self.reads)

    @cached_property
    def inputs(self) -> Inputs:
        settings = self.project.settings.train
        return inputs_of(self._cells[0], settings.reads if self.reads == "texts" else "numbers", settings.sentences)

    @cached_property
    def clusters(self) -> NDArray[np.intp]:
        if self.reads == "texts":
            return near_duplicates(self._cells[0])
        keys = keys_of(self._cells[0])
        return np.array([keys.index(key) for key in keys], np.intp)

    @cached_property
    def settled(self) -> Settled:
        return settled(self.made.data)

    @cached_property
    def judges(self) -> Judges:
        fold = folds(self.made.data.rows.ids.to_pylist(), self.clusters)
        weight = self.settled.weight * self._cells[1]
        return Judges(self.settled.truth, weight, self.clusters, fold, len(self.project.space))

    @cached_property
    def lessons(self) -> Lessons:
        return Lessons(self.project, self.made, self.settled.truth, self._cells[1], self.min_probability)

    @property
    def contenders(self) -> list[str]:
        gold = int((self.settled.truth >= 0).sum())
        names = ["soft", "majority", *(["gold"] if gold >= FEWEST_GOLD else [])]
        # Gold rows by the thousand say little of what a few would do as anchors.
        few = FEWEST_GOLD <= gold <= len(self.settled.truth) / 2
        return [*names, "together"] if few and self.made.data.anchors is None else names

    def lesson(self, name: str, seen: NDArray[np.bool_]) -> Lesson:
        taught: Lesson = getattr(self.lessons, name)(seen)
        return taught

    def trained(self, learner: Learner, name: str) -> Trained | None:
        return left_out(learner, self.inputs, self.judges.fold, lambda seen: self.lesson(name, seen))


def _columns(project: Project, made: Fused) -> tuple[str, ...]:
    """The columns to read: those of [train], else the text column, else what [content] reads, else all numbers.

    Raises:
        TableError: there is no such column, or none to learn from.
    """
    settings, rows = project.settings, made.data.rows
    content = settings.content
    of_content = ((content.column,) if content.column else content.embeddings) if content else ()
    text = settings.data.text or column_of_text(rows)
    wanted = settings.train.columns or ((text,) if text else ()) or of_content
    for name in wanted:
        if name not in rows.columns:
            raise TableError(
                f"train: there is no column {name!r}; the columns are {listed(rows.columns)}."
                f"{did_you_mean(name, rows.columns)}"
            )
    found = wanted or tuple(name for name in rows.columns if _is_number(rows.table.schema.field(name).type))
    if not found:
        raise TableError("train: which columns are to be read? Name them in quorate.toml: [train] columns = [...]")
    return found


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _told(bench: _Bench, learner: Learner, trained: Mapping[str, Trained], weigh_worth: bool) -> dict[str, Any]:
    """What was measured: scores, differences, the learning curve, the worth in gold, and what would help."""
    judges, names = bench.judges, bench.project.space.names
    given = {name: found.probs.argmax(axis=1) for name, found in trained.items()}
    judged: dict[str, Judged] = {}
    if len(judges.at) >= FEWEST_GOLD:
        given["labels"] = _labels_left_out(bench)
        rows = {name: found.rows for name, found in trained.items()}
        judged = {
            name: Judged(name, rows.get(name, 0.0), scored(judges, given[name])) for name in NAMES if name in given
        }
    over = {
        name: difference(judges, given["soft"], given[name]) for name in judged if name != "soft" and "soft" in judged
    }
    curve, worthy = None, None
    if weigh_worth and "gold" in judged and "soft" in judged:
        curve = learning_curve(learner, bench.inputs, judges, judged["soft"].score.accuracy.value)
        worthy = worth(curve, judges, given["soft"]) if curve else None
    gold_rows = round(trained["gold"].rows) if "gold" in trained else 0
    silent = 1 - float(bench.made.labels.covered.mean()) if len(bench.inputs) else 0.0
    anchored = bench.made.data.anchors is not None
    return {
        "rows": len(bench.inputs),
        "gold_rows": int((judges.truth >= 0).sum()),
        "judged_rows": len(judges.at) if judged else 0,
        "contenders": [entry(found, names) for found in judged.values()],
        "soft_over": {name: interval(by) for name, by in over.items()},
        "curve": [] if curve is None else [_point(curve, i) for i in range(len(curve.sizes))],
        "worth": None if worthy is None else asdict(worthy),
        "verdict": sentence(judged, worthy, over.get("gold"), gold_rows),
        "help": list(advice(judged, over.get("gold"), silent, names, anchored)),
        "warnings": _warnings(bench, learner, bool(judged)),
    }


def _labels_left_out(bench: _Bench) -> NDArray[np.int64]:
    """What the labels themselves say of each row without its own gold; the most common one where no source voted."""
    given = np.zeros(len(bench.inputs), np.int64)
    for fold in range(FOLDS):
        held = bench.judges.fold == fold
        given[held] = bench.lessons.labels(~held).probs[held].argmax(axis=1)
    return given


def _point(curve: Curve, i: int) -> dict[str, Any]:
    right = curve.right[i]
    return {"gold_rows": int(curve.sizes[i]), "accuracy": round(float(right.mean()), 6), "samples": len(right)}


def _warnings(bench: _Bench, learner: Learner, is_judged: bool) -> list[str]:
    found = [bench.settled.caveat] if bench.settled.caveat and is_judged else []
    if not is_judged:
        found.append(
            f"nothing was judged: that takes {FEWEST_GOLD} gold rows, and there are {len(bench.judges.at)}; "
            "`quorate review` collects some, or set [gold]"
        )
    if not learner.weighs:
        found.append(f"{learner.estimator} takes no weights: every row counts the same, with its most probable label")
    return found


def _about(bench: _Bench, learner: Learner, lesson: str, told: Mapping[str, Any]) -> dict[str, Any]:
    taught = bench.lesson(lesson, np.ones(len(bench.inputs), bool))
    score = next((found for found in told["contenders"] if found["name"] == lesson), None)
    return {
        "schema": SCHEMA,
        "name": bench.project.name,
        "labels": list(bench.project.space.names),
        "columns": list(bench.columns),
        "reads": bench.reads,
        "learner": {
            "estimator": learner.estimator,
            "params": plain(dict(learner.given)),
            "reads": bench.project.settings.train.reads if bench.reads == "texts" else "numbers",
            "dimensions": learner.dimensions,
        },
        "trained": {
            "on": lesson,
            "rows": len(taught),
            "from": _origin(bench, lesson),
            "sha256": _hash(bench, taught),
        },
        "score": score and {key: score[key] for key in ("accuracy", "macro_f1", "labels")},
        "worth": told["verdict"] if lesson == "soft" else "",
        "versions": {"quorate": __version__, **{name: version(name) for name in ("scikit-learn", "numpy")}},
    }


def _origin(bench: _Bench, lesson: str) -> str:
    sources = len(bench.made.votes.sources)
    match lesson:
        case "gold":
            return "gold labels, given by people"
        case "majority":
            return f"the majority vote of {sources} sources"
        case _:
            least = f", of at least {bench.min_probability:.4g}" if bench.min_probability else ""
            return f"probabilities by {bench.made.labels.model} of the votes of {sources} sources{least}"


def _hash(bench: _Bench, lesson: Lesson) -> str:
    ids, keys = bench.made.data.rows.ids.to_pylist(), keys_of(bench.inputs.cells)
    digest = sha256("\0".join(f"{ids[i]}\0{keys[i]}" for i in lesson.at.tolist()).encode())
    digest.update(np.round(lesson.probs, 9).tobytes() + np.round(lesson.weight, 9).tobytes())
    return digest.hexdigest()
