"""MLflow: a run's parameters, metrics, data digest and files, in the store that MLFLOW_TRACKING_URI names."""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from quorate.errors import PluginError
from quorate.registry import vendor
from quorate.tracking.record import Record


def log(record: Record) -> str:
    """Where the run is: the MLflow run of it that is there already, or a new one.

    The experiment is the one that MLFLOW_EXPERIMENT_ID or MLFLOW_EXPERIMENT_NAME names, else the project's name.

    Raises:
        MissingExtra: MLflow is not installed.
        PluginError: its store cannot be reached, or refuses.
    """
    mlflow = vendor("mlflow", "mlflow")
    try:
        client = mlflow.MlflowClient()
        experiment = _experiment(client, record)
        run_id = _known(client, experiment, record) or _logged(client, experiment, record)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PluginError(
            f"MLflow did not take run {record.run}: {_without_secrets(said)} The run itself is done; look at "
            "MLFLOW_TRACKING_URI and say `quorate run --log mlflow` again"
        ) from None
    return f"MLflow run {run_id} in {_place(mlflow.get_tracking_uri())}"


def _experiment(client: Any, record: Record) -> str:
    given = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if given:
        return given
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or record.project
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _known(client: Any, experiment: str, record: Record) -> str | None:
    """The finished MLflow run of the same run, if there is one: a run that changed nothing is no new one."""
    wanted = f"tags.`quorate.run` = '{record.run}' and attributes.status = 'FINISHED'"
    found = client.search_runs([experiment], filter_string=wanted, max_results=1)
    return str(found[0].info.run_id) if found else None


def _logged(client: Any, experiment: str, record: Record) -> str:
    entities = vendor("mlflow.entities", "mlflow")
    now_ms = int(time.time() * 1000)
    run_id = str(client.create_run(experiment, run_name=f"{record.project} {record.run}", tags=record.tags).info.run_id)
    # Whatever stops it, the MLflow run must not look as if it went on.
    status = "FAILED"
    try:
        client.log_batch(
            run_id,
            metrics=[entities.Metric(name, value, now_ms, 0) for name, value in record.metrics.items()],
            params=[entities.Param(name, value) for name, value in record.params.items()],
        )
        data = entities.Dataset(
            name=record.data,
            digest=record.digest,
            source_type="quorate",
            source=record.data,
            profile=f'{{"num_rows": {record.rows}}}',
        )
        used = entities.DatasetInput(data, [entities.InputTag("mlflow.data.context", "labelling")])
        client.log_inputs(run_id, [used])
        for file in record.files:
            client.log_artifact(run_id, str(file))
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)
    return run_id


def _place(uri: str) -> str:
    """The address of the store as it may be shown: without a user, a password and a query."""
    parts = urlsplit(uri)
    if not parts.netloc:
        return uri.partition("?")[0]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _without_secrets(said: str) -> str:
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    hidden = [uri, os.environ.get("MLFLOW_TRACKING_TOKEN", ""), os.environ.get("MLFLOW_TRACKING_PASSWORD", "")]
    password = urlsplit(uri).password if uri else None
    for secret in (*hidden, password or ""):
        if secret:
            said = said.replace(secret, "…")
    return said if said.endswith(".") else f"{said}."
