"""`Record.from_dict` takes every record, and `Settings` reads the settings file."""

from __future__ import annotations

import json

import argilla
from shared import given, same

folder, files, labels = given()
records = [argilla.Record.from_dict(entry) for entry in json.loads((folder / "records.json").read_bytes())]
read = [(record.fields["text"], record.suggestions["label"].value) for record in records]
same("records.json", read, files["records.json"])
settings = json.loads((folder / ".argilla" / "settings.json").read_bytes())
assert [option["value"] for option in settings["questions"][0]["settings"]["options"]] == labels
