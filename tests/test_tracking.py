"""What trackers and pipelines are told of a run, by the packages themselves where they are installed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from projects import needs, quorate
from wordy import wordy_project

from quorate import open_project, run
from quorate.tracking.kubeflow import compile_component, label_project
from quorate.tracking.mlflow import _place, _without_secrets, log
from quorate.tracking.record import record_of


def test_a_record_names_no_folder_and_changes_with_the_data(tmp_path: Path) -> None:
    made = [wordy_project(tmp_path / name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    records = [record_of(open_project(folder), run(open_project(folder))) for folder in made]
    assert records[0].digest == records[1].digest != records[2].digest
    assert records[0].metrics["coverage"] == run(open_project(made[0])).report["coverage"]
    assert {"est_accuracy/sells", "prior/HAM"} <= records[0].metrics.keys()
    assert [file.name for file in records[0].files] == ["report.html", "report.json", "labels.parquet", "quorate.toml"]
    assert all(file.exists() for file in records[0].files)
    told = json.dumps([dict(records[0].params), dict(records[0].tags), records[0].data])
    assert str(tmp_path) not in told


def test_a_tracker_that_is_not_there_is_told_before_anything_runs(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p", rows=20)
    ended = quorate("run", folder, "--log", "mlfow")
    assert ended.code == 2
    assert "Did you mean 'mlflow'" in ended.err
    assert not (folder / ".quorate").exists()


def test_addresses_are_shown_without_what_is_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _place("https://ada:pw@track.example/a?token=x") == "https://track.example/a"
    assert _place("sqlite:///mlflow.db") == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ada:pa55@track.example")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    said = _without_secrets("no answer from https://ada:pa55@track.example with t0ken, nor with pa55")
    assert not any(secret in said for secret in ("pa55", "t0ken"))


# MLflow's store and its client use what SQLAlchemy and pydantic call old; that is theirs to change.
@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_the_run_with_its_data_and_files_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("mlflow", "sqlalchemy", "alembic"):
        needs(package)
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    project = open_project(wordy_project(tmp_path / "p"))
    record = record_of(project, run(project))
    said = log(record)
    assert log(record) == said, "a run that changed nothing is no new one"
    client: Any = MlflowClient()
    kept = client.get_run(said.split()[2])
    assert kept.info.status == "FINISHED"
    assert kept.data.metrics == pytest.approx(dict(record.metrics))
    assert record.params.items() >= {k: v for k, v in kept.data.params.items() if v}.items()
    assert kept.inputs.dataset_inputs[0].dataset.digest == record.digest
    files = {file.path for file in client.list_artifacts(kept.info.run_id)}
    assert files == {"report.html", "report.json", "labels.parquet", "quorate.toml"}


def test_a_store_that_cannot_be_had_is_told_and_the_run_is_kept(tmp_path: Path) -> None:
    needs("mlflow")
    folder = wordy_project(tmp_path / "p", rows=20)
    uri = "http://ada:pa55@127.0.0.1:9/"
    given = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}
    ended = quorate("run", folder, "--log", "mlflow", cwd=None, **given)
    assert ended.code == 2
    assert "The run itself is done" in ended.err
    assert "pa55" not in ended.err + ended.out
    assert (folder / ".quorate" / "runs" / "latest").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_component_compiles_to_the_same_bytes_and_kfp_reads_it(tmp_path: Path) -> None:
    needs("kfp")
    from kfp import components

    project = open_project(wordy_project(tmp_path / "p", rows=20))
    files = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    for file in files:
        assert compile_component(project, file) == ["quorate==0.1.0"]
    assert files[0].read_bytes() == files[1].read_bytes()
    read = components.load_component_from_file(str(files[0]))
    assert set(read.component_spec.inputs) == {"project", "offline"}
    assert set(read.component_spec.outputs) == {"labels", "report", "metrics"}
    assert str(tmp_path) not in files[0].read_text()


def test_what_runs_in_the_component_labels_a_project_that_it_leaves_alone(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p")
    before = sorted(path.name for path in folder.iterdir())
    logged: dict[str, float] = {}
    labels: Any = SimpleNamespace(path=str(tmp_path / "out" / "labels"), metadata={})
    report: Any = SimpleNamespace(path=str(tmp_path / "out" / "report"))
    metrics: Any = SimpleNamespace(log_metric=logged.__setitem__)
    given: Any = SimpleNamespace(path=str(folder))
    label_project(given, labels, report, metrics)
    made = run(open_project(folder))
    assert sorted(path.name for path in folder.iterdir() if path.name != ".quorate") == before
    assert Path(labels.path).read_bytes() == (made.folder / "labels.parquet").read_bytes()
    assert labels.metadata["run"] == made.id
    assert logged["coverage"] == made.report["coverage"]
    assert Path(report.path).read_text().startswith("<!doctype html>")
