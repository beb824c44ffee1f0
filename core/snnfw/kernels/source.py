"""Write a neuron's body out as a C function for CPUs and as a CUDA kernel for GPUs."""

from __future__ import annotations

import functools

from snnfw.kernels.arithmetic import c_prelude, cuda_prelude
from snnfw.kernels.body import KernelBody

BLOCK = 1024
"""Elements that a CPU core takes through all timesteps at once: their states stay in its first cache."""


def c_source(body: KernelBody, dtype: str, scalars: frozenset[str] = frozenset()) -> str:
    """Return a C function that runs all timesteps of a range of elements, vectorised over elements.

    ``run(x, x_step, y, y_step, steps, count, threads, clock, events, states..., (parameter, inner, size)...)``: steps
    are strides in elements; element i reads parameter[(i / inner) % size]. Parameters among ``scalars`` are read
    once. Everything that a body names is declared in one scope, so that a name taken twice doesn't compile.
    """
    spread = [name for name in body.parameters if name not in scalars]
    arguments = [f"real *restrict {name}_all" for name in body.states]
    arguments += [f"const real *restrict {n}_all, int64_t {n}_inner, int64_t {n}_size" for n in body.parameters]
    lines = [
        c_prelude(dtype),
        "static void spread(real *block, const real *all, int64_t inner, int64_t size, int64_t start, int64_t length)",
        "{",
        "    int64_t index = (start / inner) % size, left = inner - start % inner;",
        "    for (int64_t j = 0; j < length; j++) {",
        "        block[j] = all[index];",
        "        if (--left == 0) { left = inner; if (++index == size) index = 0; }",
        "    }",
        "}",
        "void run(const io *x_all, int64_t x_step, io *y_all, int64_t y_step, int64_t steps, int64_t count,",
        "         int threads, double clock, real *events_all" + "".join(f",\n         {a}" for a in arguments) + ") {",
        f"    const int64_t blocks = (count + {BLOCK - 1}) / {BLOCK};",
        "    #pragma omp parallel for schedule(static) num_threads(threads)",
        "    for (int64_t b = 0; b < blocks; b++) {",
        f"        const int64_t start = b * {BLOCK}, rest = count - start, length = rest < {BLOCK} ? rest : {BLOCK};",
        f"        real events_block[{BLOCK}];",
        *(f"        real {name}_block[{BLOCK}];" for name in (*body.states, *spread)),
        *(f"        const real {name}_once = {name}_all[0];" for name in body.parameters if name in scalars),
        *(f"        for (int64_t j = 0; j < length; j++) {n}_block[j] = {n}_all[start + j];" for n in body.states),
        *(f"        spread({n}_block, {n}_all, {n}_inner, {n}_size, start, length);" for n in spread),
        "        for (int64_t j = 0; j < length; j++) events_block[j] = 0;",
        "        for (int64_t s = 0; s < steps; s++) {",
        "            const real t_once = (real)(clock + (double)(s + 1));",
        "            const io *xs = x_all + s * x_step + start; io *ys = y_all + s * y_step + start;",
        "            #pragma omp simd",
        "            for (int64_t j = 0; j < length; j++) {",
        "                const real x = load(xs[j]), t = t_once;",
        "                (void)t;",
        *(f"                const real {n} = {n}_{'once' if n in scalars else 'block[j]'};" for n in body.parameters),
        *(f"                real {name} = {name}_block[j];" for name in body.states),
        "                real y, events;",
        *_indented(body.code, 16),
        "                ys[j] = store(y); events_block[j] += events;",
        *(f"                {name}_block[j] = {name};" for name in body.states),
        "            }",
        "        }",
        *(f"        for (int64_t j = 0; j < length; j++) {n}_all[start + j] = {n}_block[j];" for n in body.states),
        "        if (events_all) for (int64_t j = 0; j < length; j++) events_all[start + j] += events_block[j];",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


@functools.cache
def cuda_source(body: KernelBody, dtype: str) -> str:
    """Return a CUDA kernel in which each thread takes one element through all timesteps, its state in registers.

    ``run(x, x_step, y, y_step, steps, count, clock, events, states..., (parameter, inner, size)...)``.
    """
    arguments = [f"real *__restrict__ {name}_all" for name in body.states]
    arguments += [
        f"const real *__restrict__ {n}_all, const long long {n}_inner, const long long {n}_size"
        for n in body.parameters
    ]
    lines = [
        cuda_prelude(dtype),
        'extern "C" __global__ void run(const io *x_all, const long long x_step, io *y_all, const long long y_step,',
        "        const long long steps, const long long count, const double clock, real *events_all"
        + "".join(f",\n        {a}" for a in arguments)
        + ") {",
        "    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;",
        "    if (i >= count) return;",
        *(f"    const real {n}_once = {n}_all[(i / {n}_inner) % {n}_size];" for n in body.parameters),
        *(f"    real {name}_now = {name}_all[i];" for name in body.states),
        "    real events_sum = 0;",
        "    for (long long s = 0; s < steps; s++) {",
        "        const real x = load(x_all[s * x_step + i]), t = (real)(clock + (double)(s + 1));",
        "        (void)t;",
        *(f"        const real {name} = {name}_once;" for name in body.parameters),
        *(f"        real {name} = {name}_now;" for name in body.states),
        "        real y, events;",
        *_indented(body.code, 8),
        "        y_all[s * y_step + i] = store(y); events_sum += events;",
        *(f"        {name}_now = {name};" for name in body.states),
        "    }",
        *(f"    {name}_all[i] = {name}_now;" for name in body.states),
        "    if (events_all) events_all[i] += events_sum;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _indented(code: str, width: int) -> list[str]:
    return [" " * width + line.strip() for line in code.strip().splitlines()]
