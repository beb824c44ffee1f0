"""Write the backward pass of a neuron that learns out as a C function and as a CUDA kernel."""

from __future__ import annotations

import functools
from textwrap import dedent, indent

from snnfw.kernels.arithmetic import c_prelude, cuda_prelude
from snnfw.kernels.body import KernelBody
from snnfw.kernels.source import (
    AHEAD,
    SPREAD,
    c_block_of_parameters,
    c_each_block,
    c_parameters,
    c_shares,
    cuda_parameters,
)

BLOCK = 4096
"""Elements that a CPU core takes back through all timesteps at once, at most."""

HISTORY = 16384
"""States of all those elements at all timesteps that stay in a core's cache: long histories have shorter blocks."""

IN_REGISTERS = 32
"""States of one element at all timesteps that a GPU's thread keeps to itself; more of them go through memory."""


def c_gradient(body: KernelBody, dtype: str, scalars: frozenset[str] = frozenset()) -> str:
    """Return a C function that takes gradients back through time, vectorised over elements.

    ``run(gradient, gradient_step, x, x_step, gx, gx_step, steps, count, threads, clock, before..., after...,
    parameters)``: ``before`` are the states before the first timestep; ``after`` hold the gradients of the states after
    the last one, and those of the states before the first one when it returns. The states in between are computed
    again, block by block, so that nothing of a timestep has to be kept between forward and backward but its input.
    Names are declared, and ``scalars`` read, as in ``c_source``.
    """
    lines = [
        c_prelude(dtype),
        "#include <stdlib.h>",
        SPREAD.strip(),
        "int run(const io *snn_gy, int64_t snn_gy_step, const io *snn_x, int64_t snn_x_step, io *snn_gx,",
        "        int64_t snn_gx_step, int64_t snn_steps, int64_t snn_count, int snn_threads, double snn_clock",
        "".join(f",\n        {argument}" for argument in _c_arguments(body)) + ") {",
        f"    const int64_t snn_fit = {HISTORY // max(1, len(body.states))} / snn_steps / 64 * 64;",
        *c_shares(f"snn_fit < 256 ? 256 : snn_fit < {BLOCK} ? snn_fit : {BLOCK}"),
        "    int snn_failed = 0;",
        "    #pragma omp parallel num_threads(snn_threads)",
        "    {",
        f"    real *snn_history = malloc(sizeof(real) * (size_t)(snn_steps * snn_width * {max(1, len(body.states))}));",
        "    if (!snn_history) {",
        "        #pragma omp atomic write",
        "        snn_failed = 1;",
        "    }",
        "    #pragma omp for schedule(static)",
        *c_each_block(),
        "        if (!snn_history) continue;",
        *c_block_of_parameters(body, scalars, BLOCK),
        *_c_forward_again(body, scalars),
        *_c_back(body, scalars),
        "    }",
        "    free(snn_history);",
        "    }",
        "    return snn_failed;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _c_arguments(body: KernelBody) -> list[str]:
    arguments = [f"const real *restrict snn_before_{name}" for name in body.states]
    arguments += [f"real *restrict snn_g_{name}" for name in body.states]
    return arguments + [
        f"const real *restrict snn_all_{n}, int64_t snn_inner_{n}, int64_t snn_size_{n}" for n in body.parameters
    ]


def _c_forward_again(body: KernelBody, scalars: frozenset[str]) -> list[str]:
    """Return the code that notes the states before each timestep of a block."""
    width = len(body.states)
    return [
        "        for (int64_t snn_j = 0; snn_j < snn_length; snn_j++) {",
        *(
            f"            snn_history[{k} * snn_width + snn_j] = snn_before_{name}[snn_start + snn_j];"
            for k, name in enumerate(body.states)
        ),
        "        }",
        "        for (int64_t snn_s = 0; snn_s + 1 < snn_steps; snn_s++) {",
        "            const real snn_t = (real)(snn_clock + (double)(snn_s + 1));",
        "            const io *snn_xs = snn_x + snn_s * snn_x_step + snn_start;",
        f"            real *snn_now = snn_history + snn_s * {width} * snn_width;",
        f"            real *snn_next = snn_now + {width} * snn_width;",
        "            #pragma omp simd",
        "            for (int64_t snn_j = 0; snn_j < snn_length; snn_j++) {",
        "                const real x = load(snn_xs[snn_j]), t = snn_t;",
        "                (void)t;",
        *c_parameters(body, scalars),
        *(f"                real {name} = snn_now[{k} * snn_width + snn_j];" for k, name in enumerate(body.states)),
        "                real y, events;",
        _indented(body.code, 16),
        "                (void)y; (void)events;",
        *(f"                snn_next[{k} * snn_width + snn_j] = {name};" for k, name in enumerate(body.states)),
        "            }",
        "        }",
    ]


def _c_back(body: KernelBody, scalars: frozenset[str]) -> list[str]:
    """Return the code that takes the gradients of a block back through all timesteps."""
    return [
        "        for (int64_t snn_s = snn_steps - 1; snn_s >= 0; snn_s--) {",
        "            const real snn_t = (real)(snn_clock + (double)(snn_s + 1));",
        "            const io *snn_xs = snn_x + snn_s * snn_x_step + snn_start;",
        "            const io *snn_gys = snn_gy + snn_s * snn_gy_step + snn_start;",
        "            io *snn_gxs = snn_gx + snn_s * snn_gx_step + snn_start;",
        f"            const real *snn_now = snn_history + snn_s * {len(body.states)} * snn_width;",
        "            #pragma omp simd",
        "            for (int64_t snn_j = 0; snn_j < snn_length; snn_j++) {",
        "                const real x = load(snn_xs[snn_j]), t = snn_t, gy = load(snn_gys[snn_j]);",
        "                (void)t;",
        *c_parameters(body, scalars),
        *(
            f"                const real {name} = snn_now[{k} * snn_width + snn_j];"
            for k, name in enumerate(body.states)
        ),
        *(f"                real g_{name} = snn_g_{name}[snn_start + snn_j];" for name in body.states),
        "                real gx;",
        _indented(body.backward, 16),
        "                snn_gxs[snn_j] = store(gx);",
        *(f"                snn_g_{name}[snn_start + snn_j] = g_{name};" for name in body.states),
        "            }",
        "        }",
    ]


@functools.cache
def cuda_gradient(body: KernelBody, dtype: str, steps: int = 0) -> str:
    """Return a CUDA kernel that takes gradients back through time, one thread to an element.

    ``run(gradient, gradient_step, x, x_step, gx, gx_step, steps, count, clock, history, before..., after...,
    parameters)``: as in C, with the recomputed states in ``history`` [T, states, elements]. A kernel written for a
    number of ``steps`` keeps them in registers instead, and each element's input with them, so that it reads and
    writes a timestep once; it does not touch ``history``.
    """
    arguments = [f"const real *__restrict__ snn_before_{name}" for name in body.states]
    arguments += [f"real *__restrict__ snn_g_{name}" for name in body.states]
    arguments += [
        f"const real *__restrict__ snn_all_{n}, const long long snn_inner_{n}, const long long snn_size_{n}"
        for n in body.parameters
    ]
    own = [f"    real snn_own[{steps * len(body.states)}];", f"    io snn_kept[{steps}];"] if steps else []
    lines = [
        cuda_prelude(dtype),
        'extern "C" __global__ void run(',
        "        const io *__restrict__ snn_gy, const long long snn_gy_step, const io *__restrict__ snn_x,",
        "        const long long snn_x_step, io *__restrict__ snn_gx, const long long snn_gx_step,",
        "        const long long snn_steps, const long long snn_count, const double snn_clock,",
        "        real *__restrict__ snn_history" + "".join(f",\n        {a}" for a in arguments) + ") {",
        "    const long long snn_i = (long long)blockIdx.x * blockDim.x + threadIdx.x;",
        "    if (snn_i >= snn_count) return;",
        *cuda_parameters(body),
        *own,
        *_cuda_forward_again(body, steps),
        *_cuda_back(body, steps),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _cuda_forward_again(body: KernelBody, steps: int) -> list[str]:
    """Return the code that notes the states before each timestep, and with known ``steps`` the input too."""
    begin = [*(f"    real snn_now_{name} = snn_before_{name}[snn_i];" for name in body.states)]
    if steps:
        begin += [
            "    #pragma unroll",
            f"    for (int snn_s = 0; snn_s < {steps}; snn_s++)",
            "        snn_kept[snn_s] = snn_x[snn_s * snn_x_step + snn_i];",
        ]
    return [
        *begin,
        *_cuda_loop("snn_s = 0; snn_s < {last}; snn_s++", steps),
        "        const real t = (real)(snn_clock + (double)(snn_s + 1)); (void)t;",
        *(f"        const real {name} = snn_once_{name};" for name in body.parameters),
        *(f"        real {name} = snn_now_{name};" for name in body.states),
        *(f"        {_place(body, k, steps)} = {name};" for k, name in enumerate(body.states)),
        "        real y, events;",
        _indented(body.code, 8),
        "        (void)y; (void)events;",
        *(f"        snn_now_{name} = {name};" for name in body.states),
        "    }",
    ]


def _cuda_back(body: KernelBody, steps: int) -> list[str]:
    """Return the code that takes an element's gradients back through all timesteps."""
    return [
        *(f"    real snn_now_g_{name} = snn_g_{name}[snn_i];" for name in body.states),
        *_cuda_loop("snn_s = {last} - 1; snn_s >= 0; snn_s--", steps),
        "        const real t = (real)(snn_clock + (double)(snn_s + 1)); (void)t;",
        "        const real gy = load(snn_gy[snn_s * snn_gy_step + snn_i]);",
        *(f"        const real {name} = snn_once_{name};" for name in body.parameters),
        *(f"        const real {name} = {_place(body, k, steps)};" for k, name in enumerate(body.states)),
        *(f"        real g_{name} = snn_now_g_{name};" for name in body.states),
        "        real gx;",
        _indented(body.backward, 8),
        "        snn_gx[snn_s * snn_gx_step + snn_i] = store(gx);",
        *(f"        snn_now_g_{name} = g_{name};" for name in body.states),
        "    }",
        *(f"    snn_g_{name}[snn_i] = snn_now_g_{name};" for name in body.states),
    ]


def _cuda_loop(head: str, steps: int) -> list[str]:
    """Return the head of a loop over time, with its input: unrolled whole where the number of steps is known."""
    kind, last, ahead, read = (
        ("int", str(steps), "", "snn_kept[snn_s]")
        if steps
        else ("long long", "snn_steps", f" {AHEAD}", "snn_x[snn_s * snn_x_step + snn_i]")
    )
    return [
        f"    #pragma unroll{ahead}",
        f"    for ({kind} {head.format(last=last)}) {{",
        f"        const real x = load({read});",
    ]


def _place(body: KernelBody, state: int, steps: int) -> str:
    """Return where a state before a timestep is kept."""
    width = len(body.states)
    if steps:
        return f"snn_own[snn_s * {width} + {state}]"
    return f"snn_history[(snn_s * {width} + {state}) * snn_count + snn_i]"


def _indented(code: str, width: int) -> str:
    return indent(dedent(code).strip("\n"), " " * width)
