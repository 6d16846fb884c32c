// Headers of device C, and nothing else that knows a dialect.
#include "codegen/gpu/dialects.h"

namespace weft::gpu {
namespace {

constexpr llvm::StringLiteral kOpencl = R"(#ifndef WEFT_KERNEL
#pragma OPENCL FP_CONTRACT OFF
typedef long weft_i64;
typedef ulong weft_u64;
typedef uint weft_u32;
typedef ushort weft_u16;
typedef uchar weft_u8;
typedef int weft_i32;
typedef short weft_i16;
typedef char weft_i8;
typedef long2 weft_i64x2;
typedef int4 weft_i32x4;
typedef short4 weft_i16x4;
typedef char4 weft_i8x4;
typedef ushort4 weft_u16x4;
typedef uchar4 weft_u8x4;
#define WEFT_KERNEL(threads) __kernel __attribute__((reqd_work_group_size(threads, 1, 1))) void
#define WEFT_FUNCTION static
#define WEFT_GLOBAL __global
#define WEFT_SHARED __local __attribute__((aligned(16)))
#define WEFT_SHARED_POINTER __local
#define WEFT_THREAD ((weft_i64)get_local_id(0))
#define WEFT_BLOCK ((weft_i64)get_group_id(0))
#define WEFT_BLOCKS ((weft_i64)get_num_groups(0))
#define WEFT_BARRIER() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#define WEFT_MEET()
#define WEFT_IS_ALIGNED(pointer, bytes) (((weft_u64)(pointer) & ((bytes) - 1)) == 0)
#define WEFT_UNROLL _Pragma("unroll")
// PoCL 3.1 writes elsewhere where such a loop stands between barriers and is unrolled.
#define WEFT_UNROLL_RUN
#define WEFT_NO_UNROLL _Pragma("unroll 1")
#define WEFT_UNROLL_4 _Pragma("unroll 4")
#define WEFT_FIRST(word, value) atomic_cmpxchg(word, 0u, value)
#define WEFT_MOST(word, value) atomic_max(word, value)
// Memory has no addresses: a view is a buffer and an offset in bytes.
#define WEFT_BUFFER(type, name) __global type* name##_start, weft_i64 name##_offset
#define WEFT_BIND(type, name) \
  __global type* const name = (__global type*)((__global weft_u8*)name##_start + name##_offset)
#define weft_f32_of_bits(bits) as_float(bits)
#define weft_bits_of_f32(x) as_uint(x)
#define weft_f64_of_bits(bits) as_double((ulong)(bits))
#define weft_bits_of_f64(x) as_ulong(x)
#endif
)";

constexpr llvm::StringLiteral kCuda = R"(#ifndef WEFT_KERNEL
typedef long long weft_i64;
typedef unsigned long long weft_u64;
typedef unsigned int weft_u32;
typedef unsigned short weft_u16;
typedef unsigned char weft_u8;
typedef int weft_i32;
typedef short weft_i16;
typedef signed char weft_i8;
typedef longlong2 weft_i64x2;
typedef int4 weft_i32x4;
typedef short4 weft_i16x4;
typedef char4 weft_i8x4;
typedef ushort4 weft_u16x4;
typedef uchar4 weft_u8x4;
#define WEFT_KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)
#define WEFT_FUNCTION static __device__ __forceinline__
#define WEFT_GLOBAL
#define WEFT_SHARED __shared__ __align__(16)
#define WEFT_SHARED_POINTER
#define WEFT_THREAD ((weft_i64)threadIdx.x)
#define WEFT_BLOCK ((weft_i64)blockIdx.x)
#define WEFT_BLOCKS ((weft_i64)gridDim.x)
#define WEFT_BARRIER() __syncthreads()
// Threads of a warp meet. No load moves from in front to behind: ptxas does so with those in a branch.
#define WEFT_MEET() __syncwarp()
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define WEFT_HAS_MMA
#define WEFT_COMMIT_COPIES() asm volatile("cp.async.commit_group;" ::: "memory")
#define WEFT_AWAIT_COPIES(pending) asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory")
#endif
#define WEFT_SHUFFLE_DOWN(x, lanes) __shfl_down_sync(0xffffffffu, x, lanes)
#define WEFT_IS_ALIGNED(pointer, bytes) (((weft_u64)(pointer) & ((bytes) - 1)) == 0)
#define WEFT_UNROLL _Pragma("unroll")
#define WEFT_UNROLL_RUN WEFT_UNROLL
#define WEFT_NO_UNROLL _Pragma("unroll 1")
#define WEFT_UNROLL_4 _Pragma("unroll 4")
#define WEFT_FIRST(word, value) atomicCAS(word, 0u, value)
#define WEFT_MOST(word, value) atomicMax(word, value)
#define WEFT_BUFFER(type, name) type* name##_start
#define WEFT_BIND(type, name) type* const name = name##_start
#define weft_f32_of_bits(bits) __uint_as_float(bits)
#define weft_bits_of_f32(x) __float_as_uint(x)
#define weft_f64_of_bits(bits) __longlong_as_double((long long)(bits))
#define weft_bits_of_f64(x) ((weft_u64)__double_as_longlong(x))
#endif
)";

} // namespace

std::optional<Dialect> dialectNamed(llvm::StringRef name) {
  if (name == "opencl") return Dialect::opencl;
  if (name == "cuda") return Dialect::cuda;
  return std::nullopt;
}

llvm::StringRef headerOf(Dialect dialect) { return dialect == Dialect::opencl ? kOpencl : kCuda; }

} // namespace weft::gpu
