"""The file is what the documentation asks for; botocore's model takes the request, moto makes the classifier of it."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import boto3
from botocore.model import Shape
from moto import mock_aws
from shared import given, lines, same

folder, files, labels = given()
csv.field_size_limit(10**8)
for file, expected in files.items():
    text = (folder / file).read_bytes().decode("utf-8")
    if file.endswith(".csv"):
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert text.count("\n") == len(rows) == len(re.findall(r"[\r\n\u2028\u2029\x85]", text))
        assert all(len(row) == 2 for row in rows)
        assert not {"label", "class", "text"} & {cell.lower() for cell in rows[0]}
        same(file, [(body, label) for label, body in rows], expected)
    else:
        index: dict[int, str] = {}
        for line in lines(folder / file):
            assert set(line) == {"source", "quorate", "quorate-metadata"}
            about = line["quorate-metadata"]
            assert about["human-annotated"] in ("yes", "no")
            assert 0 <= about["confidence"] <= 1
            assert index.setdefault(line["quorate"], about["class-name"]) == about["class-name"]
        assert sorted(index.values()) == sorted(labels)
        same(file, [(li["source"], li["quorate-metadata"]["class-name"]) for li in lines(folder / file)], expected)


def fits(value: Any, shape: Shape, path: str = "request") -> None:
    """Patterns and enums, which botocore itself does not enforce."""
    if shape.type_name == "structure":
        for key, part in value.items():
            fits(part, shape.members[key], f"{path}.{key}")
    elif shape.type_name == "string":
        assert not shape.enum or value in shape.enum, (path, value)
        pattern = shape.metadata.get("pattern")
        # Python knows no classes of Unicode such as \\p{L}.
        assert not pattern or "\\p{" in pattern or re.fullmatch(pattern, value), (path, pattern, value)
        assert len(value) <= shape.metadata.get("max", 10**6), path


request = json.loads((folder / "request.json").read_bytes())
with mock_aws():
    client = boto3.client("comprehend", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    fits(request, client.meta.service_model.operation_model("CreateDocumentClassifier").input_shape)
    made = client.create_document_classifier(**request)
    assert "document-classifier/risky-reviews" in made["DocumentClassifierArn"], made
