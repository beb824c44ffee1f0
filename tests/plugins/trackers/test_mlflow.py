"""MLflow reads back what was logged; what it could not take is refused before anything is computed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from made_tracked import made_methods, made_tracked
from snnfw.config.resolution import resolve
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw_plugins.trackers.mlflow import MLflow


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a store of plain files: databases take seconds to be made."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "store").as_uri()


def client(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def logged(uri: str, experiment: str = "snnfw") -> dict[str, Any]:
    there = client(uri)
    found = there.get_experiment_by_name(experiment)
    return {run.info.run_name: run for run in there.search_runs(found.experiment_id)}


def test_a_run_is_read_back_whole(uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = MLflow(uri).log(made_tracked(tmp_path), ())
    [run] = logged(uri).values()
    assert said == f"run {run.info.run_id} of experiment 'snnfw' in {uri}"
    assert capfd.readouterr() == ("", "")
    assert (run.info.run_name, run.info.status) == ("first", "FINISHED")
    assert run.data.params == {
        "task": "classification",
        "neuron.phi": "4",
        "layers.0.match": "*",
        "search": "null",
        "save": "true",
    }
    assert run.data.metrics == {"accuracy": 0.75, "energy_mj": 2.0, "IoU/chair": 0.5, "seconds": 0.5}
    assert {"plugin": "signed", "version.torch": "2.0", "kind": "run"}.items() <= run.data.tags.items()
    history = client(uri).get_metric_history(run.info.run_id, "accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.25), (4, 0.75)]
    files = {file.path for file in client(uri).list_artifacts(run.info.run_id)}
    assert files == {"report.html", "pictures"}


def test_methods_lie_below_their_comparison_and_one_that_failed_says_so(uri: str, tmp_path: Path) -> None:
    MLflow(uri, experiment="mine", artifacts=False).log(made_tracked(tmp_path), made_methods())
    runs = logged(uri, "mine")
    whole, good, bad = (runs[name] for name in ("first", "good", "bad/one"))
    assert {run.data.tags["mlflow.parentRunId"] for run in (good, bad)} == {whole.info.run_id}
    assert (good.info.status, bad.info.status, bad.data.tags["error"]) == ("FINISHED", "FAILED", "it <overflowed>")
    assert client(uri).list_artifacts(whole.info.run_id) == []


def test_what_awkward_names_and_many_parameters_are_told(uri: str, tmp_path: Path) -> None:
    from dataclasses import replace

    told = replace(
        made_tracked(tmp_path),
        parameters={**{f"key.{at}": at for at in range(230)}, "long": "x" * 7000},
        points={0: {"mAP@50": 0.5}},
    )
    MLflow(uri, artifacts=False).log(told, ())
    [run] = logged(uri).values()
    assert (len(run.data.params), len(run.data.params["long"])) == (231, 6000)
    assert run.data.metrics == {"mAP_50": 0.5, "seconds": 0.5}


def test_a_run_that_cannot_be_sent_is_marked_failed(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlflow.tracking.MlflowClient.log_artifacts", full)
    with pytest.raises(OSError, match="No space left"):
        MLflow(uri).log(made_tracked(tmp_path), ())
    assert logged(uri)["first"].info.status == "FAILED"


def test_a_server_that_does_not_answer_is_refused() -> None:
    with pytest.raises(SnnfwError) as refused:
        MLflow("http://user@127.0.0.1:9").require()
    assert str(refused.value) == (
        "tracker=mlflow cannot use http://127.0.0.1:9 ([Errno 111] Connection refused): start the server, or give "
        "another tracker.uri, such as sqlite:///mlflow.db."
    )


def test_an_experiment_that_was_deleted_is_refused(uri: str) -> None:
    MLflow(uri).require()
    there = client(uri)
    assert there.get_experiment_by_name("snnfw") is None  # a run that fails leaves none behind
    there.delete_experiment(there.create_experiment("snnfw"))
    with pytest.raises(SnnfwError) as refused:
        MLflow(uri).require()
    assert str(refused.value) == f"tracker.experiment=snnfw was deleted from {uri}: restore it, or give another."


def test_a_password_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SnnfwError) as refused:
        resolve(["task=classification", "plugin=signed", "tracker=mlflow", "tracker.uri=http://me:hush@h"], Registry())
    assert "hush" not in str(refused.value)
    assert str(refused.value).startswith("tracker 'mlflow' is not possible with these values: 'uri' holds a password")


def test_nothing_of_it_stays_behind(uri: str, tmp_path: Path) -> None:
    import os
    import threading

    MLflow(uri).require()
    before, threads = dict(os.environ), set(threading.enumerate())
    MLflow(uri).log(made_tracked(tmp_path), ())
    assert dict(os.environ) == before
    assert [thread for thread in threading.enumerate() if thread not in threads] == []
    assert logging.getLogger("mlflow").level != logging.ERROR


def test_an_experiment_that_another_run_makes_at_this_moment_is_used(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = client(uri)
    find = type(there).get_experiment_by_name

    def find_late(self: Any, name: str) -> Any:
        found = find(self, name)
        if found is None:
            there.create_experiment(name)  # by the other run, right after this one has looked
        return found

    monkeypatch.setattr("mlflow.tracking.MlflowClient.get_experiment_by_name", find_late)
    MLflow(uri).log(made_tracked(tmp_path), ())
    assert list(logged(uri)) == ["first"]
