"""Augmented manifests: the lines that SageMaker Ground Truth writes and Amazon Comprehend reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from quorate.training_sets.examples import Example
from quorate.training_sets.writing import read_json_lines


def manifest_lines(found: Iterable[Example], attribute: str, created: str) -> Iterator[dict[str, Any]]:
    """One object per example; `created` is a time stamp, the same for all, so that a file is the same each time."""
    for example in found:
        yield {
            "source": example.text,
            attribute: example.y,
            f"{attribute}-metadata": {
                "confidence": round(example.confidence, 6),
                "job-name": f"labeling-job/{attribute}",
                "class-name": example.label,
                "human-annotated": "yes" if example.is_reviewed else "no",
                "creation-date": created,
                "type": "groundtruth/text-classification",
            },
        }


def read_manifest(path: Path, attribute: str) -> list[tuple[str, str]]:
    """Text and label of each line."""
    return [(line["source"], line[f"{attribute}-metadata"]["class-name"]) for line in read_json_lines(path)]
