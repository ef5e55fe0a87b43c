"""Amazon SageMaker: a Ground Truth manifest, and Autopilot's table with the request that trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.ground_truth import manifest_lines, read_manifest
from quorate.training_sets.writing import read_rows, write_json, write_json_lines, write_rows
from quorate.values import TrainingSet

BOUNDS = Bounds(
    train=(1, None), labels=(2, None), per_label=2, text_chars=(1, None), takes_control=False, reads_missing=True
)
_HEADER = ("text", "label")
_ATTRIBUTE = "quorate"


@dataclass(frozen=True)
class Sagemaker:
    """`manifest/SPLIT.manifest`, `autopilot/SPLIT/SPLIT.csv` with a header, and `autopilot/request.json` with the
    parameters of CreateAutoMLJobV2."""

    kind: ClassVar[str] = "exporters"
    bucket: str = "your-bucket"
    role_arn: str = "arn:aws:iam::123456789012:role/your-role"
    most_hours: int = 10
    created: str = "2000-01-01T00:00:00.000000"

    @classmethod
    def example(cls) -> Sagemaker:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return findings(BOUNDS, training_set, examples(training_set))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        splits = filled_splits(examples(training_set))
        tables = {f"autopilot/{split}/{split}.csv": part for split, part in splits.items()}
        return tables | {f"manifest/{split}.manifest": part for split, part in splits.items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        files, parts = [], self.parts(training_set)
        for name, part in parts.items():
            if name.endswith(".csv"):
                files.append(write_rows(folder / name, ((e.text, e.label) for e in part), _HEADER))
            else:
                files.append(write_json_lines(folder / name, manifest_lines(part, _ATTRIBUTE, self.created)))
        return [*files, write_json(folder / "autopilot" / "request.json", self._request(training_set, parts))]

    def read(self, path: Path) -> list[tuple[str, str]]:
        if path.suffix == ".manifest":
            return read_manifest(path, _ATTRIBUTE)
        return [(text, label) for text, label in read_rows(path)[1:]]

    def _request(self, training_set: TrainingSet, parts: Mapping[str, Any]) -> dict[str, Any]:
        there = {"training": "train"} | ({"validation": "valid"} if "autopilot/valid/valid.csv" in parts else {})
        channels = [
            {
                "ChannelType": channel,
                "ContentType": "text/csv;header=present",
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/autopilot/{split}/"}
                },
            }
            for channel, split in there.items()
        ]
        columns = {
            "ContentColumn": "text",
            "TargetLabelColumn": "label",
            "CompletionCriteria": {"MaxAutoMLJobRuntimeInSeconds": self.most_hours * 3_600},
        }
        return {
            "AutoMLJobName": _name(training_set.name),
            "AutoMLJobInputDataConfig": channels,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/output/"},
            "AutoMLProblemTypeConfig": {"TextClassificationJobConfig": columns},
            "RoleArn": self.role_arn,
        }


def _name(name: str) -> str:
    """The name as the service takes it: letters, digits and single hyphens, 32 at most."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
    return "-".join(filter(None, plain.split("-")))[:32].strip("-") or "quorate"


plugin = Sagemaker
