"""Log with MLflow: one run for each, the methods of a comparison below it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from snnfw import SnnfwError, Tracked
from snnfw_plugins.trackers.libraries import first_line, import_library, silence, variables

AT_ONCE = 100
"""Parameters, tags or numbers that are sent together, of which MLflow takes no more parameters than that."""

SHORT = 6000
"""Characters of a parameter that MLflow takes."""

QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""How long a server is asked for before anything is computed; afterwards it is given what MLflow gives it."""


@dataclass(frozen=True, slots=True)
class MLflow:
    """Log to MLflow: to a server, or into a database that lies in a file.

    Parameters, numbers by timestep, tags and the files of the run's folder; methods of a comparison are nested runs.
    """

    name: ClassVar[str] = "mlflow"

    uri: Annotated[
        str | None,
        Field(
            description="where runs are kept: http://HOST:5000, sqlite:///FILE.db; without it what the variable "
            "MLFLOW_TRACKING_URI says, or MLflow's own default, a database in this folder"
        ),
    ] = None
    experiment: Annotated[str, Field(min_length=1, description="the experiment, made where there is none")] = "snnfw"
    artifacts: Annotated[bool, Field(description="keep the files of the run's folder too")] = True

    def __post_init__(self) -> None:
        """Refuse a password, which would stand in every report."""
        if self.uri is not None and urlsplit(self.uri).password is not None:
            raise ValueError(
                "'uri' holds a password, and the configuration stands in reports: give it by the variables "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )

    def require(self) -> None:
        """Refuse a server that does not answer, and an experiment that was deleted."""
        import_library("mlflow.tracking", self.name)
        with _quietly(**QUICK):
            try:
                client = self._client()
                found = client.get_experiment_by_name(self.experiment)
            except Exception as error:  # of the library, its database or the network
                raise SnnfwError(
                    f"tracker=mlflow cannot use {self._place()} ({first_line(error)}): start the server, or give "
                    "another tracker.uri, such as sqlite:///mlflow.db."
                ) from error
        if found is not None and found.lifecycle_stage != "active":
            raise SnnfwError(
                f"tracker.experiment={self.experiment} was deleted from {self._place()}: restore it, or give another."
            )

    def log(self, whole: Tracked, parts: Sequence[Tracked]) -> str:
        """Log a run, and what belongs to it below it."""
        with _quietly():
            client = self._client()
            experiment = self._experiment(client)
            run = self._log(client, experiment, whole, {})
            for part in parts:
                self._log(client, experiment, part, {"mlflow.parentRunId": run})
        return f"run {run} of experiment '{self.experiment}' in {self._place()}"

    def _experiment(self, client: Any) -> str:
        """Return the experiment's number; another run may make it at this moment."""
        if found := client.get_experiment_by_name(self.experiment):
            return str(found.experiment_id)
        try:
            return str(client.create_experiment(self.experiment))
        except Exception:
            if found := client.get_experiment_by_name(self.experiment):
                return str(found.experiment_id)
            raise

    def _client(self) -> Any:
        return import_library("mlflow.tracking", self.name).MlflowClient(tracking_uri=self.uri)

    def _place(self) -> str:
        """Return where runs are kept, without what only the user is to know."""
        resolve = import_library("mlflow.tracking", self.name).get_tracking_uri
        uri = str(self.uri if self.uri is not None else resolve())
        return re.sub(r"//[^/@]*@", "//", uri)

    def _log(self, client: Any, experiment: str, told: Tracked, above: Mapping[str, str]) -> str:
        tags = {**told.tags, "kind": told.kind, **({"error": told.error} if told.error else {}), **above}
        run: str = client.create_run(experiment, run_name=told.name, tags=_named(tags)).info.run_id
        try:
            _send(client, run, told)
            if self.artifacts and told.folder:
                client.log_artifacts(run, str(told.folder))
        except BaseException:
            with suppress(Exception):  # what was raised first says what is wrong
                client.set_terminated(run, "FAILED")
            raise
        client.set_terminated(run, "FAILED" if told.error else "FINISHED")
        return run


def _send(client: Any, run: str, told: Tracked) -> None:
    """Send parameters and numbers; what has no step stands at the first."""
    entities = import_library("mlflow.entities", MLflow.name)
    now = int(time.time() * 1000)
    parameters = [entities.Param(key, _written(value)[:SHORT]) for key, value in _named(told.parameters).items()]
    metrics = [
        entities.Metric(key, value, now, step)
        for step, numbers in [(0, told.numbers), *told.points.items()]
        for key, value in _named(numbers).items()
    ]
    for some in _chunks(parameters):
        client.log_batch(run, params=some)
    for some in _chunks(metrics):
        client.log_batch(run, metrics=some)


def _chunks(entries: Sequence[Any]) -> Iterator[Sequence[Any]]:
    yield from (entries[at : at + AT_ONCE] for at in range(0, len(entries), AT_ONCE))


def _written(value: object) -> str:
    """Return a setting as words have it: ``null``, ``true``, ``0.5``."""
    return value if isinstance(value, str) else json.dumps(value)


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by names that MLflow takes."""
    return {re.sub(r"[^\w\-. /:]", "_", name): value for name, value in values.items()}


@contextmanager
def _quietly(**more: str) -> Iterator[None]:
    """Let MLflow neither tell what it does nor report it to its makers."""
    with variables(MLFLOW_DISABLE_TELEMETRY="true", **more), silence("mlflow", "alembic"):
        yield
