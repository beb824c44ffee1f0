"""What is generated compiles, on CPUs to vector instructions and for GPUs without one, and refuses doubtful names."""

from __future__ import annotations

import importlib.util
import itertools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from cupy_on_cpu import needs_host_compiler, stand_in
from kernel_variants import bodies, rounded
from snnfw.errors import SnnfwError
from snnfw.kernels.arithmetic import REALS
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.kernels.compiler import FLAGS, CompilerMissing
from snnfw.kernels.gpu import OPTIONS
from snnfw.kernels.gradient_source import cuda_gradient
from snnfw.kernels.learning import run_with_gradient
from snnfw.kernels.multistep import run_kernel
from snnfw.kernels.source import c_source, cuda_source

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
    command = [*gcc, *FLAGS, "-fopt-info-vec-optimized", "-S", str(text), "-o", str(folder / "neuron.s")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # a compiler
    return {int(line) for line in re.findall(r"neuron\.c:(\d+):\d+: optimized: loop vectorized", done.stderr)}


LOOPS = itertools.cycle([("float32", True), ("bfloat16", False), ("float16", False)])
"""How numbers are read is the loop's own: each body is tried with parameters of its own, and in one other way."""


@pytest.mark.parametrize(
    ("name", "dtype", "scalar"),
    [(name, *loop) for name in bodies() for loop in (("float32", False), next(LOOPS))],
)
def test_the_loop_over_elements_is_vectorised(
    name: str, dtype: str, scalar: bool, gcc: tuple[str, ...], tmp_path: Path
) -> None:
    body = bodies()[name]
    source = c_source(body, dtype, frozenset(body.parameters if scalar else ()))
    lines = source.splitlines()
    start = next(number for number, line in enumerate(lines, 1) if "#pragma omp simd" in line)
    stop = next(number for number, line in enumerate(lines, 1) if number > start and line == " " * 12 + "}")
    assert vectorised(source, gcc, tmp_path) & set(range(start, stop)), source


def nvrtc(source: str, *options: str) -> tuple[bool, str, str]:
    """Compile CUDA source as CuPy does, and return whether that went well, the log, and the instructions (PTX)."""
    module: Any = importlib.import_module("cuda.bindings.nvrtc")
    error, program = module.nvrtcCreateProgram(source.encode(), b"neuron.cu", 0, [], [])
    assert not int(error)
    given = [option.encode() for option in (*OPTIONS, "-std=c++17", "-ftz=true", *options)]
    (error,) = module.nvrtcCompileProgram(program, len(given), given)
    _, size = module.nvrtcGetProgramLogSize(program)
    log = bytes(size + 1)  # written to in place: a bytes of length one is shared by the whole interpreter
    module.nvrtcGetProgramLog(program, log)
    _, size = module.nvrtcGetPTXSize(program)
    instructions = bytes(size + 1)
    module.nvrtcGetPTX(program, instructions)
    module.nvrtcDestroyProgram(program)
    return not int(error), log.decode().strip("\0 \n"), instructions.decode().strip("\0 \n")


ROUNDED_OTHERWISE = re.compile(
    r"\b(?:fma|mad)[.\w]*\.f(?:32|64)\b|\b(?:add|sub|mul)(?:\.ftz)?\.f(?:32|64)\b|\.(?:approx|full)\b"
)
"""Instructions that round once for two operations, that a later step may join to such a one, or that approximate."""


def kernels(dtype: str, exact: bool) -> str:
    """Return the kernels of every neuron as one source: those that compute functions of the GPU's own, or the others."""
    found = [cuda_source(body, dtype) for body in bodies().values() if rounded(body) != exact]
    learning = [body for body in bodies().values() if body.backward and ("EXP(" in body.backward) != exact]
    found += [cuda_gradient(body, dtype, steps) for body in learning for steps in (0, 4)]
    wrap = "namespace kernel_{} {{\n#define run run_{}\n{}\n#undef run\n}}\n".format
    return "".join(wrap(number, number, source) for number, source in enumerate(found))


@needs_nvrtc
@pytest.mark.parametrize(
    ("dtype", "architecture", "exact"),
    [*((dtype, "sm_90" if dtype == "float16" else "sm_80", True) for dtype in REALS), ("float16", "sm_80", False)],
)
def test_every_cuda_source_compiles_and_rounds_each_operation(dtype: str, architecture: str, exact: bool) -> None:
    works, log, instructions = nvrtc(kernels(dtype, exact), f"--gpu-architecture={architecture}")
    assert works, log
    assert set(re.findall(r"warning #(\d+)", log)) <= {"550"}, "recomputed states need no output: 'set but never used'"
    assert instructions.count(".entry run_") > 3
    if exact:
        assert not ROUNDED_OTHERWISE.findall(instructions)


@needs_nvrtc
def test_without_its_option_nvrtc_would_round_once_for_two_operations() -> None:
    source = cuda_source(KernelBody((), ("rate",), "y = x * rate + x; events = 0;"), "float64")
    assert not ROUNDED_OTHERWISE.findall(nvrtc(source)[2])
    assert ROUNDED_OTHERWISE.findall(nvrtc(source, "--fmad=true")[2])


@needs_nvrtc
def test_nvrtc_refuses_what_is_wrong() -> None:
    works, log, _ = nvrtc(cuda_source(KernelBody((), (), "y = missing; events = 0;"), "float32"))
    assert not works
    assert 'identifier "missing" is undefined' in log


@pytest.mark.parametrize("name", ["x", "t", "y", "events", "double", "two words"])
@pytest.mark.parametrize("scalar", [False, True], ids=["for each element", "scalar"])
@pytest.mark.usefixtures("c_compiler")
def test_a_name_that_is_taken_does_not_compile(name: str, scalar: bool) -> None:
    body = KernelBody(states=(), parameters=(name,), code=f"y = x + {name}; events = 0;")
    kernel = Kernel(body, {name: 1.0 if scalar else torch.ones(5)})
    with pytest.raises(CompilerMissing):
        run_kernel("native", kernel, torch.ones(2, 5), {}, None)


FREE = (
    "s", "i", "b", "start", "length", "rest", "steps", "count", "threads", "clock", "blocks", "index", "spread", "total",
    "history", "gradient", "failed", "events_sum", "events_all", "x_step", "own_all", "own_now", "own_once", "own_block",
)  # fmt: skip
"""Names such as the code around a body might have, also made from the names that a body has."""


@pytest.mark.parametrize("target", ["native", pytest.param("cupy", marks=needs_host_compiler)])
@pytest.mark.usefixtures("c_compiler")
def test_names_of_the_code_around_the_body_are_free(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    rates, drive = tuple(f"{name}_too" for name in FREE), torch.arange(12.0).reshape(4, 3).requires_grad_()
    body = KernelBody(
        states=FREE,
        parameters=rates,
        code=" ".join(f"{name} = {name} + {name}_too;" for name in FREE) + f"y = x + {' + '.join(FREE)}; events = 1;",
        backward="gx = gy;" + " ".join(f"g_{name} = g_{name} + gy;" for name in FREE),
    )
    for rate in (0.5, torch.full((3,), 0.5)):
        states = {name: torch.zeros(3).requires_grad_() for name in FREE}
        output, after, events = run_with_gradient(target, Kernel(body, dict.fromkeys(rates, rate)), drive, states)
        assert torch.equal(output, drive + len(FREE) * 0.5 * torch.arange(1.0, 5.0)[:, None])
        assert all(torch.equal(after[name], torch.full((3,), 2.0)) for name in FREE)
        assert torch.equal(events, torch.full((3,), 4.0))
        found = torch.autograd.grad(output.sum(), (drive, *states.values()))
        assert [value.unique().tolist() for value in found] == [[1.0], *([[4.0]] * len(FREE))]
    swapped = KernelBody(states=(), parameters=FREE, code=f"y = x + {' + '.join(FREE)}; events = 1;")
    output, _, _ = run_kernel(target, Kernel(swapped, dict.fromkeys(FREE, 0.5)), drive.detach(), {}, None)
    assert torch.equal(output, drive + len(FREE) * 0.5)


@pytest.mark.parametrize(
    "body",
    [
        {"states": ("snn_s",), "parameters": (), "code": ""},
        {"states": (), "parameters": ("snn_s",), "code": ""},
        {"states": (), "parameters": (), "code": "y = snn_s;"},
        {"states": (), "parameters": (), "code": "", "backward": "gx = snn_s;"},
    ],
)
def test_names_of_the_code_around_the_body_are_refused_in_it(body: dict[str, Any]) -> None:
    with pytest.raises(SnnfwError) as raised:
        KernelBody(**body)
    assert str(raised.value) == (
        "the kernel's body names 'snn_s': names that begin with snn_ are those of the loops around it. Give it another "
        "name."
    )
