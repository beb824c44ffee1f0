"""What is generated compiles, on CPUs to vector instructions and for GPUs without one, and refuses doubtful names."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from snnfw.kernels.arithmetic import REALS
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.kernels.compiler import FLAGS, CompilerMissing
from snnfw.kernels.gpu import OPTIONS
from snnfw.kernels.gradient_source import cuda_gradient
from snnfw.kernels.multistep import run
from snnfw.kernels.source import c_source, cuda_source

ARCHITECTURES = ("sm_80", "sm_90")

needs_nvrtc = pytest.mark.skipif(
    importlib.util.find_spec("cuda") is None, reason="NVRTC comes with torch for CUDA, and this torch is for CPUs"
)


@pytest.fixture(scope="session")
def gcc(c_compiler: tuple[str, ...]) -> tuple[str, ...]:
    shown = subprocess.run([*c_compiler, "--version"], capture_output=True, text=True, check=True)  # noqa: S603  # a compiler
    if "Free Software Foundation" not in shown.stdout:
        pytest.skip("only GCC reports what it has vectorised")
    return c_compiler


def vectorised(source: str, gcc: tuple[str, ...], folder: Path) -> set[int]:
    """Return the numbers of the lines at which GCC reports a vectorised loop."""
    text = folder / "neuron.c"
    text.write_text(source)
    command = [*gcc, *FLAGS, "-fopt-info-vec-optimized", "-c", str(text), "-o", str(folder / "neuron.o")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # a compiler
    return {int(line) for line in re.findall(r"neuron\.c:(\d+):\d+: optimized: loop vectorized", done.stderr)}


@pytest.mark.parametrize(
    ("dtype", "scalar"), [("float32", False), ("float32", True), ("bfloat16", False), ("float16", False)]
)
def test_the_loop_over_elements_is_vectorised(
    body: KernelBody, dtype: str, scalar: bool, gcc: tuple[str, ...], tmp_path: Path
) -> None:
    source = c_source(body, dtype, frozenset(body.parameters if scalar else ()))
    lines = source.splitlines()
    start = next(number for number, line in enumerate(lines, 1) if "#pragma omp simd" in line)
    stop = next(number for number, line in enumerate(lines, 1) if number > start and line == " " * 12 + "}")
    assert vectorised(source, gcc, tmp_path) & set(range(start, stop)), source


def nvrtc(source: str, *options: str) -> tuple[bool, str]:
    """Compile CUDA source as CuPy does, and return whether that went well, and the log."""
    module: Any = importlib.import_module("cuda.bindings.nvrtc")
    error, program = module.nvrtcCreateProgram(source.encode(), b"neuron.cu", 0, [], [])
    assert not int(error)
    given = [option.encode() for option in (*OPTIONS, "-std=c++17", "-ftz=true", *options)]
    (error,) = module.nvrtcCompileProgram(program, len(given), given)
    _, size = module.nvrtcGetProgramLogSize(program)
    log = bytes(size + 1)  # written to in place: a bytes of length one is shared by the whole interpreter
    module.nvrtcGetProgramLog(program, log)
    module.nvrtcDestroyProgram(program)
    return not int(error), log.decode().strip("\0 \n")


@needs_nvrtc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", REALS)
def test_every_cuda_source_compiles_without_a_warning(body: KernelBody, dtype: str, architecture: str) -> None:
    source = cuda_source(body, dtype)
    assert nvrtc(source, f"--gpu-architecture={architecture}") == (True, ""), source


@needs_nvrtc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", REALS)
def test_every_cuda_source_of_a_backward_pass_compiles(
    learning_body: KernelBody, dtype: str, architecture: str
) -> None:
    works, log = nvrtc(cuda_gradient(learning_body, dtype), f"--gpu-architecture={architecture}")
    assert works, log


@needs_nvrtc
def test_nvrtc_refuses_what_is_wrong() -> None:
    works, log = nvrtc(cuda_source(KernelBody((), (), "y = missing; events = 0;"), "float32"))
    assert not works
    assert 'identifier "missing" is undefined' in log


@pytest.mark.parametrize("name", ["x", "t", "y", "events", "j", "double", "two words"])
@pytest.mark.parametrize("scalar", [False, True], ids=["for each element", "scalar"])
@pytest.mark.usefixtures("c_compiler")
def test_a_name_that_is_taken_does_not_compile(name: str, scalar: bool) -> None:
    body = KernelBody(states=(), parameters=(name,), code=f"y = x + {name}; events = 0;")
    kernel = Kernel(body, {name: 1.0 if scalar else torch.ones(5)})
    with pytest.raises(CompilerMissing):
        run("native", kernel, torch.ones(2, 5), {}, None)


FREE = ("s", "b", "start", "length", "rest", "steps", "count", "threads", "clock", "blocks", "index", "spread", "total")


@pytest.mark.parametrize("name", FREE)
@pytest.mark.usefixtures("c_compiler")
def test_names_of_the_code_around_the_body_are_free(name: str) -> None:
    body = KernelBody(
        states=(name,), parameters=(f"{name}_too",), code=f"{name} = {name} + {name}_too; y = x + {name}; events = 1;"
    )
    drive, state = torch.arange(12.0).reshape(4, 3), {name: torch.zeros(3)}
    for rate in (0.5, torch.full((3,), 0.5)):
        output, after, events = run("native", Kernel(body, {f"{name}_too": rate}), drive, state, None)
        assert torch.equal(output, drive + 0.5 * torch.arange(1.0, 5.0)[:, None])
        assert torch.equal(after[name], torch.full((3,), 2.0))
        assert torch.equal(events, torch.full((3,), 4.0))
    swapped = KernelBody(states=(), parameters=(name,), code=f"y = x + {name}; events = 1;")
    output, _, _ = run("native", Kernel(swapped, {name: 0.5}), drive, {}, None)
    assert torch.equal(output, drive + 0.5)
