"""What stands where CuPy stands and runs CUDA kernels on the CPU: compiled by a host compiler, thread after thread."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from snnfw.kernels import choice, gpu
from snnfw.kernels.multistep import is_supported
from snnfw.neurons.spiking_neuron import SpikingNeuron

HEADER = Path(__file__).with_name("cuda_on_cpu.h")

FLAGS = (
    "-O1",
    "-std=c++17",
    "-ffp-contract=off",
    "-fPIC",
    "-shared",
    "-Wall",
    "-Werror",
    "-Wno-unknown-pragmas",
    "-Wno-unused-function",
    "-Wno-unused-variable",
)
"""As ``--fmad=false`` has it: nothing is rounded once where the source rounds twice."""

ON_THE_HOST = {
    'asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(a));': "f = half_to_float(a);",
    'asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(a));': "h = float_to_half(a);",
}
"""The GPU's own instructions; one that is not listed here does not assemble."""

WRAPPED = """
namespace kernel_{number} {{
#define run run_{number}
{source}
extern "C" void kinds_of_run_{number}(char *letters) {{ write_kinds(run, letters); }}
extern "C" void launch_run_{number}(unsigned int grid, unsigned int block, void **arguments, int backwards) {{
    launch(run, grid, block, arguments, backwards);
}}
#undef run
}}
"""
"""One of several kernels of a library: all are called ``run`` in their sources."""

KINDS: dict[type[np.generic], str] = {np.int64: "ip", np.float64: "f"}
"""What a kernel may take each type of number as."""


@functools.cache
def host_compiler() -> str | None:
    """Return a compiler of C++ for the host: ``$CXX``, or the first that there is."""
    wanted = os.environ.get("CXX")
    return next(
        (path for name in ([wanted] if wanted else ["g++", "c++", "clang++"]) if (path := shutil.which(name))), None
    )


needs_host_compiler = pytest.mark.skipif(host_compiler() is None, reason="there is no compiler of C++")


@dataclass(frozen=True, slots=True)
class HostKernel:
    """A kernel compiled for the host: what its parameters are, and what runs it."""

    kinds: str
    launch: Callable[..., None]


COMPILED: dict[str, HostKernel] = {}
"""By source."""


def compile_together(sources: Iterable[str]) -> None:
    """Compile kernels of one type of tensor in one go, which takes a tenth of the time."""
    missing = [source for source in dict.fromkeys(sources) if source not in COMPILED]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as scratch:
        text, made = Path(scratch) / "kernels.cpp", Path(scratch) / "kernels.so"
        wrapped = (WRAPPED.format(number=n, source=_on_the_host(source)) for n, source in enumerate(missing))
        text.write_text("\n".join((f'#include "{HEADER}"', *wrapped)))
        command = [str(host_compiler()), *FLAGS, str(text), "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # a compiler
        if done.returncode:
            raise RuntimeError(done.stderr)
        library = ctypes.CDLL(str(made))
    for number, source in enumerate(missing):
        letters = ctypes.create_string_buffer(256)
        library[f"kinds_of_run_{number}"](letters)
        COMPILED[source] = HostKernel(letters.value.decode(), library[f"launch_run_{number}"])


def _on_the_host(source: str) -> str:
    for instruction, words in ON_THE_HOST.items():
        source = source.replace(instruction, words)
    return source


@dataclass
class CuPyOnCPU:
    """Compile and run what CuPy is handed, and write down what was asked for; ``error`` is raised in compiling."""

    backwards: bool = False
    extra_blocks: int = 0
    error: Exception | None = None
    entered: list[str] = field(default_factory=list)
    kernels: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    launches: list[tuple[list[str], tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)

    @contextlib.contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Enter a device or a stream."""
        self.entered.append(what)
        yield
        self.entered.remove(what)

    def module(self) -> Any:
        """Return what ``import cupy`` gives."""
        cupy: Any = ModuleType("cupy")
        cupy.__version__ = "on the CPU"
        cupy.RawKernel = functools.partial(RawKernel, self)
        cupy.cuda = SimpleNamespace(
            Device=lambda index: self.noting(f"CuPy's device {index}"),
            Stream=SimpleNamespace(from_external=lambda stream: self.noting(f"stream {stream.cuda_stream}")),
            ExternalStream=lambda pointer, index: self.noting(f"stream {pointer} of device {index}"),
            runtime=SimpleNamespace(getDeviceCount=lambda: 1),
        )
        return cupy


class RawKernel:
    """CuPy's, with what it checks and what the driver checks."""

    def __init__(self, cupy: CuPyOnCPU, code: str, name: str, options: tuple[str, ...] = ()) -> None:
        self.cupy, self.code = cupy, code
        cupy.kernels.append((code, name, options))

    def compile(self) -> None:
        """Compile; the library is kept for the next of the same source."""
        if self.cupy.error:
            raise self.cupy.error
        compile_together([self.code])

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], arguments: Sequence[Any]) -> None:
        """Run every thread of every block."""
        self.cupy.launches.append((list(self.cupy.entered), grid, block))
        kernel, given = COMPILED[self.code], [type(argument) for argument in arguments]
        if len(kernel.kinds) != len(given) or any(k not in KINDS[t] for k, t in zip(kernel.kinds, given, strict=True)):
            raise TypeError(f"the kernel takes {kernel.kinds} and is given {[kind.__name__ for kind in given]}")
        held = [np.array([argument]) for argument in arguments]
        pointers = (ctypes.c_void_p * len(held))(*(each.ctypes.data for each in held))
        kernel.launch(grid[0] + self.cupy.extra_blocks, block[0], pointers, int(self.cupy.backwards))


def stand_in(monkeypatch: pytest.MonkeyPatch) -> CuPyOnCPU:
    """Let ``backend="cupy"`` run on the CPU, through everything but CuPy itself."""
    cupy = CuPyOnCPU()
    monkeypatch.setitem(sys.modules, "cupy", cupy.module())
    monkeypatch.setattr(torch.cuda, "device", lambda index: cupy.noting(f"torch's device {index}"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda index: SimpleNamespace(cuda_stream=77 + index))
    monkeypatch.setattr(gpu, "compile_kernel", functools.cache(gpu.compile_kernel.__wrapped__))
    return cupy


def on_any_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever asks for ``cupy`` on the CPU have it, which ``choose_backend`` remembers."""
    monkeypatch.setitem(choice.CHECKS, "cpu", ("cupy", lambda device: "on the CPU"))
    monkeypatch.setattr(
        SpikingNeuron, "_fast", lambda neuron, x: neuron.backend == "cupy" and is_supported(x) and len(x) > 0
    )
