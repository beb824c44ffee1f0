from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from boxed_images import write_images
from snnfw.errors import SnnfwError
from snnfw_tasks.detection.library import FONTS, require_ultralytics, settings_folder

RUN = """
import os, socket, sys
attempts = []
def refuse(*args, **words):
    attempts.append(args)
    raise OSError("no network")
socket.getaddrinfo = refuse
from pathlib import Path
import torch
def state():
    return torch.get_num_threads(), {key: value for key, value in os.environ.items() if key in ("OMP_NUM_THREADS", "YOLO_CONFIG_DIR")}
before = state()
from snnfw.values import Resources
from snnfw_tasks.detection.data.yolo import Yolo
from snnfw_tasks.detection.task import Detection
from snnfw_tasks.detection.models.yolo import UltralyticsModel
model, data = UltralyticsModel(arch="yolov3-tiny"), Yolo(file=Path(sys.argv[1]), size=64)
bundle = Detection(calibration=2).load(model, data, Resources())
scorer = bundle.judgement.scorer()
for batch in bundle.data.evaluation:
    with torch.no_grad():
        scorer.update(bundle.model(*batch.inputs), batch.target)
print(sorted(scorer.compute()))
from ultralytics.utils.checks import check_font
print([Path(check_font(name)).name for name in ("Arial.ttf", "Arial.Unicode.ttf")])
print(attempts, before == (after := state()), after[1])
"""


def test_building_and_scoring_ask_no_network_and_leave_the_users_settings_alone(tmp_path: Path) -> None:
    settings = tmp_path / ".config" / "Ultralytics" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"settings_version": "0.0.1", "sync": true, "mine": 7}')
    before = settings.read_bytes()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("YOLO_", "XDG_", "OMP_", "PYTEST"))}
    file = write_images(tmp_path / "data")
    ran = subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-c", RUN, str(file)],
        env={**kept, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines() == ["['mAP50', 'mAP50-95']", str(list(FONTS)), "[] True {}"], ran.stderr
    assert settings.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".cache", ".config", "data"]


def test_a_missing_ultralytics_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(SnnfwError) as raised:
        require_ultralytics()
    assert str(raised.value) == "task 'detection' needs the package ultralytics: pip install 'snnfw[detection]'."


def test_the_fonts_are_there_before_anybody_looks_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = settings_folder() / "Ultralytics"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FONTS)
    assert folder.is_relative_to(tmp_path)


def test_without_a_folder_to_write_settings_are_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    folder = settings_folder()
    assert not folder.is_relative_to(tmp_path)
    assert (folder / "Ultralytics" / "Arial.ttf").is_file()
