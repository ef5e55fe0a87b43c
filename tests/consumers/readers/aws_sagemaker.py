"""The table has its two columns, the manifest its keys; botocore takes the request and moto makes the job of it."""

from __future__ import annotations

import csv
import io
import json

import boto3
from moto import mock_aws
from shared import given, lines, same

folder, files, labels = given()
csv.field_size_limit(10**8)
for file, expected in files.items():
    if file.endswith(".csv"):
        text = (folder / file).read_bytes().decode("utf-8")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert header == ["text", "label"]
        same(file, [(body, label) for body, label in rows], expected)
    else:
        read = [(line["source"], line["quorate-metadata"]["class-name"]) for line in lines(folder / file)]
        same(file, read, expected)
request = json.loads((folder / "autopilot" / "request.json").read_bytes())
with mock_aws():
    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    made = client.create_auto_ml_job_v2(**request)
    assert "risky-reviews" in made["AutoMLJobArn"], made
