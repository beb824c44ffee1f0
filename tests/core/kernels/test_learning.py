"""Kernels that learn go by all of what they are, so that no two bodies are taken for each other."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from kernel_variants import bodies
from snnfw.errors import SnnfwError
from snnfw.kernels import learning, native
from snnfw.kernels.arithmetic import REALS
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.kernels.gradient_source import c_gradient, cuda_gradient
from snnfw.kernels.learning import register_body, run_with_gradient
from snnfw.kernels.multistep import run_kernel
from snnfw.kernels.source import c_source, cuda_source

BODY = KernelBody(
    states=("slow", "fast"),
    parameters=("up", "down"),
    code="slow = slow + x * up; fast = x - down; y = slow; events = 0;",
    backward="const real g = gy + g_slow; gx = g * up + g_fast; g_slow = g; g_fast = 0;",
)

OTHERS: dict[str, dict[str, Any]] = {
    "states": {"states": ("fast", "slow")},
    "parameters": {"parameters": ("down", "up")},
    "code": {"code": BODY.code + " "},
    "clock": {"clock": "elapsed"},
    "backward": {"backward": BODY.backward + " "},
}
"""A body that differs in one field, for every field."""


def test_every_field_of_a_body_is_in_its_name() -> None:
    assert set(OTHERS) == {field.name for field in fields(KernelBody)}
    different = [BODY, *(replace(BODY, **change) for change in OTHERS.values()), *bodies().values()]
    assert len({register_body(body) for body in different}) == len(set(different))
    assert all(learning.BODIES[register_body(body)] == body for body in different)


@pytest.mark.usefixtures("c_compiler")
@pytest.mark.parametrize(
    "change", [{}, OTHERS["states"], OTHERS["parameters"], OTHERS["states"] | OTHERS["parameters"]]
)
def test_the_same_code_with_states_and_parameters_in_another_order_is_another_kernel(change: dict[str, Any]) -> None:
    kernel = Kernel(replace(BODY, **change), {"up": 2.0, "down": 3.0})
    drive = torch.tensor([[1.0], [5.0]], dtype=torch.float64, requires_grad=True)
    states = {"slow": torch.tensor([10.0]).double(), "fast": torch.tensor([20.0]).double()}
    output, after, _ = run_with_gradient("native", kernel, drive, states)
    assert output.tolist() == [[12.0], [22.0]]
    assert {name: state.item() for name, state in after.items()} == {"slow": 22.0, "fast": 2.0}
    (output.sum() + after["fast"].sum()).backward()
    assert drive.grad is not None
    assert drive.grad.tolist() == [[4.0], [3.0]]


@pytest.mark.parametrize("write", [c_source, cuda_source, c_gradient, cuda_gradient])
def test_types_and_orders_are_in_the_source_by_which_compiled_code_is_kept(write: Any) -> None:
    changed = [replace(BODY, **OTHERS[name]) for name in ("states", "parameters")]
    sources = [write(body, dtype) for body in (BODY, *changed) for dtype in REALS]
    assert len(set(sources)) == len(sources)
    assert len({c_source(BODY, "float32", frozenset(given)) for given in ((), ("up",), ("down",), ("up", "down"))}) == 4


@pytest.mark.usefixtures("c_compiler")
def test_a_parameter_of_one_element_and_one_of_several_are_different_kernels() -> None:
    functions = [native.compile_function(BODY, "float32", frozenset(given)) for given in ((), ("up",), ("up", "down"))]
    assert len({id(function) for function in functions}) == 3
    assert native.compile_function(replace(BODY), "float32", frozenset()) is functions[0], (
        "an equal body is the same kernel"
    )


SCALED = KernelBody(
    states=("sum",),
    parameters=("scale",),
    code="sum = sum + x * scale; y = sum * sum; events = 0;",
    backward="const real g = g_sum + gy * 2 * (sum + x * scale); gx = g * scale; g_sum = g;",
)


@pytest.mark.usefixtures("c_compiler")
def test_hooks_may_give_the_input_that_is_kept_another_layout() -> None:
    scale = torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1)
    values = torch.arange(2 * 5 * 3 * 2 * 2).view(2, 5, 3, 2, 2).remainder(7).float()
    wanted = values.clone().requires_grad_()
    (wanted * scale).cumsum(0).square().sum().backward()
    given = values.clone().requires_grad_()
    drive = given.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda kept: kept.contiguous(), lambda kept: kept):
        output, *_ = run_with_gradient("native", Kernel(SCALED, {"scale": scale}), drive, {"sum": torch.zeros(())})
    output.sum().backward()
    assert given.grad is not None
    assert wanted.grad is not None
    assert given.grad.equal(wanted.grad)


@pytest.mark.usefixtures("c_compiler")
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_parameter_that_changes_before_the_gradient_is_taken_is_an_error(shape: tuple[int, ...]) -> None:
    scale, drive = torch.ones(shape), torch.ones(2, 3, requires_grad=True)
    output, *_ = run_with_gradient("native", Kernel(SCALED, {"scale": scale}), drive, {"sum": torch.zeros(())})
    scale.mul_(2)
    with pytest.raises(SnnfwError, match="changed in place between forward and backward: take gradients before"):
        output.sum().backward()


@pytest.mark.usefixtures("c_compiler")
def test_parameters_laid_out_in_inference_mode_serve_a_training_too() -> None:
    kernel = Kernel(SCALED, {"scale": torch.tensor([1.0, 2.0], dtype=torch.float64)})
    drive = torch.ones(2, 2, requires_grad=True)
    with torch.inference_mode():
        run_kernel("native", kernel, drive.detach(), {"sum": torch.zeros(2)}, None)
    run_with_gradient("native", kernel, drive, {"sum": torch.zeros(())})[0].sum().backward()
    assert drive.grad is not None
    assert drive.grad.tolist() == [[6.0, 24.0], [4.0, 16.0]]


@pytest.mark.usefixtures("c_compiler")
def test_a_body_without_states_learns() -> None:
    body = KernelBody((), ("up",), code="y = x * up; events = 0;", backward="gx = gy * up;")
    drive = torch.ones(3, 2, requires_grad=True)
    run_with_gradient("native", Kernel(body, {"up": 2.0}), drive, {})[0].sum().backward()
    assert drive.grad is not None
    assert (drive.grad == 2).all()
