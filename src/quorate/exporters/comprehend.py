"""Amazon Comprehend custom classification: CSV and augmented manifest, with the request that trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from quorate.errors import listed
from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.ground_truth import manifest_lines, read_manifest
from quorate.training_sets.writing import on_one_line, read_rows, write_json, write_json_lines, write_rows
from quorate.values import TrainingSet

BOUNDS = Bounds(
    rows=(1, 1_000_000),
    labels=(2, 1_000),
    per_label=10,
    advised_per_label=50,
    label_chars=5_000,
    text_chars=(1, None),
    takes_control=False,
    takes_line_ends=False,
)
LANGUAGES = ("en", "es", "de", "it", "fr", "pt")
_ATTRIBUTE = "quorate"


@dataclass(frozen=True)
class Comprehend:
    """`csv/SPLIT.csv` (label, text, no header), `manifest/SPLIT.manifest`, and `request.json` with the parameters of
    CreateDocumentClassifier; the service tests on `test`. Line ends in texts become spaces in the CSV."""

    kind: ClassVar[str] = "exporters"
    language: str = "en"
    bucket: str = "your-bucket"
    role_arn: str = "arn:aws:iam::123456789012:role/your-role"
    created: str = "2000-01-01T00:00:00.000000"

    @classmethod
    def example(cls) -> Comprehend:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        found = findings(BOUNDS, training_set, examples(training_set))
        if self.language not in LANGUAGES:
            wrong = f"language {self.language!r} is none that the service trains in: {listed(LANGUAGES)}"
            found += Findings(errors=(wrong,))
        return found

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        splits = _trained(examples(training_set))
        flat = {split: [replace(e, text=on_one_line(e.text)) for e in part] for split, part in splits.items()}
        return {f"csv/{split}.csv": part for split, part in flat.items()} | {
            f"manifest/{split}.manifest": part for split, part in splits.items()
        }

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        files = []
        for name, part in self.parts(training_set).items():
            if name.startswith("csv/"):
                files.append(write_rows(folder / name, ((e.label, e.text) for e in part)))
            else:
                files.append(write_json_lines(folder / name, manifest_lines(part, _ATTRIBUTE, self.created)))
        return [*files, write_json(folder / "request.json", self._request(training_set, folder))]

    def read(self, path: Path) -> list[tuple[str, str]]:
        if path.suffix == ".manifest":
            return read_manifest(path, _ATTRIBUTE)
        return [(text, label) for label, text in read_rows(path)]

    def _request(self, training_set: TrainingSet, folder: Path) -> dict[str, Any]:
        there = f"s3://{self.bucket}/csv"
        config = {"DataFormat": "COMPREHEND_CSV", "S3Uri": f"{there}/train.csv"}
        if (folder / "csv/test.csv").exists():
            config["TestS3Uri"] = f"{there}/test.csv"
        return {
            "DocumentClassifierName": _name(training_set.name),
            "DataAccessRoleArn": self.role_arn,
            "LanguageCode": self.language,
            "Mode": "MULTI_CLASS",
            "InputDataConfig": config,
        }


def _trained(found: Sequence[Example]) -> dict[str, list[Example]]:
    """The service takes a train and a test file; what would choose between models trains here."""
    return filled_splits(replace(e, split="train") if e.split == "valid" else e for e in found)


def _name(name: str) -> str:
    """The name as the service takes it: letters, digits and single hyphens, 63 at most."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
    return "-".join(filter(None, plain.split("-")))[:63].strip("-") or "quorate"


plugin = Comprehend
