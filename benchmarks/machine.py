"""Describe what a measurement ran on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from snnfw.errors import SnnfwError
from snnfw.kernels.compiler import FLAGS, find_compiler

ALLOCATOR = {
    "MALLOC_TOP_PAD_": "1073741824",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
}
"""Settings of glibc's allocator that keep freed buffers of any size, instead of returning them to the system."""


def describe(device: str) -> dict[str, str]:
    """Return the processor, the versions and the settings that results depend on."""
    found = {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "load average before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.machine()}",
        "allocator": "tuned: " + " ".join(map("=".join, ALLOCATOR.items())) if tuned() else "default",
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "unset"),
        "Python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "spikingjelly", "snnfw")},
        "compiler": compiler(),
    }
    return found | (accelerator() if device.startswith("cuda") else {})


def processor() -> str:
    """Return the processor's name, and whether it has AVX-512."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    vectors = "AVX-512" if "avx512f" in facts.get("flags", "") else "no AVX-512"
    return f"{facts.get('model name', platform.processor())} ({vectors})"


def compiler() -> str:
    """Return the compiler of native neurons, with its flags."""
    try:
        return f"{find_compiler()[1]}, {' '.join(FLAGS)}"
    except SnnfwError:
        return "none"


def accelerator() -> dict[str, str]:
    """Return the GPU and the versions that matter on it."""
    import cupy

    return {
        "GPU": torch.cuda.get_device_name(),
        "CUDA of torch": str(torch.version.cuda),
        "cupy": cupy.__version__,
    }


def tuned() -> bool:
    """Tell whether this process started with the allocator's settings."""
    return all(os.environ.get(name) == value for name, value in ALLOCATOR.items())
