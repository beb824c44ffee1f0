"""What generated C computes with: half precision as torch converts it, and functions within their bounds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snnfw.kernels.body import Kernel, KernelBody
from snnfw.kernels.multistep import run_kernel

pytestmark = pytest.mark.usefixtures("c_compiler")

READ = KernelBody(states=("seen",), parameters=(), code="seen = x; y = x; events = 0;")
WRITE = KernelBody(states=(), parameters=("given",), code="y = given; events = 0;")

PATTERNS = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)


def equal(ours: Tensor, theirs: Tensor) -> bool:
    """Tell whether two tensors have the same bits, or NaN, everywhere."""
    bits = {2: torch.int16, 4: torch.int32}[ours.element_size()]
    return bool(((ours.view(bits) == theirs.view(bits)) | (ours.isnan() & theirs.isnan())).all())


def apply(code: str, values: Tensor) -> Tensor:
    body = KernelBody(states=(), parameters=(), code=f"y = {code}; events = 0;")
    return run_kernel("native", Kernel(body, {}), values[None], {}, None)[0][0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_every_number_of_half_precision_is_read_and_written_as_it_is(dtype: torch.dtype) -> None:
    numbers = PATTERNS.view(dtype)
    state = {"seen": torch.zeros(len(numbers))}
    output, after, _ = run_kernel("native", Kernel(READ, {}), numbers[None], state, None)
    assert equal(after["seen"], numbers.float())
    assert equal(output[0], numbers)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_results_are_rounded_to_half_precision_as_torch_rounds_them(dtype: torch.dtype) -> None:
    numbers = PATTERNS.view(dtype).float()
    between = (numbers + numbers.roll(-1)) / 2  # ties, which go to even
    values = torch.cat(
        [numbers, between, between.nextafter(torch.tensor(torch.inf)), between.nextafter(torch.tensor(-torch.inf))]
        + [torch.randn(100_000, generator=torch.Generator().manual_seed(0)) * scale for scale in (1, 1e-7, 1e5)]
    )
    drive = torch.zeros(1, len(values), dtype=dtype)
    output, _, _ = run_kernel("native", Kernel(WRITE, {"given": values}), drive, {}, None)
    assert equal(output[0], values.to(dtype))


UNITS = {"EXP(x)": (torch.exp, 1.0), "ERF(x)": (torch.erf, 3.0), "TANH(x)": (torch.tanh, 3.0)}


@pytest.mark.parametrize("code", UNITS)
def test_functions_keep_to_their_units_in_the_last_place(code: str) -> None:
    function, units = UNITS[code]
    values = torch.cat([torch.linspace(-87, 88, 1_000_001), torch.linspace(-5, 5, 1_000_001)])
    true = function(values.double())
    unit = (true.float().abs().nextafter(torch.tensor(torch.inf)) - true.float().abs()).double()
    error = ((apply(code, values).double() - true).abs() / unit)[unit > 1e-44]
    assert error.max() <= units


EDGES = (0.0, -0.0, 1e-40, -1e-40, 89.0, 200.0, -90.0, -103.0, -200.0, torch.inf, -torch.inf, torch.nan)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("code", UNITS)
def test_functions_are_right_at_the_edges(code: str, dtype: torch.dtype) -> None:
    values = torch.tensor(EDGES, dtype=dtype)
    true = UNITS[code][0](values)
    torch.testing.assert_close(apply(code, values), true, rtol=1e-6, atol=1e-44, equal_nan=True)


def test_the_others_are_exact() -> None:
    values = torch.tensor([*EDGES, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.5])
    assert equal(apply("FLOOR(x)", values), values.floor())
    assert equal(apply("ABS(x)", values), values.abs())
    assert equal(apply("CLAMP(x, (real)-1, (real)2)", values), values.clamp(-1, 2))
