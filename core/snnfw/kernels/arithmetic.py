"""What generated code computes with: half precision as it lies in memory, and functions that compilers can vectorise.

Nothing here includes a CUDA header: CuPy's wheels bring ``cuda_fp16.h`` but not ``cuda_bf16.h``.
"""

from __future__ import annotations

REALS = {"float32": "float", "float64": "double", "float16": "float", "bfloat16": "float"}
"""The type that a body computes in, for each type that tensors may have: half precision keeps 32-bit states."""

IO_TYPES = {"float32": "float", "float64": "double", "float16": "unsigned short", "bfloat16": "unsigned short"}
"""How an element lies in memory, for both targets."""

PLAIN = """
INLINE real load(io a) { return (real)a; }
INLINE io store(real a) { return (io)a; }
"""

BFLOAT16 = """
typedef union { unsigned int u; float f; } bits;
INLINE real load(io a) { bits v; v.u = (unsigned int)a << 16; return v.f; }
INLINE io store(real a) {
    bits v; v.f = a;
    const unsigned int rounded = (v.u + 0x7fffu + ((v.u >> 16) & 1u)) >> 16;
    return (io)(a == a ? rounded : 0x7fc0u);
}
"""

# Without branches, so that it vectorises. 0x38000000 is what the two types' exponents differ by.
FLOAT16 = """
typedef union { unsigned int u; float f; } bits;
INLINE real load(io a) {
    bits normal, tiny, edge;
    const unsigned int shifted = (a & 0x7fffu) << 13, exponent = shifted & 0x0f800000u;
    normal.u = shifted + (exponent == 0x0f800000u ? 0x70000000u : 0x38000000u);
    tiny.u = shifted + 0x38800000u; edge.u = 0x38800000u; tiny.f = tiny.f - edge.f;
    normal.u = (exponent == 0 ? tiny.u : normal.u) | ((a & 0x8000u) << 16);
    return normal.f;
}
INLINE io store(real a) {
    bits v, tiny; v.f = a;
    const unsigned int sign = (v.u >> 16) & 0x8000u, size = v.u & 0x7fffffffu;
    const unsigned int normal = (size - 0x38000000u + 0xfffu + ((size >> 13) & 1u)) >> 13;
    tiny.u = size; tiny.f = tiny.f + 0.5f;
    const unsigned int finite = size < 0x38800000u ? tiny.u - 0x3f000000u : normal;
    return (io)(sign | (size > 0x7f800000u ? 0x7e00u : size >= 0x47800000u ? 0x7c00u : finite));
}
"""

# The processor's own conversion: 20 integer operations for an element would cost more than reading it.
FLOAT16_ON_GPU = """
INLINE real load(io a) { float f; asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(a)); return f; }
INLINE io store(real a) { io h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(a)); return h; }
"""

CONVERSIONS = {"float32": PLAIN, "float64": PLAIN, "float16": FLOAT16, "bfloat16": BFLOAT16}
CONVERSIONS_ON_GPU = {**CONVERSIONS, "float16": FLOAT16_ON_GPU}

CLAMP = "#define CLAMP(a, low, high) ((a) < (low) ? (low) : ((a) > (high) ? (high) : (a)))"

# A C library's exp and erf are calls, one element at a time. These differ from the true values by at most one and three
# units in the last place; the polynomials are minimax fits, exp's for |r| <= log(2) / 2, erf's split at 1.
FLOAT_FUNCTIONS = """
INLINE float fast_exp(float a) {
    union { unsigned int u; float f; } n, first, second;
    a = CLAMP(a, -104.f, 89.f);
    n.f = a * 1.44269504f + 12582912.f;
    const float k = n.f - 12582912.f;
    const int whole = (int)(n.u - 0x4b400000u), half = whole >> 1;
    const float r = (a - k * 0.693359375f) + k * 2.12194440e-4f;
    const float tail = 0.49999994f + r * (0.16666521f + r * (0.04166839f + r * (0.0083687175f + r * 0.0013814596f)));
    first.u = (unsigned int)(half + 127) << 23;
    second.u = (unsigned int)(whole - half + 127) << 23;
    return (1.f + (r + r * r * tail)) * first.f * second.f;
}
INLINE float fast_erf(float a) {
    const float z = a * a, m = CLAMP(ABS(a), 0.f, 4.f);
    const float slope = 1.1283791f + z * (-0.37612325f + z * (0.112801805f + z * (-0.026711317f
        + z * (0.0049175574f + z * -0.00056314439f))));
    const float depth = 0.00034152219f + m * (1.1270891f + m * (0.63814485f + m * (0.10310676f
        + m * (-0.021838067f + m * (0.0029476590f + m * -0.00018637927f)))));
    const float outer = 1.f - fast_exp(-depth);
    return ABS(a) < 1.f ? a * slope : a < 0.f ? -outer : outer;
}
"""

# A GPU divides in 64 bits with some seventy instructions, and a kernel has little else to do.
PLACE = """
INLINE long long snn_place(long long element, long long inner, long long size) {
    if (size == 1) return 0;
    if ((element | inner | size) >> 32) return (element / inner) % size;
    return (unsigned int)element / (unsigned int)inner % (unsigned int)size;
}
"""


def c_prelude(dtype: str) -> str:
    """Return the beginning of a C function for tensors of a type: types, conversions, functions."""
    real = REALS[dtype]
    suffix = "f" if real == "float" else ""
    functions = [f"#define {name} __builtin_{name.lower()}{suffix}" for name in ("FLOOR", "TANH")]
    functions += [f"#define ABS __builtin_fabs{suffix}", CLAMP]
    if real == "float":
        functions += [FLOAT_FUNCTIONS.strip(), "#define EXP fast_exp", "#define ERF fast_erf"]
    else:
        functions += ["#define EXP __builtin_exp", "#define ERF __builtin_erf"]
    return _prelude("#include <stdint.h>\n#define INLINE static inline", dtype, CONVERSIONS[dtype], functions)


def cuda_prelude(dtype: str) -> str:
    """Return the beginning of a CUDA kernel for tensors of a type: types, conversions, functions."""
    suffix = "f" if REALS[dtype] == "float" else ""
    functions = [f"#define {name} {name.lower()}{suffix}" for name in ("FLOOR", "EXP", "TANH", "ERF")]
    functions += [f"#define ABS fabs{suffix}", CLAMP, PLACE.strip()]
    return _prelude("#define INLINE static __device__ inline", dtype, CONVERSIONS_ON_GPU[dtype], functions)


def _prelude(start: str, dtype: str, conversions: str, functions: list[str]) -> str:
    types = [f"typedef {REALS[dtype]} real;", f"typedef {IO_TYPES[dtype]} io;"]
    return "\n".join([start, *types, conversions.strip(), *functions])
