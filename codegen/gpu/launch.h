// What a device kernel is launched with. Plain C++: the compiler writes it, a device runtime reads
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::gpu {

/// An argument of a device kernel. Scalars come as a CPU kernel's do
/// (runtime/program/kernel_abi.h): 8 bytes each, f32 as the bits of an f64, i1 as 0 or 1; a launch
/// narrows f32.
enum class ArgumentKind : uint8_t { buffer, f32, f64, i64 };

/// One launch of a kernel whose sizes are known. Behind `arguments` every kernel takes three more:
/// two error words, the launch's own number that it writes into the first of them where a
/// requirement does not hold (the second is then raised to at least its code), and blocks *
/// scratch_bytes of memory that need not be cleared (null where that is 0). A buffer of OpenCL is
/// two arguments, the buffer and an offset in bytes.
struct Launch {
  std::string kernel; // the function's name in the source
  std::vector<ArgumentKind> arguments;
  int64_t blocks = 0; // 0: there is nothing to do
  int threads = 1;    // of a block
  int64_t scratch_bytes = 0;
};

} // namespace weft::gpu
