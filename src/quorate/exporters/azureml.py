"""Azure Machine Learning AutoML NLP, text classification: CSV with MLTable files, and the job that trains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quorate.training_sets.bounds import Bounds, Findings, findings
from quorate.training_sets.examples import Example, examples, filled_splits
from quorate.training_sets.writing import read_rows, write_rows, write_text
from quorate.values import TrainingSet


def _marked(example: Example) -> str:
    # Measured with mltable 1.7: it drops the mark from the front of any cell.
    begins = example.text.startswith("\ufeff")
    return "whose text begins with a byte order mark, which MLTable drops (--clean-text takes it out)" if begins else ""


BOUNDS = Bounds(
    train=(50, None),
    valid=(1, None),
    labels=(2, None),
    advised_per_label=50,
    text_chars=(1, None),
    takes_control=False,
    also=(_marked,),
)
_HEADER = ("text", "label")
_MLTABLE = """\
$schema: https://azuremlschemas.azureedge.net/latest/MLTable.schema.json
type: mltable
paths:
  - file: ./{split}.csv
transformations:
  - read_delimited:
      delimiter: ','
      encoding: utf8
      header: all_files_same_headers
      support_multi_line: true
      empty_as_string: true
  - convert_column_types:
      - columns: [text, label]
        column_type: string
"""
_JOB = """\
$schema: https://azuremlsdk2.blob.core.windows.net/preview/0.0.1/autoMLJob.schema.json
type: automl
experiment_name: {name}
compute: azureml:{compute}
task: text_classification
log_verbosity: info
primary_metric: accuracy
target_column_name: label
training_data:
  path: ./train
  type: mltable
validation_data:
  path: ./valid
  type: mltable
limits:
  max_trials: 1
  timeout_minutes: 120
"""


@dataclass(frozen=True)
class Azureml:
    """`SPLIT/SPLIT.csv` beside `SPLIT/MLTable`, and `job.yml` for `az ml job create`."""

    kind: ClassVar[str] = "exporters"
    compute: str = "gpu-cluster"

    @classmethod
    def example(cls) -> Azureml:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        names = training_set.space.names
        numbers = [name for name in names if _is_number(name)]
        mixed = (f"labels {numbers} look like numbers and the others do not; the service refuses two types",)
        return findings(BOUNDS, training_set, examples(training_set)) + Findings(
            errors=mixed if 0 < len(numbers) < len(names) else ()
        )

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {f"{split}/{split}.csv": part for split, part in filled_splits(examples(training_set)).items()}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        files = []
        for name, part in self.parts(training_set).items():
            split = name.partition("/")[0]
            files.append(write_rows(folder / name, ((e.text, e.label) for e in part), _HEADER))
            files.append(write_text(folder / split / "MLTable", _MLTABLE.format(split=split)))
        job = _JOB.format(name=json.dumps(training_set.name), compute=self.compute)
        return [*files, write_text(folder / "job.yml", job)]

    def read(self, path: Path) -> list[tuple[str, str]]:
        return [(text, label) for text, label in read_rows(path)[1:]]


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


plugin = Azureml
