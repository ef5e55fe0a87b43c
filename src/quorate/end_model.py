"""end_model: the model that learns from a project's labels, held against the same model on other labels, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quorate import __version__
from quorate.cells import plain
from quorate.classifiers import OutOfFold, fitting_temperature
from quorate.errors import PluginError, TableError
from quorate.kept_model import SCHEMA, KeptModel, keys_of, write_model
from quorate.project import Project
from quorate.protocols import Tell, unheard
from quorate.taught import FEWEST_GOLD, Taught
from quorate.training.card import model_card
from quorate.training.judging import FOLDS, Trained, better_elsewhere, difference, left_out, scored
from quorate.training.learner import Learner, Lesson
from quorate.training.report import NAMES, Judged, advice, entry, interval, sentence
from quorate.training.worth import Curve, learning_curve, worth
from quorate.training_sets.writing import write_text
from quorate.voting import fused

CARD = "README.md"
On = Literal["labels", "majority", "gold"]


@dataclass(frozen=True)
class Wanted:
    """What to train, on what; what is not given is as quorate.toml says. `out` None: nothing is kept."""

    estimator: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    on: On = "labels"
    min_probability: float = 0.0
    weigh_worth: bool = True
    out: Path | None = None


@dataclass(frozen=True, eq=False)
class _Chosen:
    """What is kept: the contender `on`, the name of its lesson, that lesson of all rows, and its models by fold."""

    on: str
    name: str
    lesson: Lesson
    trained: Trained


def train(project: Project, wanted: Wanted, tell: Tell = unheard) -> dict[str, Any]:
    """Trains, judges and keeps the end model of a project; what came of it, as a documented object.

    Nothing is sent to any endpoint. Without enough gold rows nothing is judged. `tell` hears what is being done.

    Raises:
        PluginError: no such classifier, it does not take the parameters, or it cannot learn from these rows.
        TableError: what to read cannot be told, or there is nothing to learn from.
    """
    learner = _learner(project, wanted)
    tell("reading what the sources said")
    taught = Taught(project, fused(project, offline=True), wanted.min_probability)
    names = _contenders(taught)
    trained = {name: found for name in names if (found := _trained(taught, learner, name, tell))}
    on = "weak" if wanted.on == "labels" else wanted.on
    name = {"weak": _choose(taught, trained)}.get(on, on)
    if on not in trained:
        raise TableError(f"there is nothing to learn from: no row in four fifths of them has what {NAMES[on]} needs")
    tell("judging on gold rows")
    told = _told(taught, learner, trained, wanted.weigh_worth, tell)
    chosen = _Chosen(on, name, taught.lesson(name, np.ones(len(taught.inputs), bool)), trained[on])
    about = _about(taught, learner, chosen, told)
    tell("keeping the model")
    files = [] if wanted.out is None else _keep(wanted.out, taught, learner, chosen, about)
    return {
        "schema": "quorate.train/1",
        "project": project.name,
        "on": wanted.on,
        "model": {key: about[key] for key in ("learner", "columns", "trained")},
        **told,
        "files": [str(path) for path in files],
    }


def _contenders(taught: Taught) -> list[str]:
    truth = taught.settled.truth
    gold = int((truth >= 0).sum())
    names = ["hard", "soft", "majority", *(["gold"] if gold >= FEWEST_GOLD else [])]
    # Where most rows are gold, what it does as an anchor says nothing more.
    is_few = FEWEST_GOLD <= gold <= len(truth) / 2
    return [*names, "together"] if is_few and taught.made.data.anchors is None else names


def _trained(taught: Taught, learner: Learner, name: str, tell: Tell) -> Trained | None:
    tell(f"training a model {NAMES[name].removeprefix('- ').removeprefix('model ')}")
    return left_out(learner, taught.inputs, taught.judges.fold, lambda seen: taught.lesson(name, seen))


def _choose(taught: Taught, trained: dict[str, Trained]) -> str:
    """Adds the model on the labels: on the most probable ones, or on probabilities where gold finds that better."""
    if not {"soft", "hard"} <= set(trained):
        return "hard"
    trained["weak"], is_soft = trained["hard"], False
    if len(taught.judges.at) >= FEWEST_GOLD:
        trained["weak"], is_soft = better_elsewhere(taught.judges, trained["hard"], trained["soft"])
    return "soft" if is_soft else "hard"


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


def _keep(folder: Path, taught: Taught, learner: Learner, chosen: _Chosen, about: dict[str, Any]) -> list[Path]:
    lesson, trained = chosen.lesson, chosen.trained
    whole = learner.fit(taught.inputs, lesson)
    near_taught = np.isin(taught.clusters, taught.clusters[lesson.at])
    keys = keys_of(taught.inputs.cells)
    fold_of = {keys[i]: int(taught.judges.fold[i]) for i in np.flatnonzero(near_taught).tolist()}
    temperature = fitting_temperature(trained.probs[lesson.at], lesson.probs)
    parts = tuple(model.pipeline for model in trained.models)
    kept = KeptModel(about, OutOfFold(whole.pipeline, parts, fold_of, temperature))
    return [*write_model(folder, kept), write_text(folder / CARD, model_card(about))]


def _told(
    taught: Taught, learner: Learner, trained: Mapping[str, Trained], weigh_worth: bool, tell: Tell
) -> dict[str, Any]:
    """What was measured: scores, differences, the learning curve, the worth in gold, and what would help."""
    judges, names = taught.judges, taught.project.space.names
    given = {name: found.probs.argmax(axis=1) for name, found in trained.items()}
    judged = _judged(taught, trained, given)
    over = {
        name: difference(judges, given["weak"], given[name])
        for name in judged
        if "weak" in judged and name not in ("weak", "soft", "hard")
    }
    curve = _curve(taught, learner, judged, tell) if weigh_worth else None
    worthy = worth(curve, judges, given["weak"]) if curve else None
    gold_rows = round(trained["gold"].rows) if "gold" in trained else 0
    silent = 1 - float(taught.made.labels.covered.mean()) if len(taught.inputs) else 0.0
    anchored = taught.made.data.anchors is not None
    return {
        "rows": len(taught.inputs),
        "gold_rows": int((judges.truth >= 0).sum()),
        "judged_rows": len(judges.at) if judged else 0,
        "contenders": [entry(found, names) for found in judged.values()],
        "weak_over": {name: interval(by) for name, by in over.items()},
        "curve": [] if curve is None else [_point(curve, i) for i in range(len(curve.sizes))],
        "worth": None if worthy is None else asdict(worthy),
        "verdict": sentence(judged, worthy, over.get("gold"), gold_rows),
        "help": list(advice(judged, over.get("gold"), silent, names, anchored)),
        "warnings": _warnings(taught, learner, bool(judged)),
    }


def _judged(taught: Taught, trained: Mapping[str, Trained], given: dict[str, NDArray[np.int64]]) -> dict[str, Judged]:
    """The scores of all contenders and of the labels themselves, in the order of the report."""
    if len(taught.judges.at) < FEWEST_GOLD:
        return {}
    given["labels"] = _labels_left_out(taught)
    rows = {name: found.rows for name, found in trained.items()}
    return {
        name: Judged(name, rows.get(name, 0.0), scored(taught.judges, given[name])) for name in NAMES if name in given
    }


def _curve(taught: Taught, learner: Learner, judged: Mapping[str, Judged], tell: Tell) -> Curve | None:
    if not {"gold", "weak"} <= set(judged):
        return None
    return learning_curve(learner, taught.inputs, taught.judges, judged["weak"].score.accuracy.value, tell=tell)


def _labels_left_out(taught: Taught) -> NDArray[np.int64]:
    """What the labels themselves say of each row without its own gold; the most common one where no source voted."""
    given = np.zeros(len(taught.inputs), np.int64)
    for fold in range(FOLDS):
        held = taught.judges.fold == fold
        given[held] = taught.lessons.labels_seeing(~held).probs[held].argmax(axis=1)
    return given


def _point(curve: Curve, i: int) -> dict[str, Any]:
    right = curve.right[i]
    return {"gold_rows": int(curve.sizes[i]), "accuracy": round(float(right.mean()), 6), "samples": len(right)}


def _warnings(taught: Taught, learner: Learner, is_judged: bool) -> list[str]:
    found = [taught.settled.caveat] if taught.settled.caveat and is_judged else []
    if not is_judged:
        found.append(
            f"nothing was judged: that takes {FEWEST_GOLD} gold rows, and there are {len(taught.judges.at)}; "
            "`quorate review` collects some, or set [gold]"
        )
    if not learner.weighs:
        found.append(f"{learner.estimator} takes no weights: every row counts the same, with its most probable label")
    return found


def _about(taught: Taught, learner: Learner, chosen: _Chosen, told: Mapping[str, Any]) -> dict[str, Any]:
    score = next((found for found in told["contenders"] if found["name"] == chosen.on), None)
    reads = taught.project.settings.train.reads if taught.reads == "texts" else "numbers"
    return {
        "schema": SCHEMA,
        "name": taught.project.name,
        "labels": list(taught.project.space.names),
        "columns": list(taught.columns),
        "reads": taught.reads,
        "learner": {
            "estimator": learner.estimator,
            "params": plain(dict(learner.given)),
            "reads": reads,
            **({"sentences": taught.sentences} if reads == "sentences" else {}),
            "dimensions": learner.dimensions,
        },
        "trained": {
            "on": chosen.on,
            "lesson": chosen.name,
            "rows": len(chosen.lesson),
            "from": _origin(taught, chosen.name),
            "sha256": _hash(taught, chosen.lesson),
        },
        "score": score and {key: score[key] for key in ("accuracy", "macro_f1", "labels")},
        "worth": told["verdict"] if chosen.on == "weak" else "",
        "versions": {"quorate": __version__, **{name: version(name) for name in ("scikit-learn", "numpy")}},
    }


def _origin(taught: Taught, lesson: str) -> str:
    sources = len(taught.made.votes.sources)
    match lesson:
        case "gold":
            return "gold labels, given by people"
        case "majority":
            return f"the majority vote of {sources} sources"
        case "hard":
            return f"the most probable labels by {taught.made.labels.model} of the votes of {sources} sources"
        case _:
            least = f", of at least {taught.min_probability:.4g}" if taught.min_probability else ""
            return f"probabilities by {taught.made.labels.model} of the votes of {sources} sources{least}"


def _hash(taught: Taught, lesson: Lesson) -> str:
    ids, keys = taught.made.data.rows.ids.to_pylist(), keys_of(taught.inputs.cells)
    digest = sha256("\0".join(f"{ids[i]}\0{keys[i]}" for i in lesson.at.tolist()).encode())
    digest.update(np.round(lesson.probs, 9).tobytes() + np.round(lesson.weight, 9).tobytes())
    return digest.hexdigest()
