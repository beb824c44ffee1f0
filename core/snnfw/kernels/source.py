"""Write a neuron's body out as a C function for CPUs and as a CUDA kernel for GPUs."""

from __future__ import annotations

import functools

from snnfw.kernels.arithmetic import c_prelude, cuda_prelude
from snnfw.kernels.body import KernelBody

BLOCK = 128
"""Elements that a CPU core takes through all timesteps at once: few enough that their states, parameters and events
stay in its first cache. Where there are fewer for each thread, it takes those."""

AHEAD = 4
"""Timesteps that a GPU's thread reads before it computes the first of them, so that it waits for memory once."""


SPREAD = """
static void snn_spread(real *block, const real *all, int64_t inner, int64_t size, int64_t start, int64_t length)
{
    int64_t index = (start / inner) % size, left = inner - start % inner;
    for (int64_t j = 0; j < length; j++) {
        block[j] = all[index];
        if (--left == 0) { left = inner; if (++index == size) index = 0; }
    }
}
"""
"""Writes a parameter out for a range of elements, with no division for each."""


def c_source(body: KernelBody, dtype: str, scalars: frozenset[str] = frozenset()) -> str:
    """Return a C function that runs all timesteps of a range of elements, vectorised over elements.

    ``run(x, x_step, y, y_step, steps, count, threads, clock, events, states..., (parameter, inner, size)...)``: steps
    are strides in elements; element i reads parameter[(i / inner) % size]. Parameters among ``scalars`` are read
    once. Everything that a body names is declared in one scope, so that a name taken twice doesn't compile; all other
    names begin with ``snn_``.
    """
    arguments = [f"real *restrict snn_all_{name}" for name in body.states]
    arguments += [
        f"const real *restrict snn_all_{n}, int64_t snn_inner_{n}, int64_t snn_size_{n}" for n in body.parameters
    ]
    lines = [
        c_prelude(dtype),
        SPREAD.strip(),
        "void run(const io *snn_x, int64_t snn_x_step, io *snn_y, int64_t snn_y_step, int64_t snn_steps,",
        "         int64_t snn_count, int snn_threads, double snn_clock, real *snn_events"
        + "".join(f",\n         {a}" for a in arguments)
        + ") {",
        *c_shares(str(BLOCK)),
        "    #pragma omp parallel for schedule(static) num_threads(snn_threads)",
        *c_each_block(),
        *_c_block_in(body, scalars),
        "        for (int64_t snn_s = 0; snn_s < snn_steps; snn_s++) {",
        "            const real snn_t = (real)(snn_clock + (double)(snn_s + 1));",
        "            const io *snn_xs = snn_x + snn_s * snn_x_step + snn_start;",
        "            io *snn_ys = snn_y + snn_s * snn_y_step + snn_start;",
        "            #pragma omp simd",
        "            for (int64_t snn_j = 0; snn_j < snn_length; snn_j++) {",
        "                const real x = load(snn_xs[snn_j]), t = snn_t;",
        "                (void)t;",
        *c_parameters(body, scalars),
        *(f"                real {name} = snn_block_{name}[snn_j];" for name in body.states),
        "                real y, events;",
        *_indented(body.code, 16),
        "                snn_ys[snn_j] = store(y); snn_block_events[snn_j] += events;",
        *(f"                snn_block_{name}[snn_j] = {name};" for name in body.states),
        "            }",
        "        }",
        *_c_block_out(body),
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def c_parameters(body: KernelBody, scalars: frozenset[str]) -> list[str]:
    """Return the code that names an element's parameters, from what ``c_block_of_parameters`` has laid out."""
    return [
        f"                const real {n} = snn_{f'once_{n}' if n in scalars else f'block_{n}[snn_j]'};"
        for n in body.parameters
    ]


def c_block_of_parameters(body: KernelBody, scalars: frozenset[str], block: int) -> list[str]:
    """Return the code that writes a block's parameters out into arrays that stay in the cache, scalars once."""
    spread = [name for name in body.parameters if name not in scalars]
    return [
        *(f"        real snn_block_{name}[{block}];" for name in spread),
        *(f"        const real snn_once_{name} = snn_all_{name}[0];" for name in body.parameters if name in scalars),
        *(
            f"        snn_spread(snn_block_{n}, snn_all_{n}, snn_inner_{n}, snn_size_{n}, snn_start, snn_length);"
            for n in spread
        ),
    ]


def c_shares(most: str) -> list[str]:
    """Return the code that divides elements into blocks of at most so many, one at least for each thread."""
    return [
        "    const int64_t snn_share = (snn_count + snn_threads - 1) / snn_threads;",
        "    const int64_t snn_even = (snn_share + 63) / 64 * 64;",
        f"    const int64_t snn_most = {most}, snn_width = snn_even < snn_most ? snn_even : snn_most;",
        "    const int64_t snn_blocks = (snn_count + snn_width - 1) / snn_width;",
    ]


def c_each_block() -> list[str]:
    """Return the head of a loop over blocks, with the place and the length of each."""
    return [
        "    for (int64_t snn_b = 0; snn_b < snn_blocks; snn_b++) {",
        "        const int64_t snn_start = snn_b * snn_width, snn_rest = snn_count - snn_start;",
        "        const int64_t snn_length = snn_rest < snn_width ? snn_rest : snn_width;",
    ]


def _c_block_in(body: KernelBody, scalars: frozenset[str]) -> list[str]:
    """Return the code that copies a block's states and parameters into arrays that stay in the cache."""
    each = "        for (int64_t j = 0; j < snn_length; j++)"
    return [
        f"        real snn_block_events[{BLOCK}];",
        *(f"        real snn_block_{name}[{BLOCK}];" for name in body.states),
        *c_block_of_parameters(body, scalars, BLOCK),
        *(f"{each} snn_block_{name}[j] = snn_all_{name}[snn_start + j];" for name in body.states),
        f"{each} snn_block_events[j] = 0;",
    ]


def _c_block_out(body: KernelBody) -> list[str]:
    each = "        for (int64_t j = 0; j < snn_length; j++)"
    return [
        *(f"{each} snn_all_{name}[snn_start + j] = snn_block_{name}[j];" for name in body.states),
        f"        if (snn_events)\n    {each} snn_events[snn_start + j] += snn_block_events[j];",
    ]


@functools.cache
def cuda_source(body: KernelBody, dtype: str) -> str:
    """Return a CUDA kernel in which each thread takes one element through all timesteps, its state in registers.

    ``run(x, x_step, y, y_step, steps, count, clock, events, states..., (parameter, inner, size)...)``.
    """
    arguments = [f"real *__restrict__ snn_all_{name}" for name in body.states]
    arguments += [
        f"const real *__restrict__ snn_all_{n}, const long long snn_inner_{n}, const long long snn_size_{n}"
        for n in body.parameters
    ]
    lines = [
        cuda_prelude(dtype),
        'extern "C" __global__ void run(',
        "        const io *snn_x, const long long snn_x_step, io *snn_y, const long long snn_y_step,",
        "        const long long snn_steps, const long long snn_count, const double snn_clock, real *snn_events"
        + "".join(f",\n        {a}" for a in arguments)
        + ") {",
        "    const long long snn_i = (long long)blockIdx.x * blockDim.x + threadIdx.x;",
        "    if (snn_i >= snn_count) return;",
        *cuda_parameters(body),
        *(f"    real snn_now_{name} = snn_all_{name}[snn_i];" for name in body.states),
        "    real snn_sum = 0;",
        f"    for (long long snn_begun = 0; snn_begun < snn_steps; snn_begun += {AHEAD}) {{",
        f"        io snn_ahead[{AHEAD}];",
        "        #pragma unroll",
        f"        for (int snn_k = 0; snn_k < {AHEAD}; snn_k++)",
        "            if (snn_begun + snn_k < snn_steps)",
        "                snn_ahead[snn_k] = snn_x[(snn_begun + snn_k) * snn_x_step + snn_i];",
        "        #pragma unroll",
        f"        for (int snn_k = 0; snn_k < {AHEAD}; snn_k++) {{",
        "            const long long snn_s = snn_begun + snn_k;",
        "            if (snn_s >= snn_steps) break;",
        "            const real x = load(snn_ahead[snn_k]);",
        "            const real t = (real)(snn_clock + (double)(snn_s + 1));",
        "            (void)t;",
        *(f"            const real {name} = snn_once_{name};" for name in body.parameters),
        *(f"            real {name} = snn_now_{name};" for name in body.states),
        "            real y, events;",
        *_indented(body.code, 12),
        "            snn_y[snn_s * snn_y_step + snn_i] = store(y); snn_sum += events;",
        *(f"            snn_now_{name} = {name};" for name in body.states),
        "        }",
        "    }",
        *(f"    snn_all_{name}[snn_i] = snn_now_{name};" for name in body.states),
        "    if (snn_events) snn_events[snn_i] += snn_sum;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def cuda_parameters(body: KernelBody) -> list[str]:
    """Return the code that reads a thread's parameters."""
    return [
        f"    const real snn_once_{n} = snn_all_{n}[snn_place(snn_i, snn_inner_{n}, snn_size_{n})];"
        for n in body.parameters
    ]


def _indented(code: str, width: int) -> list[str]:
    return [" " * width + line.strip() for line in code.strip().splitlines()]
