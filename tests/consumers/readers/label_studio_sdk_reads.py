"""`LabelInterface` takes every task and prediction, and the converter makes a table of the annotations."""

from __future__ import annotations

import json

from label_studio_sdk.label_interface import LabelInterface
from shared import given, same

folder, files, labels = given()
interface = LabelInterface((folder / "label_config.xml").read_text(encoding="utf-8"))
tasks = json.loads((folder / "tasks.json").read_bytes())
read = []
for task in tasks:
    # Validating a task with its predictions raises TypeError in 2.1.2; one after the other works.
    interface.validate_task({"data": task["data"]})
    for prediction in task["predictions"]:
        assert interface.validate_prediction(prediction, return_errors=True) == [], prediction
    for annotation in task["annotations"]:
        assert interface.validate_annotation(annotation)
    result = (task["annotations"] or task["predictions"])[0]["result"][0]
    read.append((task["data"]["text"], result["value"]["choices"][0]))
same("tasks.json", read, files["tasks.json"])
wrong = {"model_version": "x", "score": 1.0, "result": [dict(result, value={"choices": ["NO SUCH LABEL"]})]}
assert interface.validate_prediction(wrong, return_errors=True)
