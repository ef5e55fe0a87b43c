"""`mltable` gives the texts back, `azure-ai-ml` reads the job."""

from __future__ import annotations

import mltable
from azure.ai.ml import load_job
from shared import given, same

folder, files, _ = given()
for file, expected in files.items():
    frame = mltable.load(str((folder / file).parent)).to_pandas_dataframe()
    assert list(frame.columns) == ["text", "label"], list(frame.columns)
    same(file, list(zip(frame["text"], frame["label"], strict=True)), expected)
job = load_job(str(folder / "job.yml"))
assert job.type == "automl"
assert job.target_column_name == "label"
