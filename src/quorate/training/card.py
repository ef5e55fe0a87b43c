"""The model card: what a kept model is, what it learned from, what it reaches and how to use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def model_card(about: Mapping[str, Any]) -> str:
    """README.md of a model folder, from what model.json says."""
    learner, trained = about["learner"], about["trained"]
    params = ", ".join(f"{key}={value!r}" for key, value in learner["params"].items())
    lines = [
        f"# {about['name']}",
        "",
        f"A {learner['estimator']}{f' ({params})' if params else ''} that gives each row one of "
        f"{len(about['labels'])} labels: {', '.join(about['labels'])}. It reads {_reads(about)}.",
        "",
        "## What it learned from",
        "",
        f"- {trained['rows']:,} rows: {trained['from']}",
        f"- SHA-256 of the rows, labels and weights: `{trained['sha256']}`",
        f"- Made with {', '.join(f'{name} {version}' for name, version in about['versions'].items())}",
        "",
        "## What it reaches",
        "",
        *_scores(about),
        "",
        "## How to use it",
        "",
        "On the rows of a file that has what it reads: the label, its probability, and those of all labels.",
        "",
        "```console",
        "quorate predict PATH_OF_THIS_FOLDER rows.csv --to predicted.csv",
        "```",
        "",
        "As a source of the next run, in quorate.toml:",
        "",
        "```toml",
        "[[sources]]",
        'kind = "model"',
        'name = "end_model"',
        'path = "PATH OF THIS FOLDER"',
        "```",
        "",
        "A row that it learned from gets its vote from a model that did not see the row. In Python, "
        '`joblib.load("model.joblib").whole` is a scikit-learn pipeline; its classes are positions in the list of '
        "labels above. The file is a pickle: reading it runs code, so read only files that you trust.",
        "",
    ]
    return "\n".join(lines)


def _reads(about: Mapping[str, Any]) -> str:
    columns = ", ".join(f"`{name}`" for name in about["columns"])
    if about["reads"] != "texts":
        return f"numbers: {columns}"
    learner = about["learner"]
    by = f" by the model `{learner['sentences']}` of sentence-transformers" if "sentences" in learner else ""
    return f"the text of {columns} as {learner['reads']}{by}"


def _scores(about: Mapping[str, Any]) -> Iterator[str]:
    score = about["score"]
    if score is None:
        yield "Nothing was measured: too few gold rows."
        return
    yield (
        f"Measured on {score['accuracy']['rows']:,} gold rows, each judged by a model that learned from four fifths of "
        "the rows, without that row and its near-duplicates; 95 % intervals."
    )
    yield ""
    yield f"- accuracy {_range(score['accuracy'])}"
    yield f"- mean F1 of the labels {_range(score['macro_f1'])}"
    if about["worth"]:
        yield f"- {about['worth']}"
    yield ""
    yield "| label | gold rows | precision | recall | F1 |"
    yield "|---|---|---|---|---|"
    for name, of in score["labels"].items():
        cells = (f"{of[key]:.1%}" if of[key] is not None else "" for key in ("precision", "recall", "f1"))
        yield f"| {name} | {of['rows']:,} | {' | '.join(cells)} |".replace("\n", " ")


def _range(estimate: Mapping[str, Any]) -> str:
    return f"{estimate['value']:.1%} ({estimate['low']:.1%} to {estimate['high']:.1%})"
