"""Which backend runs where, and what is said where it cannot."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from snnfw.errors import SnnfwError
from snnfw.kernels.choice import Backend, choose_backend
from snnfw.kernels.compiler import find_compiler

pytestmark = pytest.mark.usefixtures("forgetful")

EXTRAS = "install the extra that fits the driver, snnfw[cuda] or snnfw[cuda13], or choose backend=reference."
NO_CUPY = (
    "backend=cupy needs CuPy (No module named 'cupy'): pip install 'snnfw[cuda]' for CUDA 12, 'snnfw[cuda13]' for CUDA "
    "13, or choose backend=reference."
)


class Absent:
    """Find no CuPy, whether there is one or not."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "cupy":
            raise ModuleNotFoundError("No module named 'cupy'")


def without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])


def with_cupy(
    monkeypatch: pytest.MonkeyPatch, devices: int | Exception, compiles: Exception | None = None
) -> list[int]:
    """Install what looks like CuPy, and return the list of devices that something is compiled for."""
    used: list[int] = []

    def device(index: int) -> contextlib.AbstractContextManager[None]:
        used.append(index)
        return contextlib.nullcontext()

    def count() -> int:
        if isinstance(devices, Exception):
            raise devices
        return devices

    class RawKernel:
        def __init__(self, code: str, name: str) -> None:
            self.code, self.name = code, name

        def compile(self) -> None:
            if compiles:
                raise compiles

    cupy: Any = ModuleType("cupy")
    cupy.__version__, cupy.RawKernel = "13.6.0", RawKernel
    cupy.cuda = SimpleNamespace(Device=device, runtime=SimpleNamespace(getDeviceCount=count))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return used


REFUSED = {
    ("native", "cuda"): "backend=native does not run on device=cuda: choose backend=cupy, or auto, which does.",
    ("native", "cuda:1"): "backend=native does not run on device=cuda:1: choose backend=cupy, or auto, which does.",
    ("cupy", "cpu"): "backend=cupy does not run on device=cpu: choose backend=native, or auto, which does.",
    ("native", "mps"): "backend=native does not run on device=mps: choose backend=reference, or auto, which does.",
    ("cupy", "xpu:0"): "backend=cupy does not run on device=xpu:0: choose backend=reference, or auto, which does.",
    ("cupy", "cuda"): NO_CUPY,
    ("cupy", "cuda:0"): NO_CUPY,
}


@pytest.mark.parametrize(("wanted", "device"), REFUSED, ids=" on ".join)
def test_a_backend_that_was_asked_for_and_cannot_run_is_an_error(
    wanted: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_cupy(monkeypatch)
    with pytest.raises(SnnfwError, match=f"^{re.escape(REFUSED[wanted, device])}$"):
        choose_backend(wanted, device)


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1", "mps"])
def test_the_reference_runs_everywhere(device: str) -> None:
    assert choose_backend("reference", device) == Backend("reference", "as asked", automatic=False)


@pytest.mark.usefixtures("c_compiler")
def test_on_a_cpu_with_a_compiler_it_is_native(caplog: pytest.LogCaptureFixture) -> None:
    reason = f"compiled by {find_compiler()[1]}"
    with caplog.at_level(logging.INFO, "snnfw"):
        for _ in range(2):
            assert choose_backend("auto", "cpu") == Backend("native", reason, automatic=True)
    assert caplog.messages == [f"snnfw: neurons run on backend native ({reason})"], "said once"
    assert choose_backend("native", "cpu") == Backend("native", "as asked", automatic=False)


AUTOMATIC = {
    "cuda": NO_CUPY,
    "mps": "there are no kernels for device=mps",
}


@pytest.mark.parametrize("device", AUTOMATIC)
def test_where_nothing_faster_runs_it_is_the_reference(
    device: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    without_cupy(monkeypatch)
    with caplog.at_level(logging.INFO, "snnfw"):
        assert choose_backend("auto", device) == Backend("reference", AUTOMATIC[device], automatic=True)
    assert caplog.messages == [f"snnfw: neurons run on backend reference ({AUTOMATIC[device]})"]


@pytest.mark.parametrize(
    ("devices", "reason"), [(1, "CuPy 13.6.0, 1 GPU"), (2, "CuPy 13.6.0, 2 GPUs")], ids=["one GPU", "two GPUs"]
)
def test_on_a_gpu_with_cupy_it_is_cupy(devices: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used = with_cupy(monkeypatch, devices)
    assert choose_backend("auto", "cuda") == Backend("cupy", reason, automatic=True)
    assert choose_backend("cupy", "cuda:1") == Backend("cupy", "as asked", automatic=False)
    assert used == [0, 1], "tried on the device that will be used"


BROKEN = {
    "an old driver": (
        {"devices": RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")},
        "cudaErrorInsufficientDriver: CUDA driver version is insufficient",
    ),
    "another NVRTC": (
        {"devices": 1, "compiles": RuntimeError("nvrtc: error: invalid value for --gpu-architecture (-arch)\n")},
        "invalid value for --gpu-architecture (-arch)",
    ),
    "no NVRTC": (
        {
            "devices": 1,
            "compiles": OSError("CuPy failed to load libnvrtc.so.13: OSError: libnvrtc.so.13: no such file"),
        },
        "libnvrtc.so.13: no such file",
    ),
    "no words": ({"devices": ValueError()}, "it says nothing"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_cupy_for_another_cuda_version_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, reason = BROKEN[name]
    with_cupy(monkeypatch, **arguments)  # type: ignore[arg-type]  # a table of keyword arguments
    message = f"CuPy does not work here ({reason}): {EXTRAS}"
    with pytest.raises(SnnfwError, match=f"^{re.escape(message)}$"):
        choose_backend("cupy", "cuda")
    assert choose_backend("auto", "cuda") == Backend("reference", message, automatic=True)


IMPORT_FAILS = '''
raise ImportError("""
================================================================
Failed to import CuPy.

If you installed CuPy via wheels, make sure that the package matches with the version of CUDA installed.

Original error:
  ImportError: libcudart.so.12: cannot open shared object file: No such file or directory
================================================================
""")
'''


def test_cupy_that_cannot_be_imported_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cupy.py").write_text(IMPORT_FAILS)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    reason = "libcudart.so.12: cannot open shared object file: No such file or directory"
    with pytest.raises(SnnfwError, match=f"^{re.escape(f'CuPy does not work here ({reason}): {EXTRAS}')}$"):
        choose_backend("cupy", "cuda")
