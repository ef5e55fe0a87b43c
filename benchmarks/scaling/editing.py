"""A project of forty rules in which one is edited: the next run against a run of everything."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contenders import resident
from benchmarks.measurement import Context, Measurement, WrongAnswer
from benchmarks.spam import SETTINGS, comments, rules_file
from benchmarks.suites.apply import Counted
from benchmarks.watch import Limits
from benchmarks.worker import Reply, Worker

_COPIES, _EDITED = 4, "praises_2"
_BLOCK = 100_000


def project_run() -> Callable[[str], dict[str, Any]]:
    """Opens and runs the project in a folder; the sources that were asked, and the memory of the process."""
    from quorate import open_project, run

    def task(folder: str) -> dict[str, Any]:
        asked: list[str] = []
        project = open_project(folder)
        made = run(replace(project, sources=tuple(Counted(source, asked) for source in project.sources)))
        return {"asked": len(set(asked)), "run": str(made.folder), "peak_mib": resident("VmHWM")}

    return task


def edited(context: Context, rows: int) -> Iterator[Measurement]:
    """Forty functions over comments in Parquet; one is edited.

    Raises:
        WrongAnswer: more than its column was run, or the labels are not those of a run of everything.
    """
    case = f"{rows:,} rows, one of {10 * _COPIES} functions edited"
    with TemporaryDirectory() as scratch:
        folder, anew = Path(scratch) / "edited", Path(scratch) / "anew"
        _write(folder, comments(context, 1_000), rows)
        full = _run(folder)
        (folder / "rules.py").write_text(rules_file(_COPIES, _EDITED), "utf-8")
        anew.mkdir()
        for name in ("quorate.toml", "rules.py", "rows.parquet"):
            shutil.copy(folder / name, anew)
        again, whole = _run(folder), _run(anew)
        if _labels(again) != _labels(whole):
            raise WrongAnswer(f"{case}: the labels are not those of a run of everything")
    if full.answer["asked"] != 10 * _COPIES:
        raise WrongAnswer(f"{case}: the first run asked {full.answer['asked']} sources")
    yield Measurement(case, "columns run", again.answer["asked"], {"full_run": whole.answer["asked"]})
    yield Measurement(case, "time", again.took.wall_s, {"full_run": whole.took.wall_s}, "s")
    yield Measurement(case, "cpu_time", again.took.cpu_s, {"full_run": whole.took.cpu_s}, "s")
    yield Measurement(case, "peak_memory", again.answer["peak_mib"], {"full_run": whole.answer["peak_mib"]}, "MiB")


def _run(folder: Path) -> Reply:
    with Worker(project_run, limits=Limits(cores=1)) as worker:
        return worker.ask(folder=str(folder))


def _labels(reply: Reply) -> bytes:
    return (Path(reply.answer["run"]) / "labels.parquet").read_bytes()


def _write(folder: Path, texts: list[str], rows: int) -> None:
    """The project over so many comments; a number makes each of them another row."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir()
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    with parquet.ParquetWriter(folder / "rows.parquet", schema) as writer:
        for first in range(0, rows, _BLOCK):
            numbers = range(first, min(first + _BLOCK, rows))
            block = [f"{texts[i % len(texts)]} no. {i}" for i in numbers]
            writer.write_table(pa.table([[str(i) for i in numbers], block], schema=schema))
    (folder / "rules.py").write_text(rules_file(_COPIES), "utf-8")
    (folder / "quorate.toml").write_text(SETTINGS.replace("rows.jsonl", "rows.parquet"), "utf-8")
