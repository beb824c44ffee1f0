"""The doctor: what this machine can run, and how to mend the rest."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import packages_distributions, version
from platform import python_version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rich.table import Table
from rich.text import Text

from snnfw.allocator import find_allocator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console

    from snnfw.registry import Registry

Status: TypeAlias = Literal["ok", "missing", "broken"]

STYLES: Mapping[Status, str] = {"ok": "green", "missing": "yellow", "broken": "red"}
OLDEST_PYTHON = (3, 11)
OLDEST_SPIKINGJELLY = 2
TOGETHER = "pip install --force-reinstall torch torchvision"
"""Let pip resolve both together, so that they come from one build."""

EXTRAS: Mapping[str, str] = {
    "timm": "timm",
    "ultralytics": "detection",
    "open3d": "pointcloud",
    "tonic": "events",
    "soundfile": "speech",
    "tokenizers": "text",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "export",
    "nir": "export",
    "joblib": "local",
    "ray": "ray",
    "submitit": "submitit",
    "mlflow": "mlflow",
    "wandb": "wandb",
    "tensorboard": "tensorboard",
    "cupy": "cuda",
}
"""The optional libraries, each with the extra that installs it."""

SYSTEM: Mapping[str, str] = {
    "libusb-1.0": "libusb-1.0-0",
    "libGL": "libgl1",
    "libgthread": "libglib2.0-0",
    "libgomp": "libgomp1",
}
"""What optional libraries load from the system, each with Debian's package."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one thing, and the cure if it is not as it should be."""

    name: str
    status: Status
    found: str
    cure: str = ""
    required: bool = False


def examine(registry: Registry) -> list[Check]:
    """Look at everything that a run may need."""
    return [
        check_python(),
        check_torch(),
        check_torchvision(),
        check_spikingjelly(),
        check_compiler(),
        check_allocator(),
        *(check_extra(module, extra) for module, extra in EXTRAS.items()),
        check_plugins(registry),
    ]


def print_checks(checks: list[Check], console: Console) -> int:
    """Print the checks; return 1 if something required is not there or does not work, else 0."""
    table = Table.grid(padding=(0, 2))
    for check in checks:
        cure = f"\n→ {check.cure}" if check.cure else ""
        table.add_row(check.name, Text(check.status, STYLES[check.status]), Text(f"{check.found}{cure}"))
    console.print(table)
    return 1 if any(check.required and check.status != "ok" for check in checks) else 0


def check_python() -> Check:
    """Find the version of Python."""
    if sys.version_info >= OLDEST_PYTHON:
        return Check("python", "ok", python_version(), required=True)
    return Check("python", "broken", python_version(), "install Python 3.11 or newer", required=True)


def check_torch() -> Check:
    """Find torch, its build and the GPUs that it sees."""
    return _library("torch", "pip install torch torchvision", _torch_build, required=True)


def check_torchvision() -> Check:
    """Find torchvision, and notice a torch of another build beside it."""
    check = _library("torchvision", TOGETHER, required=True)
    if "operator torchvision::nms does not exist" not in check.found:
        return check
    return replace(check, found="it does not fit torch: a CPU-only torch beside a CUDA build of torchvision")


def check_spikingjelly() -> Check:
    """Find SpikingJelly, and see that it is new enough."""
    cure = f"pip install 'spikingjelly>={OLDEST_SPIKINGJELLY}.0'"
    check = _library("spikingjelly", cure, required=True)
    if check.status == "ok" and int(check.found.partition(".")[0]) < OLDEST_SPIKINGJELLY:
        return replace(check, status="broken", found=f"{check.found} is too old", cure=cure)
    return check


def check_compiler() -> Check:
    """Find a C compiler."""
    found = shutil.which("cc") or shutil.which("gcc")
    if found:
        return Check("C compiler", "ok", found)
    return Check("C compiler", "missing", "neither cc nor gcc", "apt-get install build-essential")


def check_allocator() -> Check:
    """Find what hands out memory, and say whether freed memory is kept."""
    allocator = find_allocator(os.environ)
    does = f"left as it is: {allocator.left}" if allocator.left else "commands keep freed memory for what comes next"
    return Check("allocator", "ok", f"{allocator.name}, {does}")


def check_extra(module: str, extra: str) -> Check:
    """Find an optional library, or say which extra installs it."""
    with _isolate_ultralytics(module):
        check = _library(module, f"pip install 'snnfw[{extra}]'")
    missing = next((package for library, package in SYSTEM.items() if library in check.found), None)
    return replace(check, cure=f"apt-get install {missing}") if check.status == "broken" and missing else check


@contextmanager
def _isolate_ultralytics(module: str) -> Iterator[None]:
    """Keep ultralytics, while it is imported, from its user's settings and from looking for a network."""
    if module != "ultralytics" or module in sys.modules:
        yield
        return
    before = dict(os.environ)
    with TemporaryDirectory() as folder:
        os.environ.update(YOLO_CONFIG_DIR=folder, YOLO_OFFLINE="True", YOLO_VERBOSE="False", YOLO_AUTOINSTALL="False")
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def check_plugins(registry: Registry) -> Check:
    """Find the plugins that could not be used."""
    if not registry.quarantined:
        return Check("plugins", "ok", f"{len(registry.plugins)} in use")
    reasons = "\n".join(f"{name}: {reason}" for name, reason in registry.quarantined.items())
    return Check("plugins", "broken", f"quarantined\n{reasons}", "mend or uninstall them")


def _library(name: str, cure: str, describe: Callable[[Any], str] | None = None, required: bool = False) -> Check:
    """Import a library for real: only that shows whether it works."""
    try:
        module = import_module(name)
        return Check(name, "ok", describe(module) if describe else _version(name), required=required)
    except Exception as error:  # whatever a broken library raises
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            return Check(name, "missing", "not installed", cure, required)
        reason = " ".join(str(error).split())
        return Check(name, "broken", f"{type(error).__name__}: {reason}", cure, required)


def _version(module: str) -> str:
    """Return the version of the distribution that a module comes from, which may have another name."""
    return version(next(iter(packages_distributions().get(module, [module]))))


def _torch_build(torch: Any) -> str:
    build = f"CUDA {torch.version.cuda} build" if torch.version.cuda else "CPU-only build"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    devices = ", ".join(torch.cuda.get_device_name(index) for index in range(count)) or "no GPU"
    return f"{torch.__version__}, {build}, {devices}"
