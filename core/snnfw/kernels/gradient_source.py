"""Write the backward pass of a neuron that learns out as a C function and as a CUDA kernel."""

from __future__ import annotations

from textwrap import dedent, indent

from snnfw.kernels.arithmetic import c_prelude, cuda_prelude
from snnfw.kernels.body import KernelBody

BLOCK = 256
"""Elements that a CPU core takes back through all timesteps at once, with their history in its cache."""


def c_gradient(body: KernelBody, dtype: str) -> str:
    """Return a C function that takes gradients back through time.

    ``run(gradient, gradient_step, x, x_step, gx, gx_step, steps, count, threads, clock, before..., after...,
    parameters)``: ``before`` are the states before the first timestep; ``after`` hold the gradients of the states after
    the last one, and those of the states before the first one when it returns. The states in between are computed
    again, block by block, so that nothing of a timestep has to be kept between forward and backward but its input.
    """
    lines = [
        c_prelude(dtype),
        "#include <stdlib.h>",
        "int run(const io *gradient, int64_t gradient_step, const io *x_all, int64_t x_step, io *gx_all,",
        "        int64_t gx_step, int64_t steps, int64_t count, int threads, double clock",
        "".join(f",\n        {argument}" for argument in _c_arguments(body)) + ") {",
        f"    const int64_t blocks = (count + {BLOCK - 1}) / {BLOCK};",
        "    int failed = 0;",
        "    #pragma omp parallel num_threads(threads)",
        "    {",
        f"    real *history = malloc(sizeof(real) * (size_t)steps * {BLOCK} * {len(body.states)});",
        "    if (!history) {",
        "        #pragma omp atomic write",
        "        failed = 1;",
        "    }",
        "    #pragma omp for schedule(static)",
        "    for (int64_t b = 0; b < blocks; b++) {",
        "        if (!history) continue;",
        f"        const int64_t start = b * {BLOCK}, rest = count - start, length = rest < {BLOCK} ? rest : {BLOCK};",
        *_c_forward_again(body),
        *_c_back(body),
        "    }",
        "    free(history);",
        "    }",
        "    return failed;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _c_arguments(body: KernelBody) -> list[str]:
    arguments = [f"const real *{name}_before" for name in body.states]
    arguments += [f"real *g_{name}_all" for name in body.states]
    return arguments + [f"const real *{n}_all, int64_t {n}_inner, int64_t {n}_size" for n in body.parameters]


def _c_parameters(body: KernelBody) -> list[str]:
    return [f"const real {n} = {n}_all[((start + j) / {n}_inner) % {n}_size];" for n in body.parameters]


def _c_forward_again(body: KernelBody) -> list[str]:
    """Return the code that notes the states before each timestep of a block."""
    width = len(body.states)
    return [
        "        for (int64_t j = 0; j < length; j++) {",
        *(f"            {line}" for line in _c_parameters(body)),
        *(f"            real {name} = {name}_before[start + j];" for name in body.states),
        "            for (int64_t s = 0; s < steps; s++) {",
        "                const real t = (real)(clock + (double)(s + 1)); (void)t;",
        "                const real x = load(x_all[s * x_step + start + j]);",
        *(f"                history[(s * {width} + {k}) * {BLOCK} + j] = {n};" for k, n in enumerate(body.states)),
        "                real y, events;",
        _indented(body.code, 16),
        "                (void)y; (void)events;",
        "            }",
        "        }",
    ]


def _c_back(body: KernelBody) -> list[str]:
    """Return the code that takes the gradients of a block back through all timesteps."""
    width = len(body.states)
    return [
        "        for (int64_t s = steps - 1; s >= 0; s--) {",
        "            const real t = (real)(clock + (double)(s + 1)); (void)t;",
        "            #pragma omp simd",
        "            for (int64_t j = 0; j < length; j++) {",
        *(f"                {line}" for line in _c_parameters(body)),
        "                const real x = load(x_all[s * x_step + start + j]);",
        "                const real gy = load(gradient[s * gradient_step + start + j]);",
        *(
            f"                const real {n} = history[(s * {width} + {k}) * {BLOCK} + j];"
            for k, n in enumerate(body.states)
        ),
        *(f"                real g_{name} = g_{name}_all[start + j];" for name in body.states),
        "                real gx;",
        _indented(body.backward, 16),
        "                gx_all[s * gx_step + start + j] = store(gx);",
        *(f"                g_{name}_all[start + j] = g_{name};" for name in body.states),
        "            }",
        "        }",
    ]


def cuda_gradient(body: KernelBody, dtype: str) -> str:
    """Return a CUDA kernel that takes gradients back through time, one thread to an element.

    ``run(gradient, gradient_step, x, x_step, gx, gx_step, steps, count, clock, history, before..., after...,
    parameters)``: as in C, with the recomputed states in ``history`` [T, states, elements].
    """
    arguments = [f"const real *__restrict__ {name}_before" for name in body.states]
    arguments += [f"real *__restrict__ g_{name}_all" for name in body.states]
    arguments += [
        f"const real *__restrict__ {n}_all, const long long {n}_inner, const long long {n}_size"
        for n in body.parameters
    ]
    width = len(body.states)
    lines = [
        cuda_prelude(dtype),
        'extern "C" __global__ void run(const io *gradient, const long long gradient_step, const io *x_all,',
        "        const long long x_step, io *gx_all, const long long gx_step, const long long steps,",
        "        const long long count, const double clock, real *history"
        + "".join(f",\n        {a}" for a in arguments)
        + ") {",
        "    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;",
        "    if (i >= count) return;",
        *(f"    const real {n} = {n}_all[(i / {n}_inner) % {n}_size];" for n in body.parameters),
        "    {",
        *(f"        real {name} = {name}_before[i];" for name in body.states),
        "        for (long long s = 0; s < steps; s++) {",
        "            const real t = (real)(clock + (double)(s + 1)); (void)t;",
        "            const real x = load(x_all[s * x_step + i]);",
        *(f"            history[(s * {width} + {k}) * count + i] = {name};" for k, name in enumerate(body.states)),
        "            real y, events;",
        _indented(body.code, 12),
        "            (void)y; (void)events;",
        "        }",
        "    }",
        *(f"    real g_{name} = g_{name}_all[i];" for name in body.states),
        "    for (long long s = steps - 1; s >= 0; s--) {",
        "        const real t = (real)(clock + (double)(s + 1)); (void)t;",
        "        const real x = load(x_all[s * x_step + i]);",
        "        const real gy = load(gradient[s * gradient_step + i]);",
        *(
            f"        const real {name} = history[(s * {width} + {k}) * count + i];"
            for k, name in enumerate(body.states)
        ),
        "        real gx;",
        _indented(body.backward, 8),
        "        gx_all[s * gx_step + i] = store(gx);",
        "    }",
        *(f"    g_{name}_all[i] = g_{name};" for name in body.states),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _indented(code: str, width: int) -> str:
    return indent(dedent(code).strip("\n"), " " * width)
