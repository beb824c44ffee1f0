"""Kernels that learn go by all of what they are, so that no two bodies are taken for each other."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from kernel_variants import bodies
from snnfw.kernels import learning, native
from snnfw.kernels.arithmetic import REALS
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.kernels.gradient_source import c_gradient, cuda_gradient
from snnfw.kernels.learning import register_body, run_with_gradient
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
