// Between tensors and the readers and writers of bytes.
#pragma once

#include "runtime/core/tensor_impl.h"
#include "runtime/io/format_error.h"

#include <new>
#include <span>

namespace weft {

/// Throws what a reader or writer said, with the op, the file and the user's line.
[[noreturn]] void fail_in_file(const char* op, const std::string& path, const FormatError& error,
                               const Loc& loc);

[[noreturn]] void fail_for_memory(const char* op, const std::string& path, const Loc& loc);

/// Calls f, which reads or writes a file.
template <class F> auto in_file(const char* op, const std::string& path, const Loc& loc, F&& f) {
  try {
    return f();
  } catch (const FormatError& error) {
    fail_in_file(op, path, error, loc);
  } catch (const std::bad_alloc&) {
    fail_for_memory(op, path, loc);
  }
}

/// A tensor's elements in row-major order: its own memory, or that of a copy.
struct Elements {
  Tensor kept;
  std::span<const uint8_t> bytes;
};
/// Waits for pending work. Throws where the tensor is undefined; `what` names it.
Elements elements_of(const char* op, const Tensor& t, const std::string& what, const Loc& loc);

/// The memory of a new row-major tensor.
std::span<uint8_t> memory_of(const Tensor& t);

/// Makes a tensor over a storage, whose reference it takes over; `offset` counts elements.
Tensor tensor_over(Storage* storage, int64_t offset, const Meta& meta);

/// Throws FormatError unless each bool is 0 or 1.
void check_bools(std::span<const uint8_t> bytes);

} // namespace weft
