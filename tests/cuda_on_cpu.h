// What CUDA C++ gives a kernel, for a compiler of the host: every thread runs alone, one after the other.
//
// Kernels here neither share memory nor wait for each other, so that this is what a GPU computes, but for the last bits
// of its own expf, tanhf and erff.
#pragma once
#include <math.h>

#define __global__
#define __device__

struct cuda_index { unsigned int x, y, z; };
static cuda_index blockIdx, threadIdx, blockDim, gridDim;

static inline float half_to_float(unsigned short bits) {
    _Float16 half;
    __builtin_memcpy(&half, &bits, 2);
    return (float)half;
}
static inline unsigned short float_to_half(float value) {
    const _Float16 half = (_Float16)value;
    unsigned short bits;
    __builtin_memcpy(&bits, &half, 2);
    return bits;
}

// One letter for each parameter, of the kind that the driver would copy so many bytes for.
template <class T> struct kind;
template <class T> struct kind<T *> { static const char letter = 'p'; };
template <> struct kind<long long> { static const char letter = 'i'; };
template <> struct kind<double> { static const char letter = 'f'; };

template <class T> struct plain { typedef T type; };
template <class T> struct plain<const T> { typedef T type; };

template <class... P> void write_kinds(void (*)(P...), char *letters) {
    const char all[] = {kind<typename plain<P>::type>::letter..., 0};
    __builtin_memcpy(letters, all, sizeof all);
}

template <int... I> struct indices {};
template <int N, int... I> struct count : count<N - 1, N - 1, I...> {};
template <int... I> struct count<0, I...> { typedef indices<I...> type; };

template <class... P, int... I> void call(void (*kernel)(P...), void **arguments, indices<I...>) {
    kernel(*static_cast<typename plain<P>::type *>(arguments[I])...);
}

// As cuLaunchKernel: a pointer to each argument. `backwards` runs threads in the opposite order, which must not matter.
template <class... P>
void launch(void (*kernel)(P...), unsigned int grid, unsigned int block, void **arguments, int backwards) {
    gridDim.x = grid;
    blockDim.x = block;
    const unsigned long long threads = (unsigned long long)grid * block;
    for (unsigned long long n = 0; n < threads; n++) {
        const unsigned long long thread = backwards ? threads - 1 - n : n;
        blockIdx.x = (unsigned int)(thread / block);
        threadIdx.x = (unsigned int)(thread % block);
        call(kernel, arguments, typename count<sizeof...(P)>::type());
    }
}
