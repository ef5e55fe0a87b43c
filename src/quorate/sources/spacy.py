"""spaCy: parsed documents for labeling functions that ask for `doc`, and a pipeline's own decisions as votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from quorate.attempt import Fault, attempt
from quorate.errors import PluginError
from quorate.fingerprint import fingerprint
from quorate.reading import read_answers, reader_for
from quorate.registry import vendor
from quorate.rows import Rows
from quorate.values import LabelSpace, VoteColumn


@dataclass(frozen=True)
class SpacyDoc:
    """A derived column of spaCy documents: each distinct text is parsed once, in batches, for all who read it.

    `pipeline` is `blank:LANG` (a tokenizer, nothing to download), or what `spacy.load` takes.
    """

    column: str
    pipeline: str = "blank:en"
    name: str = "doc"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def fingerprint(self) -> str:
        return fingerprint("spacy", _identity(_pipeline(self.pipeline)))

    def derive(self, rows: Rows) -> list[Any]:
        return _parsed(_pipeline(self.pipeline), rows.values(self.column))


@dataclass(frozen=True)
class Spacy:
    """A spaCy pipeline as a voter.

    `read` says where its decision is: "cats" (a text classifier's scores, when the best reaches `threshold`) or
    "ents" (the label of every entity; documents whose entities disagree abstain). `labels_for` maps spaCy's names to
    label names (scores of one label add up); without it the names must be the same. `terms` adds an entity ruler
    with phrases by entity name.
    """

    kind: ClassVar[str] = "sources"
    family: ClassVar[str] = "model"

    name: str
    pipeline: str = "blank:en"
    column: str = "text"
    read: str = "ents"
    threshold: float = 0.5
    labels_for: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.read not in ("cats", "ents"):
            raise PluginError(f"spacy source {self.name!r}: `read` is 'cats' or 'ents', not {self.read!r}")
        for label, phrases in self.terms.items():
            if isinstance(phrases, str):
                raise PluginError(f"spacy source {self.name!r}: the terms of {label!r} are a list, not {phrases!r}")

    @classmethod
    def example(cls) -> Spacy:
        return cls("channel_ruler", terms={"SPAM": ("channel",), "HAM": ("lovely song",)})

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.labels_for.values()) or tuple(self.terms)

    def fingerprint(self) -> str:
        return fingerprint("spacy", self._identity, self.column, self.read, self.threshold, dict(self.labels_for))

    @cached_property
    def _nlp(self) -> Any:
        if not self.terms:
            return _pipeline(self.pipeline)
        # A pipeline of its own: the shared one must not learn these terms.
        nlp = _load(self.pipeline)
        ruler = nlp.add_pipe("entity_ruler", name=f"terms of {self.name}", config={"phrase_matcher_attr": "LOWER"})
        ruler.add_patterns([{"label": label, "pattern": t} for label, terms in self.terms.items() for t in terms])
        return nlp

    @cached_property
    def _identity(self) -> str:
        return _identity(self._nlp)

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        docs = _parsed(self._nlp, rows.values(self.column))
        decide = self._by_cats if self.read == "cats" else self._by_ents
        unparsed = {i: doc for i, doc in enumerate(docs) if isinstance(doc, Fault)}
        answers, faults = attempt(lambda doc: None if isinstance(doc, Fault) else decide(doc), docs)
        return read_answers(answers, unparsed | faults, rows.ids, self.name, reader_for(space, None))

    def _by_ents(self, doc: Any) -> str | None:
        names = (ent.label_ for ent in doc.ents if not self.labels_for or ent.label_ in self.labels_for)
        found = {self.labels_for.get(name, name) for name in names}
        return found.pop() if len(found) == 1 else None

    def _by_cats(self, doc: Any) -> dict[str, float] | None:
        scores: dict[str, float] = {}
        for name, score in doc.cats.items():
            label = self.labels_for.get(name, name)
            scores[label] = scores.get(label, 0.0) + float(score)
        total = sum(scores.values())
        if not total or max(scores.values()) < self.threshold:
            return None
        return {name: float(np.float32(score / total)) for name, score in scores.items()}


def _identity(nlp: Any) -> str:
    """What the pipeline computes with; not its vocabulary, which grows with the texts it meets."""
    parts = [(name, pipe.to_bytes(exclude=["vocab"])) for name, pipe in nlp.pipeline if hasattr(pipe, "to_bytes")]
    return fingerprint(vendor("spacy", "spacy").__version__, nlp.config.to_str(), parts)


def _parsed(nlp: Any, texts: Sequence[str | None]) -> list[Any]:
    """A document per text, or the fault of a text that the pipeline cannot parse."""
    whole = [text or "" for text in texts]
    docs, faults = attempt(lambda batch: list(nlp.pipe(batch)), [whole], time_limit_s=None)
    if not faults:
        return docs[0]  # type: ignore[no-any-return]
    docs, faults = attempt(nlp, whole)
    return [faults.get(i, doc) for i, doc in enumerate(docs)]


def _pipeline(name: str) -> Any:
    """The pipeline, loaded once per process and shared by all who only read with it; again when it was saved anew."""
    files = sorted(path for path in Path(name).rglob("*") if path.is_file()) if Path(name).is_dir() else []
    return _loaded(name, tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@cache
def _loaded(name: str, _saved: tuple[tuple[str, int, int], ...]) -> Any:
    return _load(name)


def _load(name: str) -> Any:
    """
    Raises:
        PluginError: spaCy does not know the language or finds no such pipeline.
    """
    spacy = vendor("spacy", "spacy")
    try:
        return spacy.blank(name.removeprefix("blank:")) if name.startswith("blank:") else spacy.load(name)
    except (OSError, ImportError) as error:
        raise PluginError(f"spaCy cannot load the pipeline {name!r}: {error}") from None


class TextCategorizer:
    """spaCy's bag-of-words `textcat` as a classifier of the kind of scikit-learn's, for `quorate train`.

    It takes texts as they are ([train] reads = "raw"). Nothing in it hangs on chance but the order of the batches,
    which is its own.
    """

    def __init__(self, language: str = "en", epochs: int = 20, batch_size: int = 16) -> None:
        self.language, self.epochs, self.batch_size = language, epochs, batch_size

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        return {"language": self.language, "epochs": self.epochs, "batch_size": self.batch_size}

    def __sklearn_tags__(self) -> Any:
        """What pipelines of scikit-learn ask of their last step."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags("classifier", TargetTags(required=True), None, ClassifierTags(), input_tags=InputTags(string=True))

    def fit(self, texts: Sequence[str], labels: Sequence[int]) -> TextCategorizer:
        """Trained on one label a text: spaCy takes neither probabilities nor weights."""
        spacy, training = vendor("spacy", "spacy"), vendor("spacy.training", "spacy")
        self.classes_ = np.unique(labels)
        names = [str(y) for y in self.classes_.tolist()]
        self.pipeline_ = spacy.blank(self.language)
        textcat = self.pipeline_.add_pipe("textcat", config={"model": _BAG_OF_WORDS})
        for name in names:
            textcat.add_label(name)
        examples = [
            training.Example.from_dict(
                self.pipeline_.make_doc(str(text)), {"cats": {name: float(name == str(y)) for name in names}}
            )
            for text, y in zip(texts, labels, strict=True)
        ]
        sgd, generator = self.pipeline_.initialize(lambda: examples), np.random.default_rng(0)
        for _ in range(self.epochs):
            order = generator.permutation(len(examples))
            for start in range(0, len(order), self.batch_size):
                batch = [examples[i] for i in order[start : start + self.batch_size].tolist()]
                self.pipeline_.update(batch, sgd=sgd, drop=0.0)
        return self

    def predict_proba(self, texts: Sequence[str]) -> Any:
        docs = self.pipeline_.pipe(map(str, texts))
        return np.array([[doc.cats[str(y)] for y in self.classes_.tolist()] for doc in docs]).reshape(
            -1, len(self.classes_)
        )

    def predict(self, texts: Sequence[str]) -> Any:
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]


_BAG_OF_WORDS = {
    "@architectures": "spacy.TextCatBOW.v3",
    "exclusive_classes": True,
    "length": 262144,
    "ngram_size": 2,
    "no_output_layer": False,
}


plugin = Spacy
