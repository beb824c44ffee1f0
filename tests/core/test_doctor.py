from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

import toy_plugin
from snnfw import doctor
from snnfw.allocator import Allocator
from snnfw.doctor import Check
from snnfw.registry import Registry

GPU = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2, get_device_name=lambda index: f"GPU {index}")
NO_GPU = SimpleNamespace(is_available=lambda: False)


def torch(cuda: str | None, gpu: Any) -> SimpleNamespace:
    return SimpleNamespace(__version__="2.15.0", version=SimpleNamespace(cuda=cuda), cuda=gpu)


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Decide what importing a library gives: a module, or an error to raise; the rest is not installed."""
    found: dict[str, Any] = {}

    def import_module(name: str) -> Any:
        module = found.get(name, ModuleNotFoundError(f"No module named '{name}'", name=name))
        if isinstance(module, Exception):
            raise module
        return module

    monkeypatch.setattr(doctor, "import_module", import_module)
    monkeypatch.setattr(doctor, "version", lambda distribution: f"1.2.3 of {distribution}")
    monkeypatch.setattr(doctor, "packages_distributions", lambda: {"cupy": ["cupy-cuda12x"]})
    return found


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (torch(None, NO_GPU), "2.15.0, CPU-only build, no GPU"),
        (torch("13.2", NO_GPU), "2.15.0, CUDA 13.2 build, no GPU"),
        (torch("13.2", GPU), "2.15.0, CUDA 13.2 build, GPU 0, GPU 1"),
    ],
)
def test_torch_is_told_with_its_build_and_gpus(imports: dict[str, Any], module: Any, found: str) -> None:
    imports["torch"] = module
    assert doctor.check_torch() == Check("torch", "ok", found, required=True)


def test_a_missing_torch_has_a_cure(imports: dict[str, Any]) -> None:
    assert doctor.check_torch() == Check(
        "torch", "missing", "not installed", "pip install torch torchvision", required=True
    )


def test_a_torch_of_another_build_than_torchvision_is_recognised(imports: dict[str, Any]) -> None:
    imports["torchvision"] = RuntimeError("operator torchvision::nms does not exist")
    assert doctor.check_torchvision() == Check(
        "torchvision",
        "broken",
        "it does not fit torch: a CPU-only torch beside a CUDA build of torchvision",
        "pip install --force-reinstall torch torchvision",
        required=True,
    )


def test_another_fault_of_torchvision_is_told_as_it_is(imports: dict[str, Any]) -> None:
    imports["torchvision"] = OSError("libjpeg.so.8:\n cannot open")
    assert doctor.check_torchvision().found == "OSError: libjpeg.so.8: cannot open"


@pytest.mark.parametrize(
    ("version", "check"),
    [
        ("2.0.0", Check("spikingjelly", "ok", "2.0.0", required=True)),
        (
            "0.0.0.0.14",
            Check(
                "spikingjelly",
                "broken",
                "0.0.0.0.14 is too old",
                "pip install 'spikingjelly>=2.0'",
                required=True,
            ),
        ),
    ],
)
def test_spikingjelly_has_to_be_new_enough(
    imports: dict[str, Any], monkeypatch: pytest.MonkeyPatch, version: str, check: Check
) -> None:
    imports["spikingjelly"] = SimpleNamespace()
    monkeypatch.setattr(doctor, "version", lambda distribution: version)
    assert doctor.check_spikingjelly() == check


def test_python_has_to_be_new_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_python().status == "ok"
    monkeypatch.setattr(doctor, "sys", SimpleNamespace(version_info=(3, 10, 4)))
    assert (doctor.check_python().status, doctor.check_python().cure) == (
        "broken",
        "install Python 3.11 or newer",
    )


@pytest.mark.parametrize(
    ("there", "status", "found"),
    [("cc", "ok", "/bin/cc"), ("gcc", "ok", "/bin/gcc"), ("", "missing", "neither cc nor gcc")],
)
def test_any_c_compiler_will_do(monkeypatch: pytest.MonkeyPatch, there: str, status: str, found: str) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}" if name == there else None)
    check = doctor.check_compiler()
    assert (check.status, check.found) == (status, found)


def test_a_missing_library_names_its_extra(imports: dict[str, Any]) -> None:
    assert doctor.check_extra("ultralytics", "detection") == Check(
        "ultralytics", "missing", "not installed", "pip install 'snnfw[detection]'"
    )


def test_a_library_is_told_with_the_version_of_its_distribution(imports: dict[str, Any]) -> None:
    imports["cupy"] = SimpleNamespace()
    assert doctor.check_extra("cupy", "cuda") == Check("cupy", "ok", "1.2.3 of cupy-cuda12x")


@pytest.mark.parametrize(
    ("module", "library", "package"),
    [("open3d", "libusb-1.0.so.0", "libusb-1.0-0"), ("ultralytics", "libGL.so.1", "libgl1")],
)
def test_a_missing_system_library_has_a_cure_of_its_own(
    imports: dict[str, Any], module: str, library: str, package: str
) -> None:
    imports[module] = OSError(f"{library}: cannot open shared object file: No such file or directory")
    assert doctor.check_extra(module, "extra") == Check(
        module,
        "broken",
        f"OSError: {library}: cannot open shared object file: No such file or directory",
        f"apt-get install {package}",
    )


def test_looking_for_ultralytics_leaves_its_users_settings_and_the_network_alone(tmp_path: Path) -> None:
    code = (
        "import os, socket\n"
        "asked = []\n"
        "socket.getaddrinfo = lambda *address, **options: asked.append(address)\n"
        "before = dict(os.environ)\n"
        "from snnfw.doctor import check_extra\n"
        "print(check_extra('ultralytics', 'detection').status, asked, dict(os.environ) == before)\n"
    )
    home = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    ran = subprocess.run([sys.executable, "-c", code], env=home, capture_output=True, text=True, check=True)  # noqa: S603  # our own
    assert ran.stdout.splitlines()[-1] == "ok [] True"
    assert not [path for path in tmp_path.rglob("*") if "ltralytics" in path.name]


def test_a_library_that_lacks_one_of_its_own_is_broken(imports: dict[str, Any]) -> None:
    imports["timm"] = ModuleNotFoundError("No module named 'yaml'", name="yaml")
    assert doctor.check_extra("timm", "timm").status == "broken"


def test_quarantined_plugins_are_named() -> None:
    assert doctor.check_plugins(Registry([toy_plugin], entry_points=False)).found == "2 in use"
    check = doctor.check_plugins(Registry([toy_plugin, Registry], entry_points=False))
    assert (check.status, check.found) == (
        "broken",
        "quarantined\nRegistry: it has no hook: mark its functions with @snnfw.hookimpl.",
    )


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ([Check("a", "ok", "1.0", required=True), Check("b", "missing", "not installed", "install it")], 0),
        ([Check("b", "broken", "it does not load", "mend it")], 0),
        ([Check("a", "broken", "it does not load", "mend it", required=True)], 1),
        ([Check("a", "missing", "not installed", "install it", required=True)], 1),
    ],
)
def test_only_what_is_required_fails(checks: list[Check], status: int) -> None:
    assert doctor.print_checks(checks, Console(file=io.StringIO())) == status


def test_the_report_shows_the_cure() -> None:
    output = io.StringIO()
    doctor.print_checks([Check("b", "missing", "not installed", "install it")], Console(file=output))
    assert [" ".join(line.split()) for line in output.getvalue().splitlines()] == [
        "b missing not installed",
        "→ install it",
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Allocator("glibc 2.36"), "glibc 2.36, commands keep freed memory for what comes next"),
        (Allocator("libjemalloc.so.2", "it stands before glibc's"),
         "libjemalloc.so.2, left as it is: it stands before glibc's"),
    ],
)  # fmt: skip
def test_the_allocator_is_told(monkeypatch: pytest.MonkeyPatch, found: Allocator, said: str) -> None:
    monkeypatch.setattr(doctor, "find_allocator", lambda _: found)
    assert doctor.check_allocator() == Check("allocator", "ok", said)


def test_an_examination_looks_at_everything(imports: dict[str, Any]) -> None:
    names = [check.name for check in doctor.examine(Registry(entry_points=False))]
    libraries = [
        "timm",
        "ultralytics",
        "open3d",
        "tonic",
        "soundfile",
        "tokenizers",
        "onnx",
        "onnxscript",
        "onnxruntime",
        "nir",
        "joblib",
        "ray",
        "submitit",
        *("mlflow", "wandb", "tensorboard"),
        "cupy",
    ]
    assert names == ["python", "torch", "torchvision", "spikingjelly", "C compiler", "allocator", *libraries, "plugins"]
