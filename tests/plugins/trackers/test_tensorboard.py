"""TensorBoard's own reader finds what was written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from made_tracked import made_methods, made_tracked
from snnfw.errors import SnnfwError
from snnfw_plugins.trackers.tensorboard import TensorBoard


def events(folder: Path) -> Any:
    read = EventAccumulator(str(folder))
    read.Reload()
    return read


def test_a_run_is_read_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = made_tracked(tmp_path)
    assert TensorBoard().log(whole, ()) == f"tensorboard --logdir {tmp_path / 'first' / 'tensorboard'}"
    assert capfd.readouterr() == ("", "")
    read = events(tmp_path / "first" / "tensorboard")
    assert set(read.Tags()["scalars"]) == {"accuracy", "energy_mj", "IoU/chair", "seconds"}
    assert [(point.step, point.value) for point in read.Scalars("accuracy")] == [(1, 0.25), (4, 0.75)]
    [text] = read.Tensors("configuration/text_summary")
    [written] = text.tensor_proto.string_val
    assert "| `neuron.phi` | `4` |" in written.decode()
    assert "_hparams_/experiment" in read.PluginTagToContent("hparams")
    assert "neuron.phi" in str(read.PluginTagToContent("hparams")["_hparams_/session_start_info"])


def test_methods_lie_below_their_comparison(tmp_path: Path) -> None:
    whole = made_tracked(tmp_path)
    said = TensorBoard(tmp_path / "logs").log(whole, made_methods())
    assert said == f"tensorboard --logdir {tmp_path / 'logs'}"
    assert sorted(path.name for path in (tmp_path / "logs" / "first").iterdir() if path.is_dir()) == ["bad_one", "good"]
    assert events(tmp_path / "logs" / "first" / "good").Scalars("accuracy")[1].value == 0.75
    assert not (tmp_path / "first" / "tensorboard").exists()


def test_nothing_a_user_names_is_markup(tmp_path: Path) -> None:
    from dataclasses import replace

    told = replace(made_tracked(tmp_path), parameters={"out": "a`|<script>alert(1)</script>\n| b"})
    TensorBoard(tmp_path / "logs").log(told, ())
    [text] = events(tmp_path / "logs" / "first").Tensors("configuration/text_summary")
    assert text.tensor_proto.string_val[0].decode().splitlines() == [
        "| | |",
        "|---|---|",
        "| `out` | `a'\\|<script>alert(1)</script> \\| b` |",
    ]


def test_a_library_that_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(SnnfwError) as refused:
        TensorBoard().require()
    assert str(refused.value).startswith("tracker=tensorboard needs the library tensorboard (")
    assert str(refused.value).endswith("): pip install 'snnfw[tensorboard]'.")
