// NVIDIA's driver API: what of it the backend calls, found by dlopen. Prototypes as in cuda.h of
// the CUDA toolkit, which need not be installed where this is built. A suffix such as _v2 belongs
// to a function's name in the library; cuda.h hides it behind macros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

struct CUctx_st;
struct CUstream_st;
struct CUevent_st;
struct CUmod_st;
struct CUfunc_st;

namespace weft::device::cuda {

using Result = int;
using DeviceNumber = int;
using DevicePointer = unsigned long long;
using ContextHandle = CUctx_st*;
using StreamHandle = CUstream_st*;
using EventHandle = CUevent_st*;
using ModuleHandle = CUmod_st*;
using FunctionHandle = CUfunc_st*;

// Of the enumerations of cuda.h.
inline constexpr Result kSuccess = 0, kOutOfMemory = 2, kNotReady = 600;
inline constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76; // CU_DEVICE_ATTRIBUTE_...
inline constexpr int kMostThreads = 1;
inline constexpr unsigned kNonBlockingStream = 1, kEventWithTiming = 0, kEventWithoutTiming = 2;

// clang-format off
#define WEFT_CUDA_FUNCTIONS(row) \
  row(cuInit, unsigned flags) \
  row(cuGetErrorName, Result code, const char** name) \
  row(cuGetErrorString, Result code, const char** text) \
  row(cuDriverGetVersion, int* version) \
  row(cuDeviceGetCount, int* count) \
  row(cuDeviceGet, DeviceNumber* device, int index) \
  row(cuDeviceGetName, char* name, int length, DeviceNumber device) \
  row(cuDeviceGetAttribute, int* value, int attribute, DeviceNumber device) \
  row(cuDeviceTotalMem_v2, size_t* nbytes, DeviceNumber device) \
  row(cuDevicePrimaryCtxRetain, ContextHandle* context, DeviceNumber device) \
  row(cuDevicePrimaryCtxRelease_v2, DeviceNumber device) \
  row(cuCtxPushCurrent_v2, ContextHandle context) \
  row(cuCtxPopCurrent_v2, ContextHandle* context) \
  row(cuStreamCreate, StreamHandle* stream, unsigned flags) \
  row(cuStreamDestroy_v2, StreamHandle stream) \
  row(cuStreamSynchronize, StreamHandle stream) \
  row(cuEventCreate, EventHandle* event, unsigned flags) \
  row(cuEventDestroy_v2, EventHandle event) \
  row(cuEventRecord, EventHandle event, StreamHandle stream) \
  row(cuEventSynchronize, EventHandle event) \
  row(cuEventQuery, EventHandle event) \
  row(cuEventElapsedTime, float* milliseconds, EventHandle start, EventHandle end) \
  row(cuMemAlloc_v2, DevicePointer* memory, size_t nbytes) \
  row(cuMemFree_v2, DevicePointer memory) \
  row(cuMemHostAlloc, void** memory, size_t nbytes, unsigned flags) \
  row(cuMemFreeHost, void* memory) \
  row(cuMemcpyHtoDAsync_v2, DevicePointer to, const void* from, size_t nbytes, \
      StreamHandle stream) \
  row(cuMemcpyDtoHAsync_v2, void* to, DevicePointer from, size_t nbytes, \
      StreamHandle stream) \
  row(cuMemcpyDtoDAsync_v2, DevicePointer to, DevicePointer from, size_t nbytes, \
      StreamHandle stream) \
  row(cuModuleLoadData, ModuleHandle* module, const void* image) \
  row(cuModuleUnload, ModuleHandle module) \
  row(cuModuleGetFunction, FunctionHandle* function, ModuleHandle module, const char* name) \
  row(cuLaunchKernel, FunctionHandle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, \
      unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes, \
      StreamHandle stream, void** arguments, void** extra)
// clang-format on

/// The library's functions, each under its own name.
struct Driver {
#define WEFT_CUDA_MEMBER(name, ...) Result (*name)(__VA_ARGS__) = nullptr;
  WEFT_CUDA_FUNCTIONS(WEFT_CUDA_MEMBER)
#undef WEFT_CUDA_MEMBER

  /// Returns a library that is loaded and initialized once, and never closed: at the process's end
  /// the driver may be gone before us. Throws Error (unsupported), which says what is missing.
  static const Driver& get(const std::string& path);

  /// Throws Error (out_of_memory or internal) where a call of `what` did not succeed.
  void check(Result code, const char* what) const {
    if (code != kSuccess) fail(code, what);
  }
  /// Returns a code's name and meaning.
  std::string text_of(Result code) const;

private:
  explicit Driver(const std::string& path);
  [[noreturn]] void fail(Result code, const char* what) const;
};

} // namespace weft::device::cuda
