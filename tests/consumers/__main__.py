"""Reads every export by the package that its users read it with, each in an environment of its own.

    python -m tests.consumers [--light] [--require] [--envs FOLDER] [NAME ...]

Where packages cannot be had, the consumer is skipped with the reason; `--require` makes that a failure. `--light`
leaves out those whose packages weigh more than some 150 MB. Environments are kept in FOLDER for the next time.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from quorate.registry import build
from quorate.rows import Rows
from quorate.values import LabelSpace, TrainingSet

READERS = Path(__file__).parent / "readers"
TIMEOUT_S = 900

RISKY = [
    "a, b",
    'he said "no"',
    "one\ntwo\r\nthree\rfour",
    "a\0b",
    "one\u2028two\u2029three\x85four",
    "👩‍👩‍👧 🇩🇪 e\u0301",
    "NA",
    "null",
    "None",
    "see __label__x here",
    "\ufeffstart",
    "=cmd|' /C calc'!A0",
    "  both ends  ",
    "tab\there",
    "backslash \\n \\\\ \\u0041",
    "'single'",
    "<b>&amp;</b>",
    "",
    "word " * 200_000,
]


@dataclass(frozen=True)
class Consumer:
    """A package that reads an export: `packages` make its environment, none: that of this process.

    `reader` is a script in readers/; it gets the folder, and the texts and labels that each file must hold.
    """

    exporter: str
    reader: str
    packages: tuple[str, ...] = ()
    here: str = ""
    is_heavy: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.exporter}/{self.reader}" + "".join(f"/{value}" for value in self.options.values())


AWS = ("boto3>=1.44", "moto[comprehend,sagemaker]>=5.2")
AZURE = ("mltable==1.7.0", "azureml-dataprep[pandas]", "azure-ai-ml>=1.35")
HUGGING = ("datasets>=5", "huggingface_hub>=2")

CONSUMERS = (
    Consumer("spacy", "spacy_debug_data", here="spacy"),
    Consumer("openai_chat", "openai_types", here="openai"),
    Consumer("comprehend", "aws_comprehend", AWS),
    Consumer("sagemaker", "aws_sagemaker", AWS),
    Consumer("vertex", "google_genai", ("google-genai>=2.34",)),
    Consumer("fasttext", "fasttext_trains", ("fasttext-wheel==0.9.2", "numpy")),
    Consumer("hf", "hf_datasets", HUGGING, is_heavy=True),
    Consumer("autotrain", "hf_jsonl", HUGGING, is_heavy=True),
    Consumer("cohere", "hf_jsonl", HUGGING, is_heavy=True),
    Consumer("doccano", "hf_jsonl", HUGGING, is_heavy=True),
    Consumer("azureml", "azure_mltable", AZURE, is_heavy=True),
    Consumer("label_studio", "label_studio_sdk_reads", ("label-studio-sdk>=2.1",), is_heavy=True),
    Consumer("argilla", "argilla_records", ("argilla>=2.8", "requests"), is_heavy=True),
)


def sample() -> TrainingSet:
    """Plenty of plain rows by label and split, and risky texts among those to train on."""
    n = 400
    texts = [f"plain text {i} about {'songs' if i % 2 else 'channels'}" for i in range(n)]
    for i, text in enumerate(RISKY):
        texts[10 * i] = text
    probs = np.tile([[0.875, 0.125], [0.25, 0.75]], (n // 2, 1))
    split = tuple("valid" if i // 2 % 10 == 8 else "test" if i // 2 % 10 == 9 else "train" for i in range(n))
    provenance = tuple("gold" if i % 7 == 1 else "votes" for i in range(n))
    rows = Rows(pa.table({"text": texts}), pa.array([f"r{i}" for i in range(n)]))
    space = LabelSpace(("HAM", "SPAM"), {"SPAM": "advertises something"})
    weights = probs.max(axis=1)
    voters = tuple(("channel", "song") if i % 3 else () for i in range(n))
    return TrainingSet(
        space, rows, probs.argmax(axis=1), probs, weights, split, provenance, "risky reviews", "text", voters
    )


def accepted(exporter: Any, whole: TrainingSet) -> tuple[TrainingSet, list[str]]:
    """The rows that the exporter does not refuse, and the ids of those that it names in its errors."""
    errors = exporter.problems(whole).errors
    refused = {name for error in errors for name in re.findall(r"'(r\d+)\b", error)}
    at = np.array([i for i, name in enumerate(whole.rows.ids.to_pylist()) if name not in refused])
    kept = replace(
        whole,
        rows=whole.rows.take(at),
        labels=whole.labels[at],
        probs=whole.probs[at],
        weights=whole.weights[at],
        split=tuple(whole.split[i] for i in at),
        provenance=tuple(whole.provenance[i] for i in at),
        voters=tuple(whole.voters[i] for i in at),
    )
    left = exporter.problems(kept).errors
    if left:
        raise AssertionError(f"refused without a row named: {left}")
    return kept, sorted(refused)


def python_of(consumer: Consumer, envs: Path) -> tuple[str, str]:
    """The interpreter that has the consumer's packages, or "" and why there is none."""
    if consumer.here:
        found = importlib.util.find_spec(consumer.here) is not None
        return (sys.executable, "") if found else ("", f"{consumer.here} is not installed here")
    folder = envs / re.sub(r"[^\w.-]+", "_", "+".join(consumer.packages))
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / "made").exists():
        return str(python), ""
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *consumer.packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        return "", f"{', '.join(consumer.packages)} cannot be installed: {last}"
    (folder / "made").touch()
    return str(python), ""


def read_by(consumer: Consumer, python: str, folder: Path) -> str:
    """Exports into the folder and lets the consumer read it; "" or what went wrong."""
    exporter = build("exporters", consumer.exporter, consumer.options)
    chosen, refused = accepted(exporter, sample())
    exporter.write(chosen, folder)
    expected = {file: [(e.text, e.label) for e in part] for file, part in exporter.parts(chosen).items()}
    beside = folder.with_suffix(".expected.json")
    beside.write_text(json.dumps({"files": expected, "labels": chosen.space.names}), encoding="utf-8")
    script = READERS / f"{consumer.reader}.py"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, str(script), str(folder), str(beside)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=TIMEOUT_S,
        cwd=folder.parent,
        env=clean | {"PYTHONUTF8": "1", "HF_HUB_OFFLINE": "1"},
    )
    if done.returncode:
        return (done.stderr or done.stdout).strip()[-2_000:]
    print(f"ok       {consumer.name}: {len(chosen.rows)} rows; refused by our linter: {len(refused)}", flush=True)
    return ""


def main() -> int:
    """Reads each export; 0 where nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="exporters; all by default")
    parser.add_argument("--light", action="store_true", help="leave out heavy packages")
    parser.add_argument("--require", action="store_true", help="a consumer that cannot be had is a failure")
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "quorate-consumers")
    arguments = parser.parse_args()
    bad = 0
    for consumer in CONSUMERS:
        if arguments.names and consumer.exporter not in arguments.names:
            continue
        if arguments.light and consumer.is_heavy:
            print(f"heavy    {consumer.name}: left out by --light", flush=True)
            continue
        python, why = python_of(consumer, arguments.envs)
        if not python:
            print(f"skipped  {consumer.name}: {why}", flush=True)
            bad += arguments.require
            continue
        with tempfile.TemporaryDirectory() as beside:
            folder = Path(beside) / "export"
            folder.mkdir()
            fault = read_by(consumer, python, folder)
        if fault:
            print(f"FAILED   {consumer.name}:\n{fault}", flush=True)
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
