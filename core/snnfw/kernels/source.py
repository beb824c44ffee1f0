"""Write a neuron's body out as a C function for CPUs and as a CUDA kernel for GPUs."""

from __future__ import annotations

from snnfw.kernels.body import KernelBody

REALS = {"float32": "float", "float64": "double", "float16": "float", "bfloat16": "float"}
"""The type that a body computes in, for each type that tensors may have: half precision keeps 32-bit states."""

C_TYPES = {"float32": "float", "float64": "double", "float16": "_Float16", "bfloat16": "uint16_t"}
CUDA_TYPES = {"float32": "float", "float64": "double", "float16": "__half", "bfloat16": "__nv_bfloat16"}

C_BFLOAT = """static inline real load(io a) { union { uint32_t u; float f; } v; v.u = (uint32_t)a << 16; return v.f; }
static inline io store(real a) {
    union { float f; uint32_t u; } v; v.f = a;
    uint32_t rounded = (v.u + 0x7fffu + ((v.u >> 16) & 1u)) >> 16;
    return (io)(a == a ? rounded : 0x7fc0u);
}"""
C_PLAIN = "static inline real load(io a) { return (real)a; }\nstatic inline io store(real a) { return (io)a; }"

CUDA_LOADS = {
    "float16": "#include <cuda_fp16.h>\n#define load(a) __half2float(a)\n#define store(a) __float2half_rn(a)",
    "bfloat16": "#include <cuda_bf16.h>\n#define load(a) __bfloat162float(a)\n#define store(a) __float2bfloat16_rn(a)",
}

CLAMP = "#define CLAMP(a, low, high) ((a) < (low) ? (low) : ((a) > (high) ? (high) : (a)))"

BLOCK = 4096
"""Elements that a CPU core takes through all timesteps at once: their states stay in its first cache."""


def c_source(body: KernelBody, dtype: str, scalars: frozenset[str] = frozenset()) -> str:
    """Return a C function that runs all timesteps of a range of elements, vectorised over elements.

    ``run(x, x_step, y, y_step, steps, count, threads, clock, events, states..., (parameter, inner, size)...)``: steps are
    strides in elements; element i reads parameter[(i / inner) % size]. Parameters among ``scalars`` are read once.
    """
    spread = [name for name in body.parameters if name not in scalars]
    real, suffix = REALS[dtype], "f" if REALS[dtype] == "float" else ""
    arguments = [f"real *restrict {name}_all" for name in body.states]
    arguments += [f"const real *restrict {n}_all, int64_t {n}_inner, int64_t {n}_size" for n in body.parameters]
    lines = [
        "#include <math.h>",
        "#include <stdint.h>",
        f"typedef {real} real;",
        f"typedef {C_TYPES[dtype]} io;",
        C_BFLOAT if dtype == "bfloat16" else C_PLAIN,
        *(f"#define {name} __builtin_{name.lower()}{suffix}" for name in ("FLOOR", "EXP", "TANH", "ERF")),
        f"#define ABS __builtin_fabs{suffix}",
        CLAMP,
        "static void spread(real *block, const real *all, int64_t inner, int64_t size, int64_t start, int64_t length) {",
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
        *(f"        const real {name} = {name}_all[0];" for name in body.parameters if name in scalars),
        *(f"        for (int64_t j = 0; j < length; j++) {n}_block[j] = {n}_all[start + j];" for n in body.states),
        *(f"        spread({n}_block, {n}_all, {n}_inner, {n}_size, start, length);" for n in spread),
        "        for (int64_t j = 0; j < length; j++) events_block[j] = 0;",
        "        for (int64_t s = 0; s < steps; s++) {",
        "            const real t = (real)(clock + (double)(s + 1));",
        "            const io *xs = x_all + s * x_step + start; io *ys = y_all + s * y_step + start;",
        "            (void)t;",
        "            #pragma omp simd",
        "            for (int64_t j = 0; j < length; j++) {",
        "                const real x = load(xs[j]);",
        *(f"                const real {name} = {name}_block[j];" for name in spread),
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


def cuda_source(body: KernelBody, dtype: str) -> str:
    """Return a CUDA kernel in which each thread takes one element through all timesteps, its state in registers.

    ``run(x, x_step, y, y_step, steps, count, clock, events, states..., (parameter, inner, size)...)``.
    """
    real, suffix = REALS[dtype], "f" if REALS[dtype] == "float" else ""
    arguments = [f"real *__restrict__ {name}_all" for name in body.states]
    arguments += [
        f"const real *__restrict__ {n}_all, const long long {n}_inner, const long long {n}_size"
        for n in body.parameters
    ]
    lines = [
        f"typedef {real} real;",
        CUDA_LOADS.get(dtype, "#define load(a) (a)\n#define store(a) (a)"),
        f"typedef {CUDA_TYPES[dtype]} io;",
        *(f"#define {name} {name.lower()}{suffix}" for name in ("FLOOR", "EXP", "TANH", "ERF")),
        f"#define ABS fabs{suffix}",
        CLAMP,
        'extern "C" __global__ void run(const io *x_all, const long long x_step, io *y_all, const long long y_step,',
        "        const long long steps, const long long count, const double clock, real *events_all"
        + "".join(f",\n        {a}" for a in arguments)
        + ") {",
        "    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;",
        "    if (i >= count) return;",
        *(f"    const real {n} = {n}_all[(i / {n}_inner) % {n}_size];" for n in body.parameters),
        *(f"    real {name} = {name}_all[i];" for name in body.states),
        "    real total = 0;",
        "    for (long long s = 0; s < steps; s++) {",
        "        const real t = (real)(clock + (double)(s + 1));",
        "        (void)t;",
        "        const real x = load(x_all[s * x_step + i]);",
        "        real y, events;",
        *_indented(body.code, 8),
        "        y_all[s * y_step + i] = store(y); total += events;",
        "    }",
        *(f"    {name}_all[i] = {name};" for name in body.states),
        "    if (events_all) events_all[i] += total;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _indented(code: str, width: int) -> list[str]:
    return [" " * width + line.strip() for line in code.strip().splitlines()]
