"""Write the backward pass of a neuron that learns out as a C function and as a CUDA kernel."""

from __future__ import annotations

from textwrap import dedent, indent

from snnfw.kernels.arithmetic import c_prelude, cuda_prelude
from snnfw.kernels.body import KernelBody
from snnfw.kernels.source import AHEAD, cuda_parameters

BLOCK = 256
"""Elements that a CPU core takes back through all timesteps at once, with their history in its cache."""


def c_gradient(body: KernelBody, dtype: str) -> str:
    """Return a C function that takes gradients back through time.

    ``run(gradient, gradient_step, x, x_step, gx, gx_step, steps, count, threads, clock, before..., after...,
    parameters)``: ``before`` are the states before the first timestep; ``after`` hold the gradients of the states after
    the last one, and those of the states before the first one when it returns. The states in between are computed
    again, block by block, so that nothing of a timestep has to be kept between forward and backward but its input.
    Names are declared as in ``c_source``.
    """
    lines = [
        c_prelude(dtype),
        "#include <stdlib.h>",
        "int run(const io *snn_gy, int64_t snn_gy_step, const io *snn_x, int64_t snn_x_step, io *snn_gx,",
        "        int64_t snn_gx_step, int64_t snn_steps, int64_t snn_count, int snn_threads, double snn_clock",
        "".join(f",\n        {argument}" for argument in _c_arguments(body)) + ") {",
        f"    const int64_t snn_blocks = (snn_count + {BLOCK - 1}) / {BLOCK};",
        "    int snn_failed = 0;",
        "    #pragma omp parallel num_threads(snn_threads)",
        "    {",
        f"    real *snn_history = malloc(sizeof(real) * (size_t)snn_steps * {BLOCK} * {len(body.states)});",
        "    if (!snn_history) {",
        "        #pragma omp atomic write",
        "        snn_failed = 1;",
        "    }",
        "    #pragma omp for schedule(static)",
        "    for (int64_t snn_b = 0; snn_b < snn_blocks; snn_b++) {",
        "        if (!snn_history) continue;",
        f"        const int64_t snn_start = snn_b * {BLOCK}, snn_rest = snn_count - snn_start;",
        f"        const int64_t snn_length = snn_rest < {BLOCK} ? snn_rest : {BLOCK};",
        *_c_forward_again(body),
        *_c_back(body),
        "    }",
        "    free(snn_history);",
        "    }",
        "    return snn_failed;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _c_arguments(body: KernelBody) -> list[str]:
    arguments = [f"const real *snn_before_{name}" for name in body.states]
    arguments += [f"real *snn_g_{name}" for name in body.states]
    return arguments + [
        f"const real *snn_all_{n}, int64_t snn_inner_{n}, int64_t snn_size_{n}" for n in body.parameters
    ]


def _c_parameters(body: KernelBody, prefix: str = "") -> list[str]:
    return [
        f"const real {prefix}{n} = snn_all_{n}[((snn_start + snn_j) / snn_inner_{n}) % snn_size_{n}];"
        for n in body.parameters
    ]


def _c_forward_again(body: KernelBody) -> list[str]:
    """Return the code that notes the states before each timestep of a block."""
    width = len(body.states)
    return [
        "        for (int64_t snn_j = 0; snn_j < snn_length; snn_j++) {",
        *(f"            {line}" for line in _c_parameters(body, "snn_once_")),
        *(f"            real snn_now_{name} = snn_before_{name}[snn_start + snn_j];" for name in body.states),
        "            for (int64_t snn_s = 0; snn_s < snn_steps; snn_s++) {",
        "                const real t = (real)(snn_clock + (double)(snn_s + 1)); (void)t;",
        "                const real x = load(snn_x[snn_s * snn_x_step + snn_start + snn_j]);",
        *(f"                const real {name} = snn_once_{name};" for name in body.parameters),
        *(f"                real {name} = snn_now_{name};" for name in body.states),
        *(
            f"                snn_history[(snn_s * {width} + {k}) * {BLOCK} + snn_j] = {name};"
            for k, name in enumerate(body.states)
        ),
        "                real y, events;",
        _indented(body.code, 16),
        "                (void)y; (void)events;",
        *(f"                snn_now_{name} = {name};" for name in body.states),
        "            }",
        "        }",
    ]


def _c_back(body: KernelBody) -> list[str]:
    """Return the code that takes the gradients of a block back through all timesteps."""
    width = len(body.states)
    return [
        "        for (int64_t snn_s = snn_steps - 1; snn_s >= 0; snn_s--) {",
        "            const real snn_t = (real)(snn_clock + (double)(snn_s + 1));",
        "            #pragma omp simd",
        "            for (int64_t snn_j = 0; snn_j < snn_length; snn_j++) {",
        "                const real t = snn_t; (void)t;",
        "                const real x = load(snn_x[snn_s * snn_x_step + snn_start + snn_j]);",
        "                const real gy = load(snn_gy[snn_s * snn_gy_step + snn_start + snn_j]);",
        *(f"                {line}" for line in _c_parameters(body)),
        *(
            f"                const real {name} = snn_history[(snn_s * {width} + {k}) * {BLOCK} + snn_j];"
            for k, name in enumerate(body.states)
        ),
        *(f"                real g_{name} = snn_g_{name}[snn_start + snn_j];" for name in body.states),
        "                real gx;",
        _indented(body.backward, 16),
        "                snn_gx[snn_s * snn_gx_step + snn_start + snn_j] = store(gx);",
        *(f"                snn_g_{name}[snn_start + snn_j] = g_{name};" for name in body.states),
        "            }",
        "        }",
    ]


def cuda_gradient(body: KernelBody, dtype: str) -> str:
    """Return a CUDA kernel that takes gradients back through time, one thread to an element.

    ``run(gradient, gradient_step, x, x_step, gx, gx_step, steps, count, clock, history, before..., after...,
    parameters)``: as in C, with the recomputed states in ``history`` [T, states, elements].
    """
    arguments = [f"const real *__restrict__ snn_before_{name}" for name in body.states]
    arguments += [f"real *__restrict__ snn_g_{name}" for name in body.states]
    arguments += [
        f"const real *__restrict__ snn_all_{n}, const long long snn_inner_{n}, const long long snn_size_{n}"
        for n in body.parameters
    ]
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
        *_cuda_forward_again(body),
        *_cuda_back(body),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _cuda_forward_again(body: KernelBody) -> list[str]:
    width = len(body.states)
    return [
        *(f"    real snn_now_{name} = snn_before_{name}[snn_i];" for name in body.states),
        f"    #pragma unroll {AHEAD}",
        "    for (long long snn_s = 0; snn_s < snn_steps; snn_s++) {",
        "        const real t = (real)(snn_clock + (double)(snn_s + 1)); (void)t;",
        "        const real x = load(snn_x[snn_s * snn_x_step + snn_i]);",
        *(f"        const real {name} = snn_once_{name};" for name in body.parameters),
        *(f"        real {name} = snn_now_{name};" for name in body.states),
        *(
            f"        snn_history[(snn_s * {width} + {k}) * snn_count + snn_i] = {name};"
            for k, name in enumerate(body.states)
        ),
        "        real y, events;",
        _indented(body.code, 8),
        "        (void)y; (void)events;",
        *(f"        snn_now_{name} = {name};" for name in body.states),
        "    }",
    ]


def _cuda_back(body: KernelBody) -> list[str]:
    width = len(body.states)
    return [
        *(f"    real snn_now_g_{name} = snn_g_{name}[snn_i];" for name in body.states),
        f"    #pragma unroll {AHEAD}",
        "    for (long long snn_s = snn_steps - 1; snn_s >= 0; snn_s--) {",
        "        const real t = (real)(snn_clock + (double)(snn_s + 1)); (void)t;",
        "        const real x = load(snn_x[snn_s * snn_x_step + snn_i]);",
        "        const real gy = load(snn_gy[snn_s * snn_gy_step + snn_i]);",
        *(f"        const real {name} = snn_once_{name};" for name in body.parameters),
        *(
            f"        const real {name} = snn_history[(snn_s * {width} + {k}) * snn_count + snn_i];"
            for k, name in enumerate(body.states)
        ),
        *(f"        real g_{name} = snn_now_g_{name};" for name in body.states),
        "        real gx;",
        _indented(body.backward, 8),
        "        snn_gx[snn_s * snn_gx_step + snn_i] = store(gx);",
        *(f"        snn_now_g_{name} = g_{name};" for name in body.states),
        "    }",
        *(f"    snn_g_{name}[snn_i] = snn_now_g_{name};" for name in body.states),
    ]


def _indented(code: str, width: int) -> str:
    return indent(dedent(code).strip("\n"), " " * width)
